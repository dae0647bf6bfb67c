"""An asynchronous writer (guide §3.2.4) made of a synchronous one.

    class QueueAsyncWriter(PublishingAsyncWriter):
        writer_class = QueueWriter

A thread takes the messages from a queue, passes them to the synchronous writer and settles their
promises.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from sinetstream_sdk.errors import (
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
    SinetError,
)
from sinetstream_sdk.failures import as_exception
from sinetstream_sdk.promises import Deferred, SafePromise
from sinetstream_sdk.spi import PluginAsyncMessageWriter, PluginMessageWriter
from sinetstream_sdk.threaded import IDLE_S, ThreadedRole
from sinetstream_sdk.trampoline import attempt

__all__ = ["PublishingAsyncWriter"]

logger = logging.getLogger(__name__)


class PublishingAsyncWriter(ThreadedRole[PluginMessageWriter], PluginAsyncMessageWriter):
    """Publishes through ``writer_class`` in the order of the calls, without making the caller wait.

    A promise is fulfilled with what the synchronous ``publish()`` returned, and rejected with what
    it raised. Callbacks of promises run on the writer's thread: one that takes long holds up the
    messages behind it, and one that waits for a later promise of this writer waits in vain.

    ``close()`` takes no more messages and gives those in the queue ``close_timeout_s`` to go out;
    what is left then is rejected. If the synchronous writer is stuck, the message that it is busy
    with is rejected as well, a second later, though it may still arrive. ``close()`` inside a
    callback keeps to this too, except that a writer which gets stuck afterwards is given up only
    when ``close()`` is called from another thread.
    """

    writer_class: ClassVar[type[PluginMessageWriter]]
    """The synchronous writer; set it in the derived class."""

    queue_size: ClassVar[int] = 1000
    """How many messages may wait; beyond that ``publish()`` returns a rejected promise."""

    _grace_s: ClassVar[float] = 1.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue: deque[tuple[bytes, Deferred[Any]]] = deque()
        self._under_way: Deferred[Any] | None = None

    def _wrapped_class(self) -> type[PluginMessageWriter]:
        try:
            return self.writer_class
        except AttributeError:
            raise TypeError(
                f"{type(self).__name__} must set writer_class to its synchronous writer"
            ) from None

    def publish(self, message: bytes) -> SafePromise[Any]:
        """Queue ``message`` as it is and return a promise for its delivery.

        The promise is rejected if the queue is full.

        :raises InvalidArgumentError: ``message`` is not ``bytes``
        :raises ConnectionError: the writer is not open
        """
        name = type(self).__name__
        if not isinstance(message, bytes):
            raise InvalidArgumentError(
                f"{name}.publish() takes bytes; a {type(message).__name__} was given",
                parameter="message",
            )
        deferred: Deferred[Any] = Deferred()
        with self._changed:
            if self._stopping:
                raise ConnectionError(f"{name} is not open; call open() before publish()")
            full = len(self._queue) >= self.queue_size
            if not full:
                self._queue.append((message, deferred))
                self._changed.notify_all()
        if full:
            deferred.reject(
                SinetError(
                    f"{name} has {self.queue_size} messages waiting, which is its queue_size; "
                    "publish more slowly, wait for earlier promises, or raise queue_size"
                )
            )
        return deferred.promise

    # ---- on the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._under_way = None
                while not self._queue and not self._stopping:
                    self._changed.wait(IDLE_S)
                late = self._stopping and (
                    time.monotonic() - self._stopped_at >= self.close_timeout_s
                )
                if not self._queue or late:
                    return
                message, deferred = self._queue.popleft()
                self._under_way = deferred
            result, error = attempt(self._wrapped.publish, message)
            if error is None:
                self._settle(deferred.resolve, result)
            else:
                origin = f"{type(self._wrapped).__name__}.publish()"
                self._settle(deferred.reject, as_exception(error, origin))
            # This frame lives on and must not keep the promise: if nobody looks at its rejection,
            # that is to be logged now.
            del message, deferred, result, error

    def _settle(self, settle: Callable[[Any], bool], outcome: Any) -> None:
        try:
            settle(outcome)
        except BaseException:  # as sys.exit() in a callback; the other promises are still waiting
            logger.exception("%s: the callback of a promise raised", type(self).__name__)

    def _abandon(self) -> None:
        with self._changed:
            waiting = [deferred for _, deferred in self._queue]
            self._queue.clear()
            under_way, self._under_way = self._under_way, None
        gave_up = f"{type(self).__name__}.close() gave up after {self.close_timeout_s:g} s"
        for deferred in waiting:
            self._settle(
                deferred.reject,
                ConnectionError(
                    f"{gave_up} with {len(waiting)} messages not sent, this one among them; "
                    "publish it again, or raise close_timeout_s"
                ),
            )
        if under_way is not None:
            self._settle(
                under_way.reject,
                ConnectionError(
                    f"{gave_up} while {type(self._wrapped).__name__}.publish() was busy with this "
                    "message; it may or may not have been sent"
                ),
            )
