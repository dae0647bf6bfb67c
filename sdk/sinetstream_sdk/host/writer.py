"""The synchronous writer (guide §2.2.2)."""

from __future__ import annotations

from typing import Any

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.host.sending import Sending
from sinetstream_sdk.roles import Role

__all__ = ["MessageWriter"]


class MessageWriter(Sending):
    """Sends messages and waits until the broker has taken each, as its plugin understands that.

    ::

        with MessageWriter(service="sensors") as writer:
            writer.publish(b"21.5")
    """

    role = Role.WRITER

    def publish(self, value: Any, timestamp: float | None = None) -> None:
        """Send one message.

        :param timestamp: the time to send with it, in seconds since the epoch; by default now
        :raises InvalidMessageError: the value cannot be serialised
        :raises ConnectionError: it is not open, or the broker is gone
        :raises SinetError: whatever else went wrong, with the plugin's error as its cause
        """
        publish = self._publish or self._opened_plugin().publish
        message = self._encoded(value, timestamp)
        try:
            publish(message)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self._counters.error()
            self._raise(error, "publish()", BrokerGone)
