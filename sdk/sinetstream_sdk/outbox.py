"""Messages that the caller has published and the broker has yet to confirm.

For client libraries that hand out a key for each message and confirm it later. No more are given to
the client than may be in flight, so that one which cannot be sent in time is called back for good.
Promises are settled when :meth:`Outbox.settle` is called, and thus where no lock is held.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.promises import Deferred, SafePromise

__all__ = ["Outbox", "Outgoing"]

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)


class Outgoing:
    """A message, its promise, and the monotonic time by which that is settled."""

    __slots__ = ("deadline", "outcome", "payload")

    def __init__(self, payload: bytes, deadline: float) -> None:
        self.payload, self.deadline = payload, deadline
        self.outcome: Deferred[None] = Deferred()


class Outbox(Generic[K]):
    """:meth:`send` and :meth:`answer` may be called from any thread, the rest from the client's.

    :param timeout_s: how long a message may stay unconfirmed before its promise is rejected
    :param in_flight: how many the client is given at a time
    :param limit: how many more may wait; 0 for no limit
    :param wake: called when there is something to do
    """

    def __init__(
        self,
        timeout_s: float,
        in_flight: int = 20,
        limit: int = 0,
        wake: Callable[[], object] = lambda: None,
    ) -> None:
        self.in_flight = in_flight
        """How many the client is given at a time; it may be changed between two calls."""
        self.wake = wake
        self._timeout_s, self._limit = timeout_s, limit
        self._lock = threading.Lock()
        self._queue: deque[Outgoing] = deque()
        self._in_flight: dict[K, Outgoing] = {}
        self._answers: deque[tuple[K, Exception | None]] = deque()
        self._closed = False

    def send(self, payload: bytes) -> SafePromise[None]:
        """A promise for the delivery of ``payload``; rejected if too many are waiting.

        :raises ConnectionError: the outbox is closed
        """
        message = Outgoing(payload, time.monotonic() + self._timeout_s)
        with self._lock:
            if self._closed:
                raise BrokerGone("this writer is not open; call open() before publish()")
            full = 0 < self._limit <= len(self._queue)
            if not full:
                self._queue.append(message)
        if full:
            text = f"{self._limit} messages are waiting, which is the limit; publish more slowly"
            message.outcome.reject(SinetError(text))
        else:
            self.wake()
        return message.outcome.promise

    def answer(self, key: K, error: Exception | None = None) -> None:
        """The broker has the message of ``key``, or will not take it."""
        self._answers.append((key, error))

    # ---- on the client's thread

    @property
    def patience_s(self) -> float:
        """How long the promise of a message may take to settle, and then some."""
        return 2 * self._timeout_s + 60

    @property
    def sendable(self) -> bool:
        """Whether a message is waiting and may be given to the client."""
        return bool(self._queue) and len(self._in_flight) < self.in_flight

    def given(self) -> list[tuple[K, bool]]:
        """The key of each message that the client has, and whether its promise is still pending."""
        return [(key, m.outcome.promise.is_pending) for key, m in self._in_flight.items()]

    def pass_on(self, publish: Callable[[bytes], K | None]) -> None:
        """Give the client as many messages as may be in flight.

        :param publish: gives the key, or None where there is no connection; an exception that it
            raises rejects the message's promise
        """
        for _ in range(self.in_flight - len(self._in_flight)):
            if not self._queue:
                return
            message = self._queue[0]
            try:
                key = publish(message.payload)
            except Exception as error:  # noqa: BLE001 - it is the outcome
                self._queue.popleft()
                self._reject(message, error)
                continue
            if key is None:
                return
            self._queue.popleft()
            self._in_flight[key] = message

    def settle(self, why: object = "") -> None:
        """Settle what has been answered, and reject what has waited too long.

        :param why: what is known of the cause, for the error
        """
        while self._answers:
            key, error = self._answers.popleft()
            message = self._in_flight.pop(key, None)
            if message is not None and error is None:
                self._settle(message.outcome.resolve, None)
            elif message is not None:
                self._reject(message, error)
        now = time.monotonic()
        while self._queue and self._queue[0].deadline <= now:
            self._reject(self._queue.popleft(), self._lost("could not be sent", why))
        for message in self._overdue(now):
            # It keeps its place: the client has it still, and may deliver it yet.
            self._reject(message, self._lost("was not confirmed, and may yet arrive,", why))

    def deadline(self) -> float:
        """The monotonic time at which :meth:`settle` has something to reject."""
        flying = (m.deadline for m in self._in_flight.values() if m.outcome.promise.is_pending)
        waiting = (message.deadline for message in list(self._queue)[:1])
        return min(next(flying, float("inf")), next(waiting, float("inf")))

    @property
    def drained(self) -> bool:
        """Whether every promise is settled."""
        return not self._queue and self.deadline() == float("inf")

    def close(self) -> None:
        """Take no more, without rejecting anything; :meth:`abandon` does that."""
        with self._lock:
            self._closed = True

    def abandon(self, why: object = "") -> None:
        """Reject whatever is left."""
        self.close()
        because = f": {why}" if why else ""
        while self._queue:
            text = f"closed before the message was sent{because}"
            self._reject(self._queue.popleft(), BrokerGone(text))
        for message in self._in_flight.values():
            text = f"closed before the message was confirmed; it may yet arrive{because}"
            self._reject(message, BrokerGone(text))

    def _overdue(self, now: float) -> Iterator[Outgoing]:
        for message in self._in_flight.values():
            if message.deadline > now:
                return
            if message.outcome.promise.is_pending:
                yield message

    def _lost(self, what: str, why: object) -> BrokerGone:
        because = f": {why}" if why else ""
        return BrokerGone(f"the message {what} within {self._timeout_s:g} s{because}")

    def _reject(self, message: Outgoing, error: Exception | None) -> None:
        if message.outcome.promise.is_pending:
            self._settle(message.outcome.reject, error)

    def _settle(self, settle: Callable[[Any], bool], outcome: object) -> None:
        try:
            settle(outcome)
        except BaseException:  # as sys.exit() in a callback; other promises are waiting still
            logger.exception("the callback of a promise raised")
