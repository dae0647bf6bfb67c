"""Provoking races rather than hoping for them.

Volume alone does not find a race: the window is a few instructions wide. Here the windows are held
open. While :func:`provoked` is in force, threads switch as often as the interpreter can, and a rule
has three ways of delaying the code of the plugin, of the building blocks and of ``promise``:

- pauses at randomly chosen lines, where any order of events will do;
- :meth:`Races.stop`, which stops a thread at the n-th point at which another one can take over:
  with n from one on, each such point has its turn;
- :meth:`Races.slow`, which makes the plugin's own threads fall behind.
"""

from __future__ import annotations

import dis
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from sinetstream_conformance.deadline import THREAD_PREFIX, Caller, TraceFunction

_PAUSES_S = (0.0, 0.0001, 0.001, 0.003)
_SWITCH_S = 1e-5
TURNS = 10
"""How many times a thread waits for its turn, at a guess, to deal with an acknowledgement."""


def seams(classes: Iterator[type] | list[type]) -> tuple[str, ...]:
    """Whose code is delayed: folders, or single files, of the plugin, the SDK and ``promise``."""
    import promise

    import sinetstream_sdk

    found = {_folder(promise.__file__), _folder(sinetstream_sdk.__file__)}
    for cls in classes:
        for ancestor in cls.__mro__:
            package = ancestor.__module__.partition(".")[0]
            file = getattr(sys.modules.get(ancestor.__module__), "__file__", None)
            if file is not None and package not in (*sys.stdlib_module_names, *_OURS):
                found.add(file if _shared(file) else _folder(file))
    return tuple(sorted(found))


_OURS = ("sinetstream_conformance",)


def _folder(file: str | None) -> str:
    return str(Path(file or "").parent) + os.sep


def _shared(file: str) -> bool:
    """Whether the module's folder holds unrelated packages, as ``site-packages`` does."""
    return Path(file).parent.name in ("site-packages", "dist-packages")


class Stop:
    """A thread's way through the points where another can take over, with a stop at one of them."""

    def __init__(self, at: int, hold: Callable[[], None]) -> None:
        self.passed = 0
        """How many points the thread has come to."""
        self.where = ""
        """The line of the stop; empty as long as the thread has not come to it."""
        self._at, self._hold = at, hold

    def come_to(self, frame: FrameType) -> None:
        """Count a point; stop if it is the one."""
        self.passed += 1
        if self.passed == self._at:
            self.where = f"line {frame.f_lineno} of {Path(frame.f_code.co_filename).name}"
            self._hold()


class _Thread(threading.local):
    """What is known of the current thread."""

    stop: Stop | None = None
    is_kits: bool | None = None


class Races:
    """The trace function of the threads concerned, and what a rule tells it to do."""

    def __init__(self, folders: tuple[str, ...], seed: int, rate: float, budget: int) -> None:
        self.rate = rate
        """The share of lines at which a thread of the kit pauses that is calling the plugin."""
        self.threads_rate = rate
        """The share of lines at which a thread of the plugin pauses."""
        self.budget = budget
        """How many pauses there may still be."""
        self._folders = folders
        self._random = random.Random(seed)
        self._known: dict[str, bool] = {}
        self._thread = _Thread()
        self._slow_s = 0.0
        self._active = 0.0
        self._pausing: set[int] = set()
        """The plugin's threads that pause just now, and will go on."""

    @contextmanager
    def stop(self, at: int, hold: Callable[[], None]) -> Iterator[Stop]:
        """Let the current thread call ``hold`` at the ``at``-th point that it comes to in here.

        Points are where CPython hands over from one thread to another: the beginning of each line
        and the return from each call. They are counted from 1.
        """
        before, mine = self._thread.stop, Stop(at, hold)
        self._thread.stop = mine
        try:
            yield mine
        finally:
            self._thread.stop = before

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Let the plugin's own threads pause that long at every line."""
        self._slow_s = seconds
        try:
            yield
        finally:
            self._slow_s = 0.0

    def let_others_run(
        self, least_s: float, most_s: float, noise_s: Callable[[float], float]
    ) -> None:
        """Pause for ``least_s``, and as long after that as the plugin's threads are busy.

        On a machine where timers are late, so are the plugin's threads, which wait for the
        interpreter many times where a timer does once: the pause is longer in proportion.

        :param noise_s: how late timers have been since a monotonic time
        """
        began = time.monotonic()
        end = began + most_s
        time.sleep(least_s)
        while (now := time.monotonic()) < end and (
            self._pausing
            or now - self._active < least_s / 2
            or now - began < TURNS * noise_s(began)
        ):
            time.sleep(least_s / 4)

    def end(self) -> None:
        """Delay nothing any more; threads of the plugin may still run with this trace function."""
        self.budget, self._slow_s = 0, 0.0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> TraceFunction | None:
        file = frame.f_code.co_filename
        mine = self._known.get(file)
        if mine is None:
            mine = self._known[file] = file.startswith(self._folders)
        if not mine:
            return None
        frame.f_trace_opcodes = self._thread.stop is not None
        return self._step

    def _step(self, frame: FrameType, event: str, arg: Any) -> TraceFunction:
        stop = self._thread.stop
        if stop is not None:
            if event == "line" or (event == "opcode" and frame.f_lasti in _returns(frame.f_code)):
                stop.come_to(frame)
        elif event == "line":
            self._pause()
        return self._step

    def _pause(self) -> None:
        plugins = not self._on_kits_thread()
        if plugins:
            self._active = time.monotonic()
        if plugins and self._slow_s:
            self._sleep(self._slow_s)
        elif self.budget > 0 and self._random.random() < (
            self.threads_rate if plugins else self.rate
        ):
            self.budget -= 1
            self._sleep(self._random.choice(_PAUSES_S))

    def _sleep(self, seconds: float) -> None:
        if self._on_kits_thread():
            time.sleep(seconds)
            return
        me = threading.get_ident()
        self._pausing.add(me)
        time.sleep(seconds)
        self._pausing.discard(me)
        self._active = time.monotonic()

    def _on_kits_thread(self) -> bool:
        if self._thread.is_kits is None:
            self._thread.is_kits = threading.current_thread().name.startswith(THREAD_PREFIX)
        return self._thread.is_kits


@lru_cache(maxsize=4096)
def _returns(code: CodeType) -> frozenset[int]:
    """The offsets of the instructions that come next after a call, except at a line's beginning."""
    found: set[int] = set()
    called = False
    for instruction in dis.get_instructions(code):
        if called and not instruction.starts_line:
            found.add(instruction.offset)
        called = instruction.opname.startswith("CALL")
    return frozenset(found)


@contextmanager
def provoked(
    caller: Caller, classes: list[type], seed: int, *, rate: float = 0.05, budget: int = 400
) -> Iterator[Races]:
    """Hold race windows open in calls made through ``caller`` and in threads begun meanwhile.

    :param seed: which lines pause follows from it
    :param rate: the share of lines at which a thread pauses
    :param budget: how many pauses there are at most, which bounds the time that they cost
    """
    races = Races(seams(classes), seed, rate, budget)
    interval = sys.getswitchinterval()
    before = threading.gettrace()
    sys.setswitchinterval(_SWITCH_S)
    threading.settrace(races)
    caller.trace = races
    try:
        yield races
    finally:
        caller.trace = None
        threading.settrace(before)
        sys.setswitchinterval(interval)
        races.end()
