"""Two threads that meet at a promise: one attaches to it while the other settles it.

A rule makes them meet at every point of the way in turn. The settling thread is held before it
settles until the attaching one stands where it is to stand; or the other way round.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Self

from promise import Promise

from sinetstream_conformance.actors import is_pending
from sinetstream_conformance.races import TURNS, Races, Stop

_SETTLING = (
    *("_fulfill", "_reject", "_resolve_callback", "_reject_callback"),
    *("fulfill", "do_resolve", "do_reject", "_try_resolve", "_try_reject", "_settle"),
)
"""Methods that settle a promise, under the names that ``promise`` and the SDK give them."""

_MOST_S = 0.2
"""How long either thread waits for the other at most, however late the machine's timers are."""


def _punctual(since: float) -> float:
    """The lateness of timers where nobody measures it."""
    return 0.0


class Meeting:
    """One meeting. The thread that enters it as a context manager is the one that attaches."""

    def __init__(
        self,
        races: Races,
        within_s: float,
        at: int,
        *,
        settler_stops: bool,
        noise_s: Callable[[float], float],
    ) -> None:
        self._races = races
        self.within_s = within_s
        self._noise_s = noise_s
        self._at = at
        self._settler_stops = settler_stops
        self._attacher = 0
        self._taken = threading.Lock()
        self._attacher_ready = threading.Event()
        self._settler_ready = threading.Event()
        self.stop = Stop(0, lambda: None)
        """Where the one thread stopped while the other went on."""

    def __enter__(self) -> Self:
        self._attacher = threading.get_ident()
        return self

    def __exit__(self, *exc: object) -> None:
        self._attacher_ready.set()

    @property
    def settled_by_another(self) -> bool:
        """Whether a thread that is not the attaching one has begun to settle."""
        return self._taken.locked()

    def describe(self) -> str:
        """Where who stood, for the report."""
        if not self.stop.where:
            return "neither thread was delayed"
        if self._settler_stops:
            return f"the settling thread stood at {self.stop.where} meanwhile"
        return f"it stood at {self.stop.where} while the other thread settled"

    def attach(self, promise: Any, attach: Callable[[], None]) -> None:
        """Attach to the promise, here where the meeting was entered."""
        if self._settler_stops:
            if is_pending(promise):
                self._wait(self._settler_ready)
            attach()
            return

        def hold() -> None:
            self._attacher_ready.set()
            if is_pending(promise):
                self._wait(self._settler_ready)

        with self._races.stop(self._at, hold) as self.stop:
            attach()

    def settle(self, settle: Callable[[], Any]) -> Any:
        """Settle, on whatever thread; the first one but the attaching one takes part."""
        if threading.get_ident() == self._attacher or not self._taken.acquire(blocking=False):
            return settle()
        try:
            if not self._settler_stops:
                self._wait(self._attacher_ready)
                return settle()

            def hold() -> None:
                self._settler_ready.set()
                self._wait(self._attacher_ready)

            with self._races.stop(self._at, hold) as self.stop:
                return settle()
        finally:
            self._settler_ready.set()

    def _wait(self, event: threading.Event) -> None:
        """Wait for the other thread; in vain, if it waits for a lock that this one holds."""
        began = time.monotonic()
        while not event.wait(self.within_s):
            passed = time.monotonic() - began
            if passed >= min(TURNS * self._noise_s(began), _MOST_S):
                return


class Meetings:
    """Where the meeting of the moment is known to whoever settles a promise."""

    def __init__(self) -> None:
        self._current: Meeting | None = None

    def arrange(
        self,
        races: Races,
        within_s: float,
        at: int,
        *,
        settler_stops: bool,
        noise_s: Callable[[float], float] = _punctual,
    ) -> Meeting:
        """The next meeting.

        :param within_s: how long either thread waits for the other, in seconds, on a quiet machine
        :param at: the point on its way at which the one thread stops, counted from 1
        :param settler_stops: whether that is the settling thread
        :param noise_s: how late timers have been since a monotonic time; the threads wait longer
            where they are late
        """
        self._current = Meeting(races, within_s, at, settler_stops=settler_stops, noise_s=noise_s)
        return self._current

    def settle(self, settle: Callable[[], Any]) -> Any:
        """Settle in the current meeting, or just so."""
        meeting = self._current
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


def _family(cls: type[Any]) -> Iterator[type[Any]]:
    yield cls
    for child in type.__subclasses__(cls):
        yield from _family(child)
