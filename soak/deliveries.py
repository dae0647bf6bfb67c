"""What became of numbered messages: every event with its time, and what is wrong with them."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sinetstream_sdk.consistency import Consistency

__all__ = ["Event", "Findings", "NumberedDeliveries"]

NAMED = 10
"""How many messages a finding names, of each kind."""


@dataclass(frozen=True, slots=True)
class Event:
    """``kind`` is published, acknowledged, rejected, delivered, failure or restart."""

    time_s: float
    """Monotonic."""
    kind: str
    message: str
    detail: str = ""


@dataclass(frozen=True)
class Findings:
    """What a history comes to under one guarantee; each tuple names messages."""

    guarantee: Consistency
    counts: Counter[str]
    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    phantom: tuple[str, ...]
    rejected: tuple[str, ...]
    unsettled: tuple[str, ...]
    reordered: tuple[str, ...] = ()

    @property
    def wrong(self) -> dict[str, tuple[str, ...]]:
        """What the guarantee rules out and has happened all the same, by its name.

        A rejection is no breach of a guarantee, but here every restart is over in time.
        """
        ruled_out = {
            "phantom": self.phantom,
            "unsettled": self.unsettled,
            "reordered": self.reordered,
        }
        if self.guarantee is not Consistency.AT_MOST_ONCE:
            ruled_out |= {"lost": self.lost, "rejected": self.rejected}
        if self.guarantee is not Consistency.AT_LEAST_ONCE:
            ruled_out |= {"repeated": self.repeated}
        return {name: messages for name, messages in ruled_out.items() if messages}

    def __str__(self) -> str:
        told = [
            f"{self.counts[kind]} {kind}" for kind in ("published", "acknowledged", "delivered")
        ]
        for name in ("lost", "repeated", "phantom", "rejected", "unsettled", "reordered"):
            messages: tuple[str, ...] = getattr(self, name)
            told.append(f"{len(messages)} {name}")
            if name in self.wrong:
                told[-1] += f" ({', '.join(messages[:NAMED])}{' ...' * (len(messages) > NAMED)})"
        return "; ".join(told)


def _reordered(events: list[Event]) -> Iterator[str]:
    """Messages that came after a later one of their writer and partition; copies do not count."""
    newest: dict[tuple[str, str], int] = {}
    seen = set()
    for event in events:
        if event.kind != "delivered" or not event.detail or event.message in seen:
            continue
        seen.add(event.message)
        writer, _, number = event.message.partition("/")
        if number.isdigit():
            last = newest.setdefault((writer, event.detail), -1)
            if int(number) < last:
                yield event.message
            newest[writer, event.detail] = max(last, int(number))


class NumberedDeliveries:
    """Collects events from any thread. A message is ``writer/number``, and its payload says so."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.counts: Counter[str] = Counter()
        self.last_s = time.monotonic()
        """When the last event was; a reader's failures may go on for ever and do not count."""
        self._events: list[Event] = []
        self._delivered: Counter[str] = Counter()

    def note(self, kind: str, message: str, detail: str = "") -> None:
        """Record an event, now."""
        with self.changed:
            now = time.monotonic()
            if kind != "failure":
                self.last_s = now
            self._events.append(Event(now, kind, message, detail))
            self.counts[kind] += 1
            if kind == "delivered":
                self._delivered[message] += 1
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Whether a condition, looked at after each event, comes to hold in time."""
        with self.changed:
            return self.changed.wait_for(condition, within_s)

    @property
    def distinct(self) -> int:
        """How many different messages have been delivered."""
        return len(self._delivered)

    def judge(self, guarantee: Consistency) -> Findings:
        """What is wrong so far."""
        with self.changed:
            events, delivered = list(self._events), Counter(self._delivered)
        by_kind: dict[str, dict[str, None]] = {}
        for event in events:
            by_kind.setdefault(event.kind, {})[event.message] = None
        published = by_kind.get("published", {})
        acknowledged = by_kind.get("acknowledged", {})
        rejected = by_kind.get("rejected", {})
        return Findings(
            guarantee,
            Counter(event.kind for event in events),
            lost=tuple(one for one in acknowledged if one not in delivered),
            repeated=tuple(one for one, copies in delivered.items() if copies > 1),
            phantom=tuple(one for one in delivered if one not in published),
            rejected=tuple(rejected),
            unsettled=tuple(m for m in published if m not in acknowledged and m not in rejected),
            reordered=tuple(_reordered(events)),
        )

    def save(self, target: Path) -> None:
        """Write the whole history, one event a line as JSON, oldest first."""
        with self.changed, target.open("w", encoding="utf-8") as file:
            for event in self._events:
                one = [round(event.time_s, 6), event.kind, event.message, event.detail]
                file.write(json.dumps(one) + "\n")
