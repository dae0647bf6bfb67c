"""An asynchronous reader (guide §3.2.3) made of a synchronous one.

    class QueueAsyncReader(PollingAsyncReader):
        reader_class = QueueReader

A thread fetches from the synchronous reader, a short poll at a time, and passes each message to
``on_message``.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.failures import FailureReport
from sinetstream_sdk.spi import (
    OnFailure,
    OnMessage,
    PluginAsyncMessageReader,
    PluginMessageReader,
)
from sinetstream_sdk.threaded import IDLE_S, ThreadedRole

__all__ = ["PollingAsyncReader", "SeekingAsyncReader"]

logger = logging.getLogger(__name__)


class PollingAsyncReader(ThreadedRole[PluginMessageReader], PluginAsyncMessageReader):
    """Delivers the messages of ``reader_class`` to callbacks, in order and one at a time.

    **No message is dropped.** Without an ``on_message`` nothing is fetched. One that was fetched
    while ``on_message`` was being removed waits for the next ``on_message``, beyond ``close()`` if
    need be. One that was being fetched when ``close()`` began is delivered before ``close()``
    returns, and so is none after that.

    **Errors.** What a callback raises goes to ``on_failure``, and delivery goes on. So does what
    the reader raises; the next attempt comes after a pause, which doubles while the errors last.
    The reader is not closed and opened again: one that needs that after losing its connection does
    it itself, or the user does, from another thread, when ``on_failure`` is called. Without an
    ``on_failure`` errors are logged, repeated ones only now and then with their number.

    **Closing inside a callback** is fine: that callback is the last one. Nothing has been fetched
    beyond its message, so nothing is lost.
    """

    reader_class: ClassVar[type[PluginMessageReader]]
    """The synchronous reader; set it in the derived class."""

    poll_ms: ClassVar[float] = 10
    """The ``receive_timeout_ms`` of the synchronous reader; ``close()`` may take that long.

    The user's own ``receive_timeout_ms`` is checked, but has no meaning here.
    """

    retry_ms: ClassVar[float] = 100
    """The first pause after an error of the reader, in milliseconds."""

    retry_limit_ms: ClassVar[float] = 5000
    """The longest pause after an error of the reader, in milliseconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_message: OnMessage | None = None
        self._on_failure: OnFailure | None = None
        self._held: deque[Any] = deque()
        self._failures = FailureReport(type(self).__name__)

    def _wrapped_class(self) -> type[PluginMessageReader]:
        try:
            return self.reader_class
        except AttributeError:
            raise TypeError(
                f"{type(self).__name__} must set reader_class to its synchronous reader"
            ) from None

    def _wrapped_params(self) -> Mapping[str, Any]:
        self.params.receive_timeout_ms()
        return {**self.params, "receive_timeout_ms": self.poll_ms}

    @property
    def on_message(self) -> OnMessage | None:
        """What is called with ``(payload, topic, raw message)``; None stops the fetching."""
        return self._on_message

    @on_message.setter
    def on_message(self, on_message: OnMessage | None) -> None:
        self._check_callback("on_message", on_message)
        with self._changed:
            self._on_message = on_message
            self._changed.notify_all()

    @property
    def on_failure(self) -> OnFailure | None:
        """What is called with the exception when something goes wrong."""
        return self._on_failure

    @on_failure.setter
    def on_failure(self, on_failure: OnFailure | None) -> None:
        self._check_callback("on_failure", on_failure)
        self._on_failure = on_failure

    def _check_callback(self, name: str, callback: object) -> None:
        if callback is not None and not callable(callback):
            raise InvalidArgumentError(
                f"{type(self).__name__}.{name} must be a function or None; "
                f"a {type(callback).__name__} was given",
                parameter=name,
            )

    # ---- on the thread

    def _run(self) -> None:
        try:
            self._deliver()
            self._poll()
        finally:
            self._failures.flush()
            if self._held:
                logger.warning(
                    "%s was closed while a message waited for an on_message; "
                    "it is delivered after the next open()",
                    type(self).__name__,
                )

    def _poll(self) -> None:
        messages: Iterator[tuple[bytes, str, Any]] | None = None
        pause_ms = self.retry_ms
        while self._wait_for_callback():
            started = time.monotonic()
            try:
                if messages is None:
                    messages = iter(self._wrapped)
                self._held.append(next(messages))
            except StopIteration:
                messages = None  # an iterator that has ended stays so
                pause_ms = self.retry_ms
                self._rest(self.poll_ms / 1000 - (time.monotonic() - started))
            except BaseException as error:  # noqa: BLE001 - it must not end the thread
                messages = None
                self._failures.report(error, type(self._wrapped).__name__, self._on_failure)
                self._rest(pause_ms / 1000)
                pause_ms = min(2 * pause_ms, self.retry_limit_ms)
            else:
                pause_ms = self.retry_ms
                self._deliver()

    def _wait_for_callback(self) -> bool:
        """Wait for an ``on_message``; False if the reader is being closed."""
        if self._on_message is not None and not self._stopping:
            return True  # as nearly always; the lock would cost as much as all the rest
        with self._changed:
            while self._on_message is None and not self._stopping:
                self._changed.wait(IDLE_S)
            return not self._stopping

    def _deliver(self) -> None:
        """Pass on the message that is held, if any, as soon as there is an ``on_message``."""
        with self._changed:
            while self._held and self._on_message is None and not self._stopping:
                self._changed.wait(IDLE_S)
            callback = self._on_message
            if callback is None or not self._held:
                return
            message = self._held.popleft()
        try:
            callback(*message)
        except BaseException as error:  # noqa: BLE001 - a user's code
            self._failures.report(error, "on_message", self._on_failure)

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, max(seconds, 0))


class SeekingAsyncReader(PollingAsyncReader):
    """The same for a synchronous reader that can seek, and be told to from any thread.

    What it had fetched before is delivered first.
    """

    def seek_to_beginning(self) -> None:
        """Go to the oldest message."""
        self._wrapped.seek_to_beginning()  # type: ignore[attr-defined]

    def seek_to_end(self) -> None:
        """Leave out what has been published up to now."""
        self._wrapped.seek_to_end()  # type: ignore[attr-defined]
