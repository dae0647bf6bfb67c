"""Two threads that meet at a promise: one attaches to it while the other settles it.

A rule makes them meet at every point of the way in turn. The settling thread is held before it
settles until the attaching one stands where it is to stand; or the other way round.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from promise import Promise

from sinetstream_conformance.races import Races, Stop

_SETTLING = (
    *("_fulfill", "_reject", "_resolve_callback", "_reject_callback"),
    *("fulfill", "do_resolve", "do_reject", "_try_resolve", "_try_reject", "_settle"),
)
"""Methods that settle a promise, under the names that ``promise`` and the SDK give them."""


class Meeting:
    """One meeting; the thread that makes it is the one that attaches.

    :param within_s: how long either thread waits for the other, at most
    :param settler_stops_at: the point at which the settling thread stops in the midst of settling;
        with 0, the attaching thread stops, and the other settles meanwhile
    """

    def __init__(self, races: Races, within_s: float, settler_stops_at: int = 0) -> None:
        self._races = races
        self._within_s = within_s
        self._settler_stops_at = settler_stops_at
        self._attacher = threading.get_ident()
        self._taken = threading.Lock()
        self._attacher_ready = threading.Event()
        self._settler_ready = threading.Event()
        self.stop: Stop | None = None
        """Where the settling thread stopped, if it was to."""

    def attach(self, at: int, promise: Any, attach: Callable[[], None]) -> Stop:
        """Attach to the promise, with a stop at the ``at``-th point (0: none) while it settles."""
        if self._settler_stops_at and promise.is_pending:
            self._settler_ready.wait(self._within_s)

        def hold() -> None:
            self._attacher_ready.set()
            if promise.is_pending:
                self._settler_ready.wait(self._within_s)

        try:
            with self._races.stop(at, hold) as stop:
                attach()
        finally:
            self._attacher_ready.set()
        return stop

    def settle(self, settle: Callable[[], Any]) -> Any:
        """Settle, on whatever thread; the first one but the attaching one takes part."""
        if threading.get_ident() == self._attacher or not self._taken.acquire(blocking=False):
            return settle()
        try:
            if not self._settler_stops_at:
                self._attacher_ready.wait(self._within_s)
                return settle()

            def hold() -> None:
                self._settler_ready.set()
                self._attacher_ready.wait(self._within_s)

            with self._races.stop(self._settler_stops_at, hold) as self.stop:
                return settle()
        finally:
            self._settler_ready.set()


class Meetings:
    """Where the meeting of the moment is known to whoever settles a promise."""

    def __init__(self) -> None:
        self.current: Meeting | None = None

    def settle(self, settle: Callable[[], Any]) -> Any:
        """Settle in the current meeting, or just so."""
        meeting = self.current
        return settle() if meeting is None else meeting.settle(settle)


@contextmanager
def arranged() -> Iterator[Meetings]:
    """Let settlements of promises, of whatever class, pass through the current meeting."""
    meetings = Meetings()
    put_back: list[tuple[type, str, Any]] = []
    for cls in _family(Promise):
        for name in _SETTLING:
            method = cls.__dict__.get(name)
            if callable(method):
                put_back.append((cls, name, method))
                setattr(cls, name, _passing(meetings, method))
    try:
        yield meetings
    finally:
        for cls, name, method in put_back:
            setattr(cls, name, method)


def _passing(meetings: Meetings, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def through(self: Any, *arguments: Any, **named: Any) -> Any:
        return meetings.settle(lambda: method(self, *arguments, **named))

    return through


def _family(cls: type) -> Iterator[type]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)
