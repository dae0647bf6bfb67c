"""How late this machine's timers are, measured while the checks run.

"Must not happen before" is exact and needs no measurement. "Must happen within" is judged against
what this module has seen in the same stretch of time: a thread that asks to be woken every few
milliseconds and notes how much later than asked that was.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from sinetstream_conformance.deadline import THREAD_PREFIX

_TICK_S = 0.005


class Metronome:
    """A thread that measures the lateness of timers until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._late: deque[tuple[float, float]] = deque(maxlen=20_000)
        self._thread = threading.Thread(
            target=self._run, name=f"{THREAD_PREFIX}-metronome", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(_TICK_S):
            now = time.monotonic()
            self._late.append((now, max(0.0, now - before - _TICK_S)))
            before = now

    def noise_s(self, since: float) -> float:
        """The greatest lateness, in seconds, seen since the monotonic time ``since``."""
        seen = [late for when, late in list(self._late) if when >= since]
        # No tick at all since then: the machine is at least that late.
        return max(seen) if seen else max(0.0, time.monotonic() - since - _TICK_S)

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        self._thread.join(5.0)
