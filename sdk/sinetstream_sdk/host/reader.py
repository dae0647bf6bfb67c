"""The synchronous reader (guide §2.2.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.host.message import Message
from sinetstream_sdk.host.receiving import Receiving
from sinetstream_sdk.roles import Role

__all__ = ["MessageReader"]


class MessageReader(Receiving):
    """Receives messages one after the other.

    ::

        with MessageReader(service="sensors") as reader:
            for message in reader:
                print(message.value)

    The iteration ends when no message has come for ``receive_timeout_ms``. A message that cannot be
    decoded raises ``InvalidMessageError`` from that ``next()``; the one after it is read as usual.
    """

    role = Role.READER
    _next: Callable[[], Any] | None = None

    def __iter__(self) -> Self:
        """Start to read.

        :raises ConnectionError: it is not open
        """
        self._start()
        return self

    def __next__(self) -> Message:
        """The next message.

        :raises StopIteration: none came for ``receive_timeout_ms``
        :raises InvalidMessageError: it cannot be decoded
        :raises SinetError: whatever else went wrong, with the plugin's error as its cause
        """
        advance = self._next or self._start()
        try:
            data, topic, raw = advance()
        except StopIteration:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self._counters.error()
            self._raise(error, _failed(error))
        return self._message(data, topic, raw)

    def seek_to_beginning(self) -> None:
        """Go back to the oldest message, where the messaging system can."""
        self._call(self._opened_plugin(), "seek_to_beginning")

    def seek_to_end(self) -> None:
        """Skip to the newest message, where the messaging system can."""
        self._call(self._opened_plugin(), "seek_to_end")

    def _start(self) -> Callable[[], Any]:
        plugin = self._opened_plugin()
        iterator = self._call(plugin, "__iter__")
        try:
            self._next = advance = iterator.__next__
        except AttributeError:
            raise SinetError(
                f"__iter__() of the reader plugin {self._params['type']!r} must return an "
                f"iterator; it returned a {type(iterator).__name__}"
            ) from None
        found: Callable[[], Any] = advance
        return found

    def _detach(self) -> None:
        self._next = None


def _failed(error: Exception) -> str:
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        return "next() (its generator raises StopIteration, where it should return: PEP 479)"
    trace = error.__traceback__
    if isinstance(error, TypeError | ValueError) and trace is not None and trace.tb_next is None:
        return "unpacking what next() returned, which must be (payload, topic, raw),"
    return "next()"
