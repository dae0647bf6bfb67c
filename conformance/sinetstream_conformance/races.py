"""Provoking races rather than hoping for them.

Volume alone does not find a race: the window is a few instructions wide. Here the windows are held
open. While :func:`provoked` is in force, threads switch as often as the interpreter can, and at
randomly chosen lines of the plugin's own code, of the building blocks and of ``promise``, the
running thread pauses for a moment.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from sinetstream_conformance.deadline import Caller, TraceFunction

_PAUSES_S = (0.0, 0.0001, 0.001, 0.003)
_SWITCH_S = 1e-5


def seams(classes: Iterator[type] | list[type]) -> tuple[str, ...]:
    """The folders whose code is slowed down: the plugin's own, the SDK's and ``promise``'s."""
    import promise
    import sinetstream_sdk

    folders = {_folder(promise.__file__), _folder(sinetstream_sdk.__file__)}
    for cls in classes:
        for ancestor in cls.__mro__:
            module = sys.modules.get(ancestor.__module__)
            file = getattr(module, "__file__", None)
            if file is not None and ancestor.__module__.partition(".")[0] not in _OTHERS:
                folders.add(file if _shared(file) else _folder(file))
    return tuple(sorted(folders))


_OTHERS = ("builtins", "abc", "typing", "collections", "threading", "sinetstream_conformance")


def _folder(file: str | None) -> str:
    return str(Path(file or "").parent)


def _shared(file: str) -> bool:
    """Whether the module's folder holds unrelated packages, as ``site-packages`` does."""
    return Path(file).parent.name in ("site-packages", "dist-packages")


class _Delays:
    """A trace function that pauses at some of the lines run under the given folders."""

    def __init__(self, folders: tuple[str, ...], seed: int, rate: float, budget: int) -> None:
        self._folders = folders
        self._random = random.Random(seed)
        self._rate = rate
        self._budget = budget
        self._known: dict[str, bool] = {}

    def __call__(self, frame: FrameType, event: str, arg: Any) -> TraceFunction | None:
        file = frame.f_code.co_filename
        mine = self._known.get(file)
        if mine is None:
            mine = self._known[file] = file.startswith(self._folders)
        return self._line if mine else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> TraceFunction:
        if event == "line" and self._budget > 0 and self._random.random() < self._rate:
            self._budget -= 1
            time.sleep(self._random.choice(_PAUSES_S))
        return self._line


@contextmanager
def provoked(
    caller: Caller, classes: list[type], seed: int, *, rate: float = 0.05, budget: int = 400
) -> Iterator[None]:
    """Hold race windows open in calls made through ``caller`` and in threads begun meanwhile.

    :param seed: which lines pause follows from it
    :param rate: the share of lines at which a thread pauses
    :param budget: how many pauses there are at most, which bounds the time that they cost
    """
    delays = _Delays(seams(classes), seed, rate, budget)
    interval = sys.getswitchinterval()
    before = threading.gettrace()
    sys.setswitchinterval(_SWITCH_S)
    threading.settrace(delays)
    caller.trace = delays
    try:
        yield
    finally:
        caller.trace = None
        threading.settrace(before)
        sys.setswitchinterval(interval)
        delays._budget = 0
