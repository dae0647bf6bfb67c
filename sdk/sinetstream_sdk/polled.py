"""What a reader and a writer hold if their client library does its work while it is polled.

Such a client has a method that waits a while, gives what has come, and calls back meanwhile. A
:class:`PolledInbox` asks it for messages whenever the caller does; a :class:`PolledOutbox` has a
thread that alone polls it, so that it can tell what became of the messages it was given, and an
:class:`AwaitedOutbox` polls it until it can tell. A :class:`LongCall` is for what such a client has
no time limit for.

They stand where :mod:`~sinetstream_sdk.inbox` and :mod:`~sinetstream_sdk.outbox` do in the roles of
:mod:`sinetstream_sdk.linked`.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.promises import Deferred, SafePromise

__all__ = ["TURN_S", "AwaitedOutbox", "LongCall", "PolledInbox", "PolledOutbox"]

logger = logging.getLogger(__name__)

M = TypeVar("M")
T = TypeVar("T")

TURN_S = 0.1
"""How long the client is left to wait at a time; ``close()`` may take that long."""


class PolledInbox(Generic[M]):
    """Messages that the client gives when it is asked; every method may be called from any thread.

    ``fetch`` and ``release`` are called under a lock, by whoever wants a message.

    :param fetch: waits so many seconds and gives what has come, be it nothing; an exception among
        the messages is raised when its turn comes
    :param release: called with a message once the caller has done with it, that is when it asks for
        the next one
    """

    def __init__(
        self,
        fetch: Callable[[float], Iterable[M | Exception]],
        release: Callable[[M], object] = lambda _: None,
    ) -> None:
        self._fetch, self._release = fetch, release
        self._lock = threading.RLock()
        self._waiting: deque[M | Exception] = deque()
        self._taken: M | None = None
        self._closed = False

    def take(self, timeout_s: float | None) -> M | None:
        """The next message; None once the time is up or the inbox closed.

        :raises Exception: what ``fetch`` gave or raised
        """
        left = float("inf") if timeout_s is None else timeout_s
        end = None
        while True:
            with self._lock:
                self._release_taken()
                if self._closed:
                    return None
                if not self._waiting:
                    end = end or time.monotonic() + left
                    self.fetch(min(left, TURN_S))
                if self._waiting:
                    found = self._waiting.popleft()
                    if isinstance(found, Exception):
                        raise found
                    self._taken = found
                    return found
            assert end is not None
            left = end - time.monotonic()
            if left <= 0:
                return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context in which nobody else fetches.

        :raises ConnectionError: the inbox is closed
        """
        with self._lock:
            if self._closed:
                raise BrokerGone("this reader was closed meanwhile; call open() first")
            yield

    def fetch(self, within_s: float) -> None:
        """Ask the client for messages, which wait here; for whoever has it call back meanwhile.

        :raises ConnectionError: the inbox is closed
        """
        with self.held():
            self._waiting.extend(self._fetch(within_s))

    def keep(self, wanted: Callable[[M], bool]) -> None:
        """Forget those messages that wait here and are not wanted; the one handed out stays."""
        with self._lock:
            left = [each for each in self._waiting if isinstance(each, Exception) or wanted(each)]
            self._waiting = deque(left)

    def clear(self) -> None:
        """Forget all messages, the one handed out included."""
        with self._lock:
            self._waiting.clear()
            self._taken = None

    def close(self, *, release: bool = True) -> None:
        """Give out no more, and wait until nobody fetches.

        :param release: whether the caller has done with the message that it was handed last
        """
        self._closed = True
        with self._lock:
            if release:
                self._release_taken()
            self.clear()

    def _release_taken(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            self._release(taken)


class LongCall:
    """A call of the client that may take longer than its caller can wait, on a thread of its own.

    It begins at once, or after another one. Nothing can end it but the client.
    """

    def __init__(self, call: Callable[[], object], after: LongCall | None = None) -> None:
        self._call, self._after = call, after
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._main, name=f"sinetstream {type(self).__name__}", daemon=True
        )
        self._thread.start()

    def ended(self, within_s: float) -> bool:
        """Wait so many seconds at most; whether the call has returned.

        :raises Exception: what it raised
        """
        self._thread.join(within_s)
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _main(self) -> None:
        if self._after is not None:
            self._after._thread.join()  # whoever waits for this one has a deadline
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 - it is raised in ended()
            self._error = error


