"""What every contender counts with, so that none pays more for it than another."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

WAIT_S = 10.0
"""How long the next acknowledgement or message may take before a measurement is over."""


@dataclass(frozen=True)
class Measured:
    """How many messages went through, in which time, and of how many nothing was heard."""

    count: int
    seconds: float
    missing: int = 0


class Arrivals:
    """Counts acknowledgements or messages, which come on any thread.

    :param most: what comes beyond so many is not counted
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._reached = threading.Event()
        self._wanted = 0
        self._failure: object = None
        self.count = 0
        self.first = self.last = 0.0
        """When the first and the latest came."""

    def one(self, *_: object) -> None:
        """One more; made to be handed out as a callback."""
        with self._lock:
            if self.count == self._most:
                return
            self.last = time.perf_counter()
            self.first = self.first or self.last
            self.count += 1
            if self.count == self._wanted:
                self._reached.set()

    def fail(self, error: object, *_: object) -> None:
        """Note what went wrong, for :meth:`wait` to raise."""
        self._failure = self._failure or error
        self._reached.set()

    def wait(self, wanted: int) -> None:
        """Wait for so many in all, or until none has come for :data:`WAIT_S`.

        :raises RuntimeError: one failed
        """
        while True:
            with self._lock:
                if self._failure is not None:
                    raise RuntimeError(f"a message was not delivered: {self._failure}")
                before, self._wanted = self.count, wanted
                if before >= wanted:
                    return
                self._reached.clear()
            if not self._reached.wait(WAIT_S) and self.count == before:
                return

    def since(self, start: float, wanted: int) -> Measured:
        """The acknowledgements of messages that were published from ``start`` on."""
        return Measured(self.count, self.last - start, wanted - self.count)

    def between(self, wanted: int) -> Measured:
        """The messages after the first: before it, there was the connection to make."""
        return Measured(self.count - 1, self.last - self.first, wanted - self.count)
