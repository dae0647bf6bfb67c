"""A promise that threads can share, and the handle with which a plugin settles it.

An asynchronous writer returns a ``promise.Promise`` (guide §3.2.4), and the thread that settles it
is seldom the one that calls ``then()`` or ``get()`` on it. ``promise`` 2.3 takes no lock, so
callbacks get lost there, however careful the plugin is; ``docs/promise-safety.md`` says what was
measured. :class:`SafePromise` is a real subclass of the published class and right from any thread:

* it settles once: the first ``resolve`` or ``reject`` decides, later ones return False;
* every callback runs exactly once, in the order of registration and never under a lock, on the
  thread that settles the promise or, once that is done, on the one that registers the callback;
* a callback that raises rejects the promise that ``then()`` returned;
* a rejection that nobody has looked at when its promise goes away is logged as an error.

The callbacks of one promise run one after another. While one waits for something, the next ones
wait behind it; only ``get()`` runs what this thread still has to run before it waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from promise import Promise
from promise.promise import STATE_FULFILLED, STATE_PENDING, STATE_REJECTED

from sinetstream_sdk.following import follow_future, follow_plain
from sinetstream_sdk.trampoline import Callback, Registration, attempt, trampoline

__all__ = ["Deferred", "SafePromise"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_Lock = type(threading.RLock())
"""``threading.RLock`` is a function that calls this; a promise is made for each message."""

_MANY = 100
_plain: set[type] = {type(None)}
"""Some types whose values cannot be followed; finding out takes longer than all the rest."""

_STATES = {STATE_PENDING: "pending", STATE_FULFILLED: "fulfilled", STATE_REJECTED: "rejected"}


class SafePromise(Promise[T]):
    """A ``promise.Promise`` whose every method may be called from any thread.

    :param executor: called at once with ``resolve`` and ``reject``, as the base class does;
        a :class:`Deferred` is often simpler
    :param scheduler: accepted for the base class's sake and not used

    The outcome is kept where the base class keeps it, because a plain promise that follows this one
    looks there: the value in ``_rejection_handler0``, the reason in ``_fulfillment_handler0``.
    ``_state`` is written after them, so that reading needs no lock.
    """

    _decided = False
    """Whether a first ``resolve`` or ``reject`` has come, be it to follow another promise."""

    _delivering = False
    """Whether some thread is running the callbacks; it runs those registered meanwhile too."""

    _seen = False
    """Whether somebody has taken the outcome or been told of it."""

    _settled: threading.Event | None = None
    """What is waited for; made by the first who waits, as most promises get callbacks instead."""

    _registered: deque[Registration] | None = None
    """The callbacks that are still to be run, once there have been any."""

    _leader: Promise[Any] | None = None
    """The promise that this one follows."""

    def __init__(
        self,
        executor: Callable[[Callable[[Any], Any], Callable[..., Any]], Any] | None = None,
        scheduler: object = None,
    ) -> None:
        self._lock = _Lock()
        if executor is not None:
            super().__init__(executor, scheduler)

    # ---- settling

    def _try_resolve(self, value: Any) -> bool:
        if not self._decide():
            return False
        self._adopt(value)
        return True

    def _try_reject(self, reason: BaseException, traceback: TracebackType | None = None) -> bool:
        if not isinstance(reason, BaseException):
            raise TypeError(
                f"a promise is rejected with an exception; a {type(reason).__name__} was given"
            )
        if not self._decide():
            return False
        self._settle(STATE_REJECTED, reason, traceback)
        return True

    def _resolve_callback(self, value: Any) -> None:
        self._try_resolve(value)

    def _reject_callback(
        self,
        reason: BaseException,
        synchronous: bool = False,
        traceback: TracebackType | None = None,
    ) -> None:
        self._try_reject(reason, traceback)

    def _fulfill(self, value: Any) -> None:
        if self._decide():
            self._settle(STATE_FULFILLED, value)

    def _reject(self, reason: BaseException, traceback: TracebackType | None = None) -> None:
        self._try_reject(reason, traceback)

    fulfill = do_resolve = _resolve_callback
    do_reject = _reject_callback

    def _decide(self) -> bool:
        with self._lock:
            first = not self._decided
            self._decided = True
        return first

    def _settle(self, state: int, outcome: Any, traceback: TracebackType | None = None) -> None:
        with self._lock:
            if self._state != STATE_PENDING:
                return
            if state == STATE_FULFILLED:
                self._rejection_handler0 = outcome
            else:
                self._fulfillment_handler0 = outcome
                self._traceback = traceback or outcome.__traceback__
            self._leader = None
            self._state = state
            self._delivering = deliver = bool(self._registered)
            settled = self._settled
        if settled is not None:
            settled.set()
        if deliver:
            trampoline.deliver(self)

    # ---- following another promise, a future or a coroutine

    def _adopt(self, value: Any) -> None:
        try:
            kind = value.__class__
            if kind in _plain:
                self._settle(STATE_FULFILLED, value)
            elif isinstance(value, Promise):
                self._follow(value._target())
            elif self.is_thenable(value):
                follow_future(value, self._adopt, self._settle)
            else:
                if len(_plain) < _MANY:
                    _plain.add(kind)
                self._settle(STATE_FULFILLED, value)
        except Exception as error:  # noqa: BLE001 - it is the outcome
            self._settle(STATE_REJECTED, error)

    def _follow(self, other: Promise[Any] | None) -> None:
        while other is not None:
            step: Promise[Any] | None = other
            while isinstance(step, SafePromise) and step is not self:
                step = step._leader
            if step is self:
                raise TypeError("a promise cannot be resolved with itself")
            self._leader = other
            if isinstance(other, SafePromise):
                other._add_callbacks(
                    partial(self._settle, STATE_FULFILLED),
                    partial(self._settle, STATE_REJECTED),
                    None,
                )
                return
            other = follow_plain(other, self._settle)

    # ---- callbacks

    def then(
        self,
        did_fulfill: Callable[[T], Any] | None = None,
        did_reject: Callable[[Any], Any] | None = None,
    ) -> SafePromise[Any]:
        """A promise for what the callback returns; without one, for the outcome of this promise.

        :param did_fulfill: called with the value
        :param did_reject: called with the exception
        """
        return self._then(did_fulfill, did_reject)

    def catch(self, on_rejection: Callable[[Any], Any]) -> SafePromise[Any]:
        """The same as ``then(None, on_rejection)``."""
        return self._then(None, on_rejection)

    def done(
        self,
        did_fulfill: Callable[[T], Any] | None = None,
        did_reject: Callable[[Any], Any] | None = None,
    ) -> None:
        """:meth:`then` at the end of a chain: an error that is left over gets logged."""
        self._then(did_fulfill, did_reject)

    def _then(
        self, did_fulfill: Callback | None = None, did_reject: Callback | None = None
    ) -> SafePromise[Any]:
        child: SafePromise[Any] = type(self)()
        try:
            self._add_callbacks(did_fulfill, did_reject, child)
            return child
        finally:
            del child  # see serve()

    def _add_callbacks(
        self, fulfill: Callback | None, reject: Callback | None, promise: Promise[Any] | None
    ) -> int:
        with self._lock:
            if self._registered is None:
                self._registered = deque()
            self._registered.append((fulfill, reject, promise))
            del promise  # see serve()
            deliver = self._state != STATE_PENDING and not self._delivering
            if deliver:
                self._delivering = True
        if deliver:
            trampoline.deliver(self)
        return 0

    def next_registration(self) -> Registration | None:
        """For the trampoline: the oldest registration; None ends the delivery."""
        with self._lock:
            if self._registered:
                return self._registered.popleft()
            self._delivering = False
            return None

    def serve(
        self, on_value: Callback | None, on_reason: Callback | None, child: Any
    ) -> BaseException | None:
        """For the trampoline: run the callback, then settle the child, if there is one.

        :returns: what the callback raised and no child could take, or must not keep to itself
        """
        self._seen = True
        fulfilled = self._state == STATE_FULFILLED
        handler = on_value if fulfilled else on_reason
        outcome = self._rejection_handler0 if fulfilled else self._fulfillment_handler0
        error: BaseException | None = None
        if callable(handler):
            result, error = attempt(handler, outcome)
            if child is None:
                return error
            if error is None:
                child._resolve_callback(result)
            else:
                child._reject(error, error.__traceback__)
        elif child is not None:
            if fulfilled:
                child._fulfill(outcome)
            else:
                child._reject(outcome, self._traceback)
        # The traceback leads to this frame and, through f_back, to all that called it. If one of
        # them kept the child, its rejection would be logged at the next garbage collection only.
        del child
        return None if isinstance(error, Exception) else error

    def _settle_promise(
        self, promise: Any, handler: Callback | None, value: Any, traceback: TracebackType | None
    ) -> None:
        # Called by a plain promise that follows this one, for a then() on itself.
        self.serve(handler, handler, promise)

    # ---- looking at the outcome

    def get(self, timeout: float | None = None) -> T:
        """Wait for the value and return it, or raise the reason.

        Inside a callback, what this thread still has to run is run first, whatever its time.

        :param timeout: in seconds; 0 does not wait, None waits for ever
        :raises TimeoutError: the promise is still pending
        """
        self._wait(timeout)
        try:
            value: T = self._settled_value(_raise=True)
            return value
        finally:
            del self

    def _wait(self, timeout: float | None = None) -> None:
        trampoline.run(while_pending=self)
        if self._state != STATE_PENDING:
            return
        limit = None if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        with self._lock:
            if self._state != STATE_PENDING:
                return
            settled = self._settled = self._settled or threading.Event()
        if not settled.wait(limit):
            raise TimeoutError(f"the promise is still pending after {timeout} s")

    @classmethod
    def wait(cls, promise: Promise[Any], timeout: float | None = None) -> None:
        """Wait for ``promise`` to settle, in whatever way.

        :param timeout: in seconds, as for :meth:`get`
        :raises TimeoutError: the promise is still pending
        """
        promise._wait(timeout)

    def _settled_value(self, _raise: bool = False) -> Any:
        if self._state == STATE_PENDING:
            return None
        if self._state == STATE_FULFILLED:
            return self._rejection_handler0
        self._seen = True
        reason: BaseException = self._fulfillment_handler0
        try:
            if _raise:
                raise reason.with_traceback(self._traceback)
            return reason
        finally:
            del self, reason

    @property
    def future(self) -> asyncio.Future[T]:
        """A new future of the running event loop that gets the outcome of this promise.

        :raises RuntimeError: no event loop runs in this thread; use :meth:`get` there
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def pass_on(setter: Callback, outcome: Any) -> None:
            if not future.done():
                try:
                    setter(outcome)
                except TypeError as error:  # a future takes no StopIteration
                    future.set_exception(error)

        def hand_over(setter: Callback, outcome: Any) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pass_on, setter, outcome)

        self._add_callbacks(
            partial(hand_over, future.set_result), partial(hand_over, future.set_exception), None
        )
        return future

    def __await__(self) -> Generator[Any, None, T]:
        return self.future.__await__()

    __iter__ = __await__

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {_STATES[self._state]} at {id(self):#x}>"

    def __del__(self) -> None:
        if self._state == STATE_REJECTED and not self._seen:
            logger.error(
                "a promise was rejected and nobody looked at it: call get(), catch() or done()",
                exc_info=self._fulfillment_handler0,
            )

    # ---- making promises

    @classmethod
    def resolve(cls, obj: Any) -> Self:
        """A promise for ``obj``, which may itself be a promise, a future or a coroutine."""
        if isinstance(obj, cls):
            return obj
        promise = cls()
        promise._try_resolve(obj)
        return promise

    cast = fulfilled = _try_convert_to_promise = resolve

    @classmethod
    def reject(cls, reason: BaseException) -> Self:
        """A promise that is rejected with ``reason``."""
        promise = cls()
        promise._try_reject(reason)
        return promise

    rejected = reject

    @classmethod
    def all(cls, promises: Any) -> SafePromise[list[Any]]:
        """A promise for the list of all values, or for the first rejection.

        :param promises: an iterable of promises, futures and plain values, or a promise of one
        """
        if cls.is_thenable(promises):
            return cls.resolve(promises).then(cls.all)
        result: SafePromise[list[Any]] = SafePromise()
        if not isinstance(promises, Iterable):
            result._reject(TypeError(f"an iterable is needed, not a {type(promises).__name__}"))
            return result
        values = list(promises)
        missing = set(range(len(values)))

        def keep(index: int, value: Any) -> None:
            values[index] = value
            missing.discard(index)
            if not missing:
                result._fulfill(values)

        if not values:
            result._fulfill(values)
        for index, value in enumerate(tuple(values)):
            cls.resolve(value)._add_callbacks(partial(keep, index), result._reject, None)
        return result


class Deferred(Generic[T]):
    """The side of a promise that settles it; the plugin keeps this and hands out ``promise``."""

    __slots__ = ("promise",)

    def __init__(self) -> None:
        self.promise: SafePromise[T] = SafePromise()

    def resolve(self, value: T | Promise[T] | Future[T]) -> bool:
        """Fulfil the promise with ``value``, or let it follow that promise or future.

        :returns: whether this call decided the outcome
        """
        return self.promise._try_resolve(value)

    def reject(self, exc: BaseException) -> bool:
        """Reject the promise with ``exc``.

        :returns: whether this call decided the outcome
        """
        return self.promise._try_reject(exc)
