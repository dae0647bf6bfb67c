"""Readers that break the rules of ``rules/reader_timeout.py``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from queue import Empty
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import BROADCAST, MEMORY, MemoryIterator, MemoryReader
from sinetstream_broken.marking import breaks


@breaks(
    "READ-TIMEOUT",
    role="reader",
    says=(
        "next() raised RuntimeError: generator raised StopIteration",
        "PEP 479",
        "write `return` in place of `raise StopIteration()`",
    ),
)
class RaisesInGenerator(MemoryReader):
    """Ends the generator as the guide's example does."""

    def __iter__(self) -> Iterator[Any]:
        messages = MemoryIterator(self)
        while True:
            yield next(messages)


@breaks(
    "READ-TIMEOUT",
    role="reader",
    says=("still running after", "milliseconds taken for seconds", "divide by 1000"),
)
class CountsSeconds(MemoryReader):
    """Passes milliseconds on to a call that takes seconds."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.timeout_s = self.params.receive_timeout_ms()


@breaks("READ-TIMEOUT", role="reader", says=("still running after", "broker.py"))
class KnowsNoTimeout(MemoryReader):
    """Never gives up."""

    def take(self, subscription: Subscription) -> Letter | None:
        return self.broker.take(subscription, None)


@breaks(
    "READ-TIMEOUT",
    role="reader",
    says=("at once with receive_timeout_ms=0", "still running after", "compare with None"),
)
class TakesZeroForNone(MemoryReader):
    """Tests its timeout for truth."""

    def take(self, subscription: Subscription) -> Letter | None:
        return self.broker.take(subscription, self.timeout_s or None)


@breaks("READ-TIMEOUT", role="reader", says=("next() raised _queue.Empty", "raise StopIteration"))
class PassesEmptyOn(MemoryReader):
    """Lets the client's own exception out."""

    def take(self, subscription: Subscription) -> Letter | None:
        letter = super().take(subscription)
        if letter is None:
            raise Empty
        return letter


@breaks("READ-TIMEOUT", role="reader", says="next() returned None")
class GivesNoneForNothing(MemoryReader):
    """Gives what the client's poll() gives."""

    def __iter__(self) -> Iterator[Any]:
        return OrNone(self)


class OrNone(MemoryIterator):
    """Never ends."""

    def __next__(self) -> Any:
        letter = self.reader.take(self.reader.subscription)  # type: ignore[arg-type]
        return None if letter is None else self.reader.item(letter)


@breaks("READ-TIMEOUT-EARLY", role="reader", says=("waits at least", "it gave up after"))
class RoundsDown(MemoryReader):
    """Counts in tenths of a second."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if self.timeout_s is not None:
            self.timeout_s = int(self.timeout_s * 10) / 10


@breaks("READ-TIMEOUT-EARLY", role="reader", says="with messages on another topic meanwhile")
class GivesUpWhenWoken(MemoryReader):
    """Waits once, and takes being woken for the end of the time."""

    def take(self, subscription: Subscription) -> Letter | None:
        letter = MEMORY.take(subscription, 0)
        if letter is None:
            with MEMORY._changed:
                MEMORY._changed.wait(self.timeout_s)
            letter = MEMORY.take(subscription, 0)
        return letter


@breaks("READ-TIMEOUT-LATE", role="reader", says=("at most 250 ms after", "ms late"))
class PollsInLongSteps(MemoryReader):
    """Looks at the clock once in a while."""

    def take(self, subscription: Subscription) -> Letter | None:
        end = None if self.timeout_s is None else time.monotonic() + self.timeout_s
        while end is None or time.monotonic() < end:
            letter = self.broker.take(subscription, 0.8)
            if letter is not None:
                return letter
        return None


class FixedDeadline(MemoryIterator):
    """Takes the deadline at the start of the iteration."""

    def __init__(self, reader: MemoryReader) -> None:
        super().__init__(reader)
        self.started = time.monotonic()

    def __next__(self) -> Any:
        timeout_s = self.reader.timeout_s
        if timeout_s is not None and self.subscription is not None:
            left = self.started + timeout_s - time.monotonic()
            letter = self.reader.broker.take(self.subscription, max(left, 0.0))
            if letter is None:
                raise StopIteration
            return self.reader.item(letter)
        return super().__next__()


@breaks(
    "READ-TIMEOUT-RESTART",
    role="reader",
    says=("waits the whole", "ms again", "it gave up after", "at the start of each next()"),
)
class CountsFromTheStart(MemoryReader):
    """Gives the whole iteration receive_timeout_ms."""

    def __iter__(self) -> Iterator[Any]:
        return FixedDeadline(self)


@breaks(
    "READ-TIMEOUT-RESTART",
    role="reader",
    says=("waits the whole", "ms again", "it gave up after"),
    model="lingering",
)
class CountsFromTheStartForLong(CountsFromTheStart):
    """The same where a message takes half a second to come."""

    broker = BROADCAST


class SinceTheLast(FixedDeadline):
    """Counts from the message before, and so through what the caller did with it."""

    def __next__(self) -> Any:
        item = super().__next__()
        self.started = time.monotonic()
        return item


@breaks("READ-TIMEOUT-RESTART", role="reader", says="it gave up after")
class CountsFromTheLast(MemoryReader):
    """Counts from the message before."""

    def __iter__(self) -> Iterator[Any]:
        return SinceTheLast(self)


class Revives(MemoryIterator):
    """Forgets that it has ended."""

    def __next__(self) -> Any:
        self.ended = False
        return super().__next__()


@breaks(
    "READ-EXHAUSTED",
    role="reader",
    says=("raises StopIteration again", "after the end", "remember in the iterator"),
)
class GoesOn(MemoryReader):
    """The iterator goes on after its end."""

    def __iter__(self) -> Iterator[Any]:
        return Revives(self)


@breaks(
    "READ-EXHAUSTED",
    role="reader",
    says=("raises StopIteration again", "after the end"),
    model="lingering",
)
class GoesOnLater(GoesOn):
    """The same where a message takes half a second to come."""

    broker = BROADCAST


@breaks("READ-BLOCK", role="reader", says=("still blocks after", "next() raised StopIteration"))
class WaitsOneSecond(MemoryReader):
    """Has a default where the guide has none."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if "receive_timeout_ms" not in self.params:
            self.timeout_s = 1.0


@breaks("READ-BLOCK", role="reader", says=("next() raised OverflowError", "infinity"))
class WaitsForInfinity(MemoryReader):
    """Passes infinity on to a call that cannot count so far."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.timeout_s = self.params.get("receive_timeout_ms", 60_000) / 1000


@breaks("READ-BLOCK", role="reader", says=("next() raised StopIteration", "infinity"))
class DoesNotBlock(MemoryReader):
    """Takes "no limit" for "do not wait"."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.timeout_s = self.timeout_s or 0.0
