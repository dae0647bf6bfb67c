"""Correct plugins where every message comes more than once under AT_LEAST_ONCE.

It comes again at once, and once more after the next message on its topic. ``repeating`` gives that
guarantee and no more; the readers of ``deduplicating`` know better where they are asked for more.
"""

from __future__ import annotations

from typing import Any

from sinetstream_broken.broker import Broker, Letter, Subscription
from sinetstream_broken.correct import MemoryHarness, MemoryReader, MemoryWriter
from sinetstream_conformance import Capabilities, Delivery
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter


class RepeatingBroker(Broker):
    """A shared queue in which messages are put again and again."""

    def put(self, topic: str, payload: bytes) -> None:
        before = self.latest.get(topic)
        super().put(topic, payload)
        super().put(topic, payload)
        if before is not None:
            super().put(topic, before.payload)
            super().put(topic, payload)


REPEATING = RepeatingBroker(competing=True, retained=True)


class RepeatingReader(MemoryReader):
    """Gives what the queue holds, repetitions included."""

    broker = REPEATING


class RepeatingWriter(MemoryWriter):
    """Puts each message into the queue several times."""

    broker = REPEATING


class RepeatingAsyncReader(PollingAsyncReader):
    """Gives what the queue holds, repetitions included."""

    reader_class = RepeatingReader


class RepeatingAsyncWriter(PublishingAsyncWriter):
    """Puts each message into the queue several times."""

    writer_class = RepeatingWriter


class RepeatingHarness(MemoryHarness):
    """Declares the one guarantee that permits repetitions."""

    broker = REPEATING
    capabilities = Capabilities(
        delivery=Delivery.COMPETING,
        retained=True,
        ordered=True,
        guide_constructor=True,
        consistencies=(Consistency.AT_LEAST_ONCE,),
    )


class DeduplicatingReader(RepeatingReader):
    """Passes over repetitions, unless AT_LEAST_ONCE is all that is asked for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.once = self.params["consistency"] is not Consistency.AT_LEAST_ONCE
        self.given: set[tuple[str, bytes]] = set()

    def take(self, subscription: Subscription) -> Letter | None:
        while True:
            letter = super().take(subscription)
            key = letter and (letter.topic, letter.payload)
            if key is None or not self.once or key not in self.given:
                self.given.update([key] if key else [])
                return letter


class DeduplicatingWriter(RepeatingWriter):
    """Puts each message into the queue several times."""


class DeduplicatingHarness(MemoryHarness):
    """Declares every guarantee."""

    broker = REPEATING
