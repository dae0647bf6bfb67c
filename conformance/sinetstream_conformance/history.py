"""What became of numbered messages: each publishing, answer and delivery with its time, and judged.

Whoever publishes and receives notes it here, on whatever thread; :meth:`History.judge` then names
the messages that were lost, repeated, out of order, or never published at all.

A message whose ``publish()`` failed may have arrived or not: nobody can know, and nobody is blamed.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sinetstream_sdk.consistency import Consistency

_SHOWN = 3
_NUMBERED = re.compile(rb"message (\d+) of history ([0-9a-f]{8})")


class Fault(Enum):
    """What can go wrong with a message; the value is how a report calls it."""

    LOST = "lost"
    """It was acknowledged and never delivered."""
    DUPLICATED = "duplicated"
    """It was delivered more than once."""
    REORDERED = "reordered"
    """It was acknowledged before another was sent, and delivered after that one."""
    PHANTOM = "phantom"
    """Nobody published it."""


FORBIDDEN: dict[Consistency, frozenset[Fault]] = {
    Consistency.AT_MOST_ONCE: frozenset({Fault.DUPLICATED, Fault.PHANTOM}),
    Consistency.AT_LEAST_ONCE: frozenset({Fault.LOST, Fault.REORDERED, Fault.PHANTOM}),
    Consistency.EXACTLY_ONCE: frozenset(Fault),
}
"""What each guarantee rules out; the order counts only where a plugin declares that it keeps it."""


class Delivery(NamedTuple):
    """One message as a reader gave it."""

    at: float
    partition: Hashable


@dataclass
class Story:
    """What is known of one message; times are those of ``time.monotonic()``."""

    number: int
    published: float
    acknowledged: float | None = None
    refused: float | None = None
    reason: str = ""
    deliveries: list[Delivery] = field(default_factory=list)

    def tell(self, began: float) -> str:
        """One line with times in seconds since ``began``."""
        parts = [f"published {self.published - began:.3f}"]
        if self.acknowledged is not None:
            parts.append(f"acknowledged {self.acknowledged - began:.3f}")
        if self.refused is not None:
            parts.append(f"refused {self.refused - began:.3f} ({self.reason})")
        parts += [f"delivered {delivery.at - began:.3f}" for delivery in self.deliveries]
        return f"message {self.number}: {', '.join(parts)}"


@dataclass(frozen=True)
class Finding:
    """Messages that went wrong in one way."""

    fault: Fault
    numbers: tuple[int, ...]
    evidence: str

    def describe(self) -> str:
        """One phrase with the first few numbers."""
        shown = ", ".join(str(number) for number in self.numbers[:_SHOWN])
        more = ", ..." if len(self.numbers) > _SHOWN else ""
        return f"{len(self.numbers)} {self.fault.value} ({shown}{more})"


class History:
    """The stories of numbered messages; every method may be called on any thread."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._tag = uuid.uuid4().hex[:8].encode()
        self._lock = threading.Lock()
        self._stories: dict[int, Story] = {}
        self._strangers: list[bytes] = []
        self._events: list[tuple[float, str]] = []
        self._delivered = 0

    # -- noting ----------------------------------------------------------------------------------

    def publish(self, padding: int = 0) -> tuple[int, bytes]:
        """A new number and the payload that carries it; call it right before publishing.

        :param padding: how many bytes to make the payload longer by
        """
        with self._lock:
            number = len(self._stories) + 1
            self._stories[number] = Story(number, time.monotonic())
        return number, b"message %d of history %s" % (number, self._tag) + b"." * padding

    def acknowledge(self, number: int) -> None:
        """Note that publishing succeeded, as the plugin says."""
        with self._lock:
            story = self._stories[number]
            story.acknowledged = story.acknowledged or time.monotonic()

    def refuse(self, number: int, reason: str) -> None:
        """Note that publishing failed, as the plugin says."""
        with self._lock:
            story = self._stories[number]
            story.refused, story.reason = time.monotonic(), reason

    def deliver(self, payload: bytes, partition: Hashable = None) -> None:
        """Note what a reader gave."""
        found = _NUMBERED.match(payload)
        with self._lock:
            story = self._stories.get(int(found[1])) if found and found[2] == self._tag else None
            if story is None:
                self._strangers.append(payload)
                return
            if not story.deliveries:
                self._delivered += 1
            story.deliveries.append(Delivery(time.monotonic(), partition))

    def event(self, what: str) -> None:
        """Note what else happened, such as the restart of a broker."""
        with self._lock:
            self._events.append((time.monotonic(), what))

    # -- asking ----------------------------------------------------------------------------------

    @property
    def published(self) -> int:
        """How many messages were published."""
        return len(self._stories)

    @property
    def delivered(self) -> int:
        """How many different messages were delivered."""
        return self._delivered

    def acknowledged(self, since: float = 0.0) -> int:
        """How many messages were acknowledged, of those published since a monotonic time."""
        with self._lock:
            return sum(
                story.acknowledged is not None
                for story in self._stories.values()
                if story.published >= since
            )

    def under_way(self, begin: float, end: float) -> int:
        """How many messages were published and not yet answered at some time between the two."""
        with self._lock:
            return sum(
                story.published <= end and begin <= (story.acknowledged or story.refused or end)
                for story in self._stories.values()
            )

    def unanswerable(self, since: float) -> int:
        """How many messages are under way now to a broker that has answered nothing since a time.

        What was acknowledged although it was published later is one of them; what was refused is
        not.
        """
        with self._lock:
            return sum(
                story.refused is None and (story.acknowledged is None or story.published >= since)
                for story in self._stories.values()
            )

    def delivered_since(self, since: float) -> int:
        """How many messages were delivered, of those published since a monotonic time."""
        with self._lock:
            return sum(
                bool(story.deliveries)
                for story in self._stories.values()
                if story.published >= since
            )

    def missing(self) -> list[int]:
        """The messages that were acknowledged and have not been delivered."""
        with self._lock:
            return [story.number for story in self._lost()]

    def summary(self) -> str:
        """How much was observed, in one line."""
        refused = sum(story.refused is not None for story in self._stories.values())
        return (
            f"{self.published} published, {self.acknowledged()} acknowledged, {refused} refused, "
            f"{self.delivered} delivered"
        )

    def judge(self, guarantee: Consistency, *, ordered: bool = False) -> list[Finding]:
        """Everything in which the history breaks the guarantee; empty where it keeps it.

        :param ordered: whether order is to be kept among the messages of one partition
        """
        wrong = FORBIDDEN[guarantee] - (set() if ordered else {Fault.REORDERED})
        with self._lock:
            stories = {
                Fault.LOST: self._lost(),
                Fault.DUPLICATED: [s for s in self._stories.values() if len(s.deliveries) > 1],
                Fault.REORDERED: self._reordered(),
            }
            found = [
                Finding(fault, tuple(s.number for s in told), self._evidence(told))
                for fault, told in stories.items()
                if told and fault in wrong
            ]
            if self._strangers:
                shown = "\n".join(repr(payload[:80]) for payload in self._strangers[:_SHOWN])
                numbers = tuple(range(1, len(self._strangers) + 1))
                found.append(Finding(Fault.PHANTOM, numbers, shown))
        return found

    def _lost(self) -> list[Story]:
        return [
            story
            for story in self._stories.values()
            if story.acknowledged is not None and not story.deliveries
        ]

    def _reordered(self) -> list[Story]:
        """Messages overtaken by one that was sent after they had been acknowledged."""
        partitions: defaultdict[Hashable, list[Story]] = defaultdict(list)
        for story in self._stories.values():
            if story.deliveries:
                partitions[story.deliveries[0].partition].append(story)
        return [late for told in partitions.values() for late in _overtaken(told)]

    def _evidence(self, stories: Iterable[Story]) -> str:
        """The stories of the first few, and what happened about them."""
        lines = [(s.published, s.tell(self.began)) for s in list(stories)[:_SHOWN]]
        lines += [(at, f"{at - self.began:.3f}: {what}") for at, what in self._events]
        return "\n".join(line for _, line in sorted(lines))


def _overtaken(stories: list[Story]) -> list[Story]:
    """Those that a message overtook which was published after their acknowledgement."""
    by_sending = sorted(stories, key=lambda story: story.published)
    sent = [story.published for story in by_sending]
    # From each place on, the earliest delivery of what was sent later.
    earliest = [float("inf")] * (len(sent) + 1)
    for place in range(len(sent) - 1, -1, -1):
        earliest[place] = min(earliest[place + 1], by_sending[place].deliveries[0].at)
    return [
        story
        for story in by_sending
        if story.acknowledged is not None
        and earliest[bisect_right(sent, story.acknowledged)] < story.deliveries[0].at
    ]
