"""Messages that a client has delivered and the caller has yet to take.

For client libraries that call back with each message: the callback puts it in, and the iterator of
a reader takes it out, with ``receive_timeout_ms`` as the guide has it (§3.2.1).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from sinetstream_sdk.errors import ConnectionError as BrokerGone

__all__ = ["Inbox", "Messages", "Source"]

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)

_SLICE_S = 1.0


class Inbox(Generic[M]):
    """A queue that can be closed. Every method may be called from any thread.

    It has no limit of its own: limit what the broker may send unacknowledged, and acknowledge in
    ``release``.

    :param gone: asked while a reader waits; an error that it gives is raised to the reader
    :param release: called with a message once the caller has done with it, that is when it asks for
        the next one or closes
    """

    def __init__(
        self,
        gone: Callable[[], Exception | None] = lambda: None,
        release: Callable[[M], object] = lambda _: None,
    ) -> None:
        self._gone, self._release = gone, release
        self._changed = threading.Condition()
        self._waiting: deque[M] = deque()
        self._taken: list[M] = []
        self._closed = False

    def put(self, message: M) -> None:
        """Add a message."""
        with self._changed:
            self._waiting.append(message)
            self._changed.notify()

    def unreleased(self) -> list[M]:
        """The messages that the caller has not done with, be they taken or not; oldest first."""
        with self._changed:
            return [*self._taken, *self._waiting]

    def take(self, timeout_s: float | None) -> M | None:
        """The oldest message; None once the time is up or the inbox closed.

        :raises Exception: what ``gone`` gave
        """
        end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        self._release_taken()
        with self._changed:
            while not self._waiting and not self._closed:
                error = self._gone()
                if error is not None:
                    raise error
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, _SLICE_S))
            if self._closed:
                return None
            message = self._waiting.popleft()
            self._taken.append(message)
            return message

    def close(self) -> None:
        """Give out no more, and wake whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._release_taken()

    def _release_taken(self) -> None:
        with self._changed:
            taken, self._taken = self._taken, []
        for message in taken:
            self._release(message)


class Source(Protocol[M_co]):
    """What messages are taken from: an inbox."""

    def take(self, timeout_s: float | None) -> M_co | None:
        """The next message; None once the time is up or there is no more to come."""


class Messages(Iterator[tuple[bytes, str, Any]]):
    """What ``__iter__()`` of a reader returns: each ``next()`` waits the whole time anew.

    :param inbox: None where the reader is not open
    :param timeout_s: how long to wait; None for ever
    :param unpack: makes payload, topic and raw message of what the inbox holds
    """

    def __init__(
        self,
        inbox: Source[M] | None,
        timeout_s: float | None,
        unpack: Callable[[M], tuple[bytes, str, Any]],
    ) -> None:
        self._inbox, self._timeout_s, self._unpack = inbox, timeout_s, unpack
        self._over = False

    def __next__(self) -> tuple[bytes, str, Any]:
        if self._inbox is None:
            raise BrokerGone("this reader is not open; call open() first")
        message = None if self._over else self._inbox.take(self._timeout_s)
        if message is None:
            self._over = True
            raise StopIteration
        return self._unpack(message)
