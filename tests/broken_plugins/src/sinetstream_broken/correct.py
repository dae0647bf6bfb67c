"""Correct plugins of each delivery model: what the broken ones are mutations of.

``memory`` is a shared queue. ``broadcast`` is publish/subscribe that keeps nothing, ``log`` is
publish/subscribe that keeps everything, and ``late-subscriber`` is ``broadcast`` whose ``open()``
returns before the subscription is in effect.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from sinetstream_broken.broker import Broker, Letter, Subscription
from sinetstream_conformance import Capabilities, Delivery, Harness
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
)
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter
from sinetstream_sdk.roles import Role
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter

MEMORY = Broker(competing=True, retained=True)
BROADCAST = Broker(competing=False, retained=False)
LOG = Broker(competing=False, retained=True)
LATE = Broker(competing=False, retained=False, delay_s=0.15)


class MemoryReader(PluginMessageReader):
    """Reads from a broker in memory; ``take`` and ``item`` are there to be mutated."""

    broker: ClassVar[Broker] = MEMORY

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topics = self.params.topics()
        self.timeout_s = self.params.receive_timeout_s()
        self.subscription: Subscription | None = None

    def open(self) -> None:
        if self.subscription is not None:
            raise AlreadyConnectedError("memory: this reader is open already")
        self.subscription = self.broker.subscribe(self.topics)

    def close(self) -> None:
        if self.subscription is not None:
            self.broker.unsubscribe(self.subscription)
            self.subscription = None

    def take(self, subscription: Subscription) -> Letter | None:
        """Wait for one message; None when the time is up."""
        try:
            return self.broker.take(subscription, self.timeout_s)
        except OSError as error:
            raise ConnectionError(f"memory: {error}") from error

    def item(self, letter: Letter) -> Any:
        """What ``next()`` gives for a message."""
        return letter.payload, letter.topic, letter

    def __iter__(self) -> Iterator[Any]:
        return MemoryIterator(self)


class MemoryIterator:
    """The iterator of a :class:`MemoryReader`."""

    def __init__(self, reader: MemoryReader) -> None:
        self.reader = reader
        self.subscription = reader.subscription
        self.ended = False

    def __iter__(self) -> MemoryIterator:
        return self

    def __next__(self) -> Any:
        if self.subscription is None:
            raise ConnectionError("memory: this reader is not open")
        letter = None if self.ended else self.reader.take(self.subscription)
        if letter is None:
            self.ended = True
            raise StopIteration
        return self.reader.item(letter)


class MemoryWriter(PluginMessageWriter):
    """Writes to a broker in memory; ``send`` is there to be mutated."""

    broker: ClassVar[Broker] = MEMORY

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topic = self.params.topic()
        self.is_open = False

    def open(self) -> None:
        if self.is_open:
            raise AlreadyConnectedError("memory: this writer is open already")
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def publish(self, message: bytes) -> None:
        if not self.is_open:
            raise ConnectionError("memory: this writer is not open")
        if not isinstance(message, bytes):
            raise InvalidArgumentError(f"memory: a payload is bytes, not {type(message).__name__}")
        try:
            self.send(message)
        except OSError as error:
            raise ConnectionError(f"memory: {error}") from error

    def send(self, message: bytes) -> None:
        """Hand a payload to the broker."""
        self.broker.put(self.topic, bytes(message))


class MemoryAsyncReader(PollingAsyncReader):
    """The asynchronous reader of the shared queue."""

    reader_class = MemoryReader


class MemoryAsyncWriter(PublishingAsyncWriter):
    """The asynchronous writer of the shared queue."""

    writer_class = MemoryWriter


class BroadcastReader(MemoryReader):
    """Publish/subscribe that keeps nothing."""

    broker = BROADCAST


class BroadcastWriter(MemoryWriter):
    """Publish/subscribe that keeps nothing."""

    broker = BROADCAST


class BroadcastAsyncReader(PollingAsyncReader):
    """Publish/subscribe that keeps nothing."""

    reader_class = BroadcastReader


class BroadcastAsyncWriter(PublishingAsyncWriter):
    """Publish/subscribe that keeps nothing."""

    writer_class = BroadcastWriter


class LogReader(MemoryReader):
    """Publish/subscribe that keeps everything."""

    broker = LOG


class LogWriter(MemoryWriter):
    """Publish/subscribe that keeps everything."""

    broker = LOG


class LogAsyncReader(PollingAsyncReader):
    """Publish/subscribe that keeps everything."""

    reader_class = LogReader


class LogAsyncWriter(PublishingAsyncWriter):
    """Publish/subscribe that keeps everything."""

    writer_class = LogWriter


class LateSubscriberReader(MemoryReader):
    """A subscription that takes effect some time after ``open()``."""

    broker = LATE


class LateSubscriberWriter(MemoryWriter):
    """A subscription that takes effect some time after ``open()``."""

    broker = LATE


class LateSubscriberAsyncReader(PollingAsyncReader):
    """A subscription that takes effect some time after ``open()``."""

    reader_class = LateSubscriberReader


class LateSubscriberAsyncWriter(PublishingAsyncWriter):
    """A subscription that takes effect some time after ``open()``."""

    writer_class = LateSubscriberWriter


class MemoryHarness(Harness):
    """The harness of the shared queue, and of every broken plugin."""

    broker: ClassVar[Broker] = MEMORY
    capabilities = Capabilities(
        delivery=Delivery.COMPETING,
        retained=True,
        ordered=True,
        guide_constructor=True,
        consistencies=tuple(Consistency),
        # Broken plugins are waited for: on this broker a second is as good as five.
        ready_within_s=1.5,
        delivered_within_s=1.5,
        call_within_s=3.0,
        recovered_within_s=1.5,
    )

    def describe(self) -> str:
        return "a broker in memory"

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the broker refuses every message."""
        self.broker.refusing = True
        try:
            yield
        finally:
            self.broker.refusing = False

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which the broker takes nothing."""
        self.broker.stalled = True
        try:
            yield
        finally:
            self.broker.stalled = False
            self.broker.wake()

    @contextmanager
    def disconnected(self) -> Iterator[None]:
        """A context in which the broker is away."""
        self.broker.away = True
        self.broker.wake()
        try:
            yield
        finally:
            self.broker.away = False

    def restart(self) -> None:
        """Be away for a moment."""
        with self.disconnected():
            time.sleep(0.1)

    def durable(self, role: Role) -> Mapping[str, Any]:
        """Nothing: subscriptions outlast the broker's absence by themselves."""
        return {}


def _pubsub(*, retained: bool) -> Capabilities:
    return Capabilities(
        delivery=Delivery.BROADCAST,
        retained=retained,
        ordered=True,
        guide_constructor=True,
        consistencies=tuple(Consistency),
    )


class BroadcastHarness(MemoryHarness):
    """The harness of publish/subscribe that keeps nothing."""

    broker = BROADCAST
    capabilities = _pubsub(retained=False)


class LogHarness(MemoryHarness):
    """The harness of publish/subscribe that keeps everything."""

    broker = LOG
    capabilities = _pubsub(retained=True)


class LateSubscriberHarness(MemoryHarness):
    """The harness of late subscriptions."""

    broker = LATE
    capabilities = _pubsub(retained=False)
