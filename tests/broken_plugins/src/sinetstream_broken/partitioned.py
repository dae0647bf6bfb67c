"""A topic in two partitions, each of which keeps its order, and what breaks that.

The correct reader lets messages of the one partition overtake those of the other.
"""

from __future__ import annotations

import zlib
from collections import deque
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import (
    BROADCAST,
    BroadcastAsyncWriter,
    BroadcastHarness,
    BroadcastWriter,
    MemoryReader,
)
from sinetstream_broken.marking import breaks
from sinetstream_conformance import Capabilities, Delivery
from sinetstream_conformance.capabilities import Order
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.polling import PollingAsyncReader


def partition_of(payload: bytes) -> int:
    """Where a message belongs: there are two partitions."""
    return zlib.crc32(payload) & 1


class PartitionedReader(MemoryReader):
    """Gives what waits of partition 0 before a message of partition 1."""

    broker = BROADCAST

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.held: deque[Letter] = deque()

    def take(self, subscription: Subscription) -> Letter | None:
        letter = self.held.popleft() if self.held else super().take(subscription)
        if letter is None or not partition_of(letter.payload):
            return letter
        following = self.broker.take(subscription, 0.0)
        if following is None:
            return letter
        if partition_of(following.payload):
            self.held.append(following)
            return letter
        self.held.append(letter)
        return following


class PartitionedWriter(BroadcastWriter):
    """Writes to both partitions."""


class PartitionedAsyncReader(PollingAsyncReader):
    """Reads from both partitions."""

    reader_class = PartitionedReader


class PartitionedAsyncWriter(BroadcastAsyncWriter):
    """Writes to both partitions."""


class PartitionedHarness(BroadcastHarness):
    """Declares order within a partition, and tells the partition of a message."""

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=Order.PARTITION,
        guide_constructor=True,
        consistencies=tuple(Consistency),
    )

    def partition(self, raw: Letter) -> int:
        """Which of the two it is."""
        return partition_of(raw.payload)


class TopicHarness(PartitionedHarness):
    """Declares, wrongly, order of the whole topic."""

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=Order.TOPIC,
        guide_constructor=True,
        consistencies=tuple(Consistency),
    )


class SilentHarness(BroadcastHarness):
    """Declares order within a partition, and does not tell which one a message came from."""

    capabilities = PartitionedHarness.capabilities


@breaks(
    "WRITE-ORDER",
    role="writer",
    says=("in the order of publishing in partition", "after a later one"),
    model="partitioned",
)
class SendsInPairs(PartitionedWriter):
    """Sends the later one first of each two messages for a partition."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept: dict[int, bytes] = {}

    def send(self, message: bytes) -> None:
        partition = partition_of(message)
        if not message.isdigit():
            super().send(message)
        elif partition in self.kept:
            super().send(message)
            super().send(self.kept.pop(partition))
        else:
            self.kept[partition] = bytes(message)


class LatestFirst(PartitionedReader):
    """Takes two at a time and gives the later one first, whatever their partitions."""

    def take(self, subscription: Subscription) -> Letter | None:
        if self.held:
            return self.held.popleft()
        first = MemoryReader.take(self, subscription)
        second = None if first is None else self.broker.take(subscription, 0.0)
        if first is not None and second is not None:
            self.held.append(first)
            return second
        return first


@breaks(
    "AREAD-ORDER",
    role="async_reader",
    says=("in the order of publishing in partition", "after a later one"),
    model="partitioned",
)
class DeliversPairsLatestFirst(PollingAsyncReader):
    """Takes messages from the wrong end, two at a time."""

    reader_class = LatestFirst