class _Outbox(ABC, Generic[T]):
    """What the two outboxes have in common.

    :param hand_over: gives a message to the client, which is to settle the promise in a callback;
        what it raises rejects the promise
    :param poll: waits so many seconds, and has the client call back
    :param under_way: how many messages the client has not reported on
    :param end: disconnects, after a report on whatever is left
    """

    patience_s = None
    """The time within which each promise is settled is the client's to keep."""

    def __init__(
        self,
        hand_over: Callable[[bytes, Deferred[T]], object],
        poll: Callable[[float], object],
        under_way: Callable[[], int],
        end: Callable[[], object],
    ) -> None:
        self._hand_over, self._poll, self._under_way, self._end = hand_over, poll, under_way, end
        self._lock = threading.Lock()
        self._closed = False

    @abstractmethod
    def open(self) -> None:
        """Begin, once the client is connected."""

    @abstractmethod
    def close(self) -> None:
        """Take no more messages and disconnect; also where :meth:`open` was never called."""

    def send(self, payload: bytes) -> SafePromise[T]:
        """A promise for the delivery of ``payload``.

        :raises ConnectionError: the outbox is closed
        """
        outcome = self._outcome()
        refusal: Exception | None = None
        with self._lock:  # the client is let go of only after that
            if self._closed:
                raise BrokerGone("this writer is not open; call open() before publish()")
            try:
                self._give(payload, outcome)
            except Exception as error:  # noqa: BLE001 - it is the outcome
                refusal = error
        if refusal is not None:
            outcome.promise._try_reject(refusal)
        return outcome.promise

    def _outcome(self) -> Deferred[T]:
        return Deferred()

    @abstractmethod
    def _give(self, payload: bytes, outcome: Deferred[T]) -> None:
        """Give a message to the client, under the lock."""


class AwaitedOutbox(_Outbox[T]):
    """For synchronous writers: polls until a message is settled. Threads take turns.

    ``close()`` in another thread ends that.
    """

    def open(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self._closed = True
        with self._lock:
            self._end()

    def _give(self, payload: bytes, outcome: Deferred[T]) -> None:
        self._hand_over(payload, outcome)
        while outcome.promise.is_pending and not self._closed:
            self._poll(TURN_S)


Note = tuple[SafePromise[Any], object, BaseException | None]


class _Noted(Deferred[T]):
    """Takes what the client reports, for the thread to settle the promise with."""

    __slots__ = ("_notes",)

    def __init__(self, notes: deque[Note]) -> None:
        super().__init__()
        self._notes = notes

    def resolve(self, value: Any) -> bool:
        self._notes.append((self.promise, value, None))
        return True

    def reject(self, exc: BaseException) -> bool:
        self._notes.append((self.promise, None, exc))
        return True


class PolledOutbox(_Outbox[T]):
    """For asynchronous writers: a thread polls, and the callbacks of promises run on it.

    The connection is ended on that thread, too.

    While one thread publishes and another polls, each report has them hand Python's lock to and
    fro, which costs more than all the rest. So whoever publishes polls, too, to note what there is
    to report, and the thread rests for a moment between one lot of reports and the next.
    """

    rest_s: ClassVar[float] = 0.003
    """How long the thread rests while messages come and go."""
    often: ClassVar[int] = 32
    """After how many messages the publisher polls."""
    drain_s: ClassVar[float] = 5.0
    """How long ``close()`` gives to what is under way."""
    end_s: ClassVar[float] = 10.0
    """How long it gives to the end that comes after that."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._notes: deque[Note] = deque()
        self._given = 0
        self._thread = threading.Thread(
            target=self._main, name=f"sinetstream {type(self).__name__}", daemon=True
        )

    def open(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Take no more, wait for what is under way, and end the thread.

        In the callback of a promise, which is on that thread, nothing is waited for.

        :raises SinetError: the thread has not ended in time
        """
        with self._lock:
            self._closed = True
        if threading.current_thread() is self._thread:
            return
        if self._thread.ident is None:
            self._end()
            return
        limit_s = self.drain_s + self.end_s
        self._thread.join(limit_s)
        if self._thread.is_alive():
            raise SinetError(f"the thread of a writer has not ended {limit_s:g} s after close()")

    def _outcome(self) -> Deferred[T]:
        return _Noted(self._notes)

    def _give(self, payload: bytes, outcome: Deferred[T]) -> None:
        self._hand_over(payload, outcome)
        self._given += 1
        if self._given % self.often == 0:
            self._poll(0)

    def _main(self) -> None:
        while not self._closed:
            self._turn(TURN_S)
        stop_by = time.monotonic() + self.drain_s
        while self._under_way() and (left := stop_by - time.monotonic()) > 0:
            self._turn(min(left, TURN_S))
        self._call(self._end)
        self._settle()

    def _turn(self, within_s: float) -> None:
        given = self._given
        self._call(self._poll, within_s)
        while self._settle() or given != self._given:
            given = self._given
            time.sleep(self.rest_s)
            self._call(self._poll, 0)

    def _call(self, client: Callable[..., object], *args: Any) -> None:
        try:
            client(*args)
        except BaseException:  # the promises are waiting still
            logger.exception("the client of a writer raised")

    def _settle(self) -> bool:
        """Settle what has been noted, if anything has."""
        found = bool(self._notes)
        while self._notes:
            promise, value, error = self._notes.popleft()
            try:
                promise._try_resolve(value) if error is None else promise._try_reject(error)
            except BaseException:  # as sys.exit() in a callback; other promises are still waiting
                logger.exception("the callback of a promise raised")
        return found
