"""The asynchronous writer (guide §2.2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.host.sending import Sending
from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from sinetstream_sdk.promises import SafePromise

__all__ = ["AsyncMessageWriter"]


class AsyncMessageWriter(Sending):
    """Sends messages without waiting.

    ::

        with AsyncMessageWriter(service="sensors") as writer:
            writer.publish(b"21.5").then(lambda _: print("sent"))
    """

    role = Role.ASYNC_WRITER

    def publish(self, value: Any, timestamp: float | None = None) -> SafePromise[Any]:
        """Send one message; the promise settles when the broker has it, or does not get it.

        :param timestamp: the time to send with it, in seconds since the epoch; by default now
        :raises InvalidMessageError: the value cannot be serialised
        :raises ConnectionError: it is not open
        :raises SinetError: the plugin failed at once, with its error as the cause
        """
        publish = self._publish or self._opened_plugin().publish
        message = self._encoded(value, timestamp)
        try:
            promise = publish(message)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self._counters.error()
            self._raise(error, "publish()", BrokerGone)
        from sinetstream_sdk.promises import SafePromise

        if not SafePromise.is_thenable(promise):
            self._counters.error()
            raise SinetError(
                f"publish() of the async_writer plugin {self._params['type']!r} must return a "
                f"promise; it returned a {type(promise).__name__}"
            )
        return SafePromise.resolve(promise).catch(self._rejected)

    def _rejected(self, error: Exception) -> NoReturn:
        self._counters.error()
        self._raise(error, "publish()", BrokerGone)
