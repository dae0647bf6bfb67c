"""The promises of messages that a broker client with an interface of its own has yet to confirm.

Such a client hands out a key for each message, as MQTT does its message id, and names that key in a
callback on its own thread once the broker has the message. The callback may come before the key has
been noted down, which :class:`Outstanding` allows for:

    def publish(self, message):
        with self._outstanding.sending():
            key = self._client.publish(self._topic, message)
            return self._outstanding.expect(key)

    def _on_confirmed(self, key):
        self._outstanding.resolve(key, None)
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.promises import Deferred, SafePromise

__all__ = ["Outstanding"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Outstanding(Generic[K, T]):
    """Promises by the key under which the broker's answer will come; make a new one in ``open()``.

    Every method may be called from any thread. Callbacks of promises run on the thread that
    settles, never under a lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[K, Deferred[T]] = {}
        self._early: dict[K, Deferred[T]] = {}
        self._sending = 0
        self._closed: BaseException | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Keep answers whose key is not known yet; :meth:`expect` belongs inside."""
        with self._lock:
            self._sending += 1
        try:
            yield
        finally:
            with self._lock:
                self._sending -= 1
                if not self._sending:
                    self._early.clear()

    def expect(self, key: K) -> SafePromise[T]:
        """A promise for the answer to ``key``, be it yet to come or already there.

        After :meth:`close` it is rejected.

        :raises SinetError: ``key`` is in use
        """
        with self._lock:
            if key in self._waiting:
                raise SinetError(f"the key {key!r} belongs to a message that is not confirmed yet")
            deferred = self._early.pop(key, None)
            closed = self._closed
            if deferred is None:
                deferred = Deferred()
                if closed is None:
                    self._waiting[key] = deferred
                    return deferred.promise
        if closed is not None:
            deferred.reject(closed)
        return deferred.promise

    def resolve(self, key: K, value: T) -> bool:
        """Fulfil the promise of ``key``; False if no message of that key is waiting."""
        deferred = self._take(key)
        return deferred is not None and deferred.resolve(value)

    def reject(self, key: K, exc: BaseException) -> bool:
        """Reject the promise of ``key``; False if no message of that key is waiting."""
        deferred = self._take(key)
        return deferred is not None and deferred.reject(exc)

    def close(self, exc: BaseException) -> int:
        """Reject whatever is waiting, and whatever is still to be expected, with ``exc``.

        :returns: how many were waiting
        """
        with self._lock:
            self._closed = exc
            left: list[Deferred[Any]] = list(self._waiting.values())
            self._waiting.clear()
        for deferred in left:
            deferred.reject(exc)
        return len(left)

    def _take(self, key: K) -> Deferred[T] | None:
        with self._lock:
            deferred = self._waiting.pop(key, None)
            if deferred is None and self._sending and key not in self._early:
                deferred = self._early[key] = Deferred()
            return deferred
