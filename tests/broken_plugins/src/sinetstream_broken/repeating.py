"""A correct plugin that gives AT_LEAST_ONCE and no more: every message comes more than once.

It comes again at once, and once more after the next message on its topic.
"""

from __future__ import annotations

from sinetstream_broken.broker import Broker
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
