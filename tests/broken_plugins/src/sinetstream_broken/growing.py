"""Clients that open more with their first message, and what is left behind beside such a one.

They do as a client does that connects to a further broker when it needs to. The other end of a
check does the same, after the kit has looked at what is there: that is not the tested role's doing.
"""

from __future__ import annotations

import _thread
import os
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import MemoryHarness, MemoryReader, MemoryWriter
from sinetstream_broken.marking import breaks
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter

LONG_S = 60.0


class Further:
    """A pipe, and a thread that Python does not list, from the first message on."""

    def __init__(self) -> None:
        self._pipe: tuple[int, int] | None = None
        self._running = _thread.allocate_lock()

    def grow(self) -> None:
        """Open them, unless they are."""
        if self._pipe is None:
            self._pipe = os.pipe()
            self._running.acquire()
            _thread.start_new_thread(self._running.acquire, (True, LONG_S))

    def close(self) -> None:
        """Let go of them."""
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._running.release()
            self._pipe, self._running = None, _thread.allocate_lock()


class GrowingReader(MemoryReader):
    """Opens more for its first message, and closes it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.further = Further()

    def take(self, subscription: Subscription) -> Letter | None:
        letter = super().take(subscription)
        if letter is not None and self.subscription is subscription:
            self.further.grow()
        return letter

    def close(self) -> None:
        super().close()
        self.further.close()


class GrowingWriter(MemoryWriter):
    """Opens more for its first message, and closes it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.further = Further()

    def send(self, message: bytes) -> None:
        self.further.grow()
        super().send(message)

    def close(self) -> None:
        super().close()
        self.further.close()


class GrowingAsyncReader(PollingAsyncReader):
    """Opens more for its first message, and closes it."""

    reader_class = GrowingReader


class GrowingAsyncWriter(PublishingAsyncWriter):
    """Opens more for its first message, and closes it."""

    writer_class = GrowingWriter


class GrowingHarness(MemoryHarness):
    """The same broker in memory."""


@breaks(
    "LIFE-FDS",
    role="reader",
    says=("no descriptor is left open", "pipe:"),
    model="growing",
)
@breaks("LIFE-THREADS", role="reader", says="no thread of a C library is left", model="growing")
class ForgetsFurther(GrowingReader):
    """Closes what it opened first, and not what it opened later."""

    def close(self) -> None:
        MemoryReader.close(self)


@breaks("LIFE-OPEN-TWICE", role="writer", says=("leaks no descriptor", "pipe:"), model="growing")
class ForgetsTheFirst(GrowingWriter):
    """Begins anew with a second open(), and forgets what it had."""

    def open(self) -> None:
        self.is_open = True
        self.further = Further()
        self.further.grow()
