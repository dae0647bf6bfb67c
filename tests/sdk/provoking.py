"""What the tests of threads share: bounded threads, bounded waiting and provoked races."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

DEADLINE_S = 20.0
"""What no healthy step takes, even on a loaded machine."""


class Background:
    """A function running on a thread of its own; ``result()`` joins it under a deadline."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._outcome: list[Any] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, args), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            self._outcome.append(function(*args))
        except BaseException as error:  # noqa: BLE001 - raised by result()
            self._error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def result(self, timeout_s: float = DEADLINE_S) -> Any:
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), f"still running after {timeout_s} s"
        if self._error is not None:
            raise self._error
        return self._outcome[0]


def eventually(condition: Callable[[], Any], timeout_s: float = DEADLINE_S) -> Any:
    """Poll till ``condition()`` is true, and return what it gave."""
    deadline = time.monotonic() + timeout_s
    while not (outcome := condition()):
        assert time.monotonic() < deadline, f"not so after {timeout_s} s"
        time.sleep(0.001)
    return outcome


@contextmanager
def held_up(seed: int, *modules: ModuleType, rate: float = 0.1) -> Iterator[None]:
    """Make threads pause at random lines of ``modules``, and switch as often as they can."""
    files = {module.__file__ for module in modules}
    choose = random.Random(seed)

    def line(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line" and choose.random() < rate:
            time.sleep(choose.choice((0, 0.00005, 0.0005)))
        return line

    def call(frame: FrameType, event: str, arg: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    interval, before = sys.getswitchinterval(), sys.gettrace()
    sys.setswitchinterval(1e-6)
    threading.settrace(call)
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(None)
        sys.setswitchinterval(interval)
