"""Readers that break the rules of ``rules/reader.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import (
    MEMORY,
    BroadcastReader,
    MemoryAsyncReader,
    MemoryIterator,
    MemoryReader,
)
from sinetstream_broken.marking import breaks


@breaks("READ-ITERATOR", role="reader", says="iter(reader) raised TypeError: iter() returned")
class GivesList(MemoryReader):
    """Collects what there is and gives it as a list."""

    def __iter__(self) -> Any:
        return list(MemoryIterator(self))


class NotIterable:
    """Has ``__next__`` and nothing else."""

    def __init__(self, wrapped: MemoryIterator) -> None:
        self._wrapped = wrapped

    def __next__(self) -> Any:
        return next(self._wrapped)


@breaks(
    "READ-ITERATOR",
    role="reader",
    says=("without __iter__", "iterator without __iter__", "def __iter__(self): return self"),
)
class ForgetsIter(MemoryReader):
    """The iterator cannot be used in a for loop after its first message has been taken."""

    def __iter__(self) -> Any:
        return NotIterable(MemoryIterator(self))


class StartsAnew(MemoryIterator):
    """Makes another iterator of itself."""

    def __iter__(self) -> MemoryIterator:
        return StartsAnew(self.reader)


@breaks("READ-ITERATOR", role="reader", says="another object")
class IteratorStartsAnew(MemoryReader):
    """The iterator's own ``__iter__`` gives a new one."""

    def __iter__(self) -> Iterator[Any]:
        return StartsAnew(self)


@breaks("READ-TUPLE", role="reader", says="a tuple of three values")
class ReadTuple(MemoryReader):
    """Gives two values."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, letter.topic


@breaks("READ-TUPLE", role="reader", says=("a tuple of three values", "(list)"))
class GivesLists(MemoryReader):
    """Gives a list of three."""

    def item(self, letter: Letter) -> Any:
        return [letter.payload, letter.topic, letter]


@breaks("READ-BYTES", role="reader", says=("expected bytes as the payload", "(str)"))
class Decodes(MemoryReader):
    """Gives text."""

    def item(self, letter: Letter) -> Any:
        return letter.payload.decode("latin-1"), letter.topic, letter


@breaks("READ-BYTES", role="reader", says=("expected bytes as the payload", "(memoryview)"))
class GivesViews(MemoryReader):
    """Gives what a client gives that spares a copy."""

    def item(self, letter: Letter) -> Any:
        return memoryview(letter.payload), letter.topic, letter


@breaks("READ-BYTES", role="reader", says="the payload alone")
class KeepsHeader(MemoryReader):
    """Leaves the length field before the payload."""

    def item(self, letter: Letter) -> Any:
        return len(letter.payload).to_bytes(4, "big") + letter.payload, letter.topic, letter


@breaks("READ-BYTES", role="reader", says=("the payload alone, b'third", "b'first"))
class ReusesBuffers(MemoryReader):
    """Keeps a buffer for each size of payload, and fills it but once."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.buffers: dict[int, bytes] = {}

    def item(self, letter: Letter) -> Any:
        payload = self.buffers.setdefault(len(letter.payload), letter.payload)
        return payload, letter.topic, letter


@breaks("READ-BYTES", role="async_reader", says=("expected bytes as the payload", "(str)"))
class CallsBackWithText(MemoryAsyncReader):
    """Gives text."""

    reader_class = Decodes


@breaks("READ-BYTES", role="async_reader", says="the payload alone")
class CallsBackWithHeader(MemoryAsyncReader):
    """Leaves the length field before the payload."""

    reader_class = KeepsHeader


@breaks("READ-TOPIC", role="reader", says=("the topic's name", "(bytes)", "topic.decode()"))
class TopicAsBytes(MemoryReader):
    """Gives the topic as it came over the line."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, letter.topic.encode(), letter


@breaks("READ-TOPIC", role="reader", says=("expected the topic's name", "(list)"))
class TopicFromParams(MemoryReader):
    """Gives the parameter in place of the message's topic."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, list(self.topics), letter


@breaks("READ-TOPIC", role="reader", says=("expected the topic's name", "None"))
class NoTopic(MemoryReader):
    """Knows nothing of topics."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, None, letter


@breaks("READ-TOPIC", role="async_reader", says=("the topic's name", "(bytes)", ".decode()"))
class CallsBackWithTopicAsBytes(MemoryAsyncReader):
    """Gives the topic as it came over the line."""

    reader_class = TopicAsBytes


@breaks("READ-RAW", role="reader", says=("message object", "observed None"))
class NoRaw(MemoryReader):
    """Has no use for a third value."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, letter.topic, None


@breaks("READ-RAW", role="reader", says=("an object of its own", "several messages share"))
class SharesRaw(MemoryReader):
    """Gives the subscription, which is the same for all messages."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, letter.topic, self.subscription


@breaks("READ-RAW", role="async_reader", says=("message object", "observed None"))
class CallsBackWithoutRaw(MemoryAsyncReader):
    """Has no use for a third value."""

    reader_class = NoRaw


@breaks("READ-RAW", role="async_reader", says="several messages share")
class CallsBackWithSharedRaw(MemoryAsyncReader):
    """Gives the subscription, which is the same for all messages."""

    reader_class = SharesRaw


@breaks("READ-TOPICS", role="reader", says=("KeyError: 'topic'", "self.params.topics()"))
class KnowsTopicOnly(MemoryReader):
    """Looks where the guide's example looks, and nowhere else."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topics = (self.params["topic"],)


@breaks("READ-TOPICS", role="reader", says="a message published after open() reaches a reader")
class ListsLetters(MemoryReader):
    """Takes a str for a list of topics, each one letter long."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topics = tuple(self.params.get("topics") or [self.params["topic"]])


@breaks("READ-TOPICS", role="reader", says="a message published after open() reaches a reader")
class FirstTopicOnly(MemoryReader):
    """Forgets the other topics."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topics = self.topics[:1]


@breaks("READ-TOPICS", role="reader", says=("its topic is", "observed"))
class NamesFirstTopic(MemoryReader):
    """Takes the topic's name from the parameters, which is wrong for the second one."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, self.topics[0], letter


@breaks(
    "READ-TOPICS", role="async_reader", says="a message published after open() reaches a reader"
)
class CallsBackForFirstTopicOnly(MemoryAsyncReader):
    """Forgets the other topics."""

    reader_class = FirstTopicOnly


@breaks("READ-TOPICS", role="async_reader", says=("its topic is", "observed"))
class CallsBackWithFirstTopic(MemoryAsyncReader):
    """Takes the topic's name from the parameters."""

    reader_class = NamesFirstTopic


@breaks(
    "READ-CLOSE-BLOCKED",
    role="reader",
    says=("next() was still running after", "broker.py", "a condition that close() notifies"),
)
class ClosesWithoutWaking(MemoryReader):
    """Forgets the subscription in close(), and whoever waits on it."""

    def close(self) -> None:
        self.subscription = None


@breaks("READ-CLOSE-BLOCKED", role="reader", says=("next() raised AttributeError", "'NoneType'"))
class TripsOverClose(MemoryReader):
    """Waits in short steps, in each of which it asks an attribute that close() sets to None."""

    def take(self, subscription: Subscription) -> Letter | None:
        while True:
            letter = self.broker.take(subscription, 0.02)
            if letter is not None or self.timeout_s is not None:
                return letter
            assert self.subscription.topics  # type: ignore[union-attr]


@breaks(
    "READ-CLOSE-BLOCKED", role="reader", says=("nothing is consumed after close()", "after close")
)
class ConsumesAfterClose(MemoryReader):
    """Lets the waiting next() go, but the next one takes messages still."""

    def take(self, subscription: Subscription) -> Letter | None:
        letter = super().take(subscription)
        if letter is None and self.timeout_s is None:
            self.subscription = self.broker.subscribe(self.topics)
        return letter

    def __iter__(self) -> Iterator[Any]:
        return Reconnecting(self)


class Reconnecting(MemoryIterator):
    """Looks up the subscription anew for each message, and never ends."""

    def __next__(self) -> Any:
        self.ended = False
        self.subscription = self.reader.subscription or self.subscription
        return super().__next__()


@breaks(
    "READ-BACKLOG",
    role="reader",
    says=("from before open() is seen", "retained=True", "declare `retained`"),
)
class BeginsWithLatest(MemoryReader):
    """Throws away what waits when it opens."""

    def open(self) -> None:
        super().open()
        old = MEMORY.subscribe(self.topics)
        while MEMORY.take(old, 0) is not None:
            pass
        MEMORY.unsubscribe(old)


@breaks("READ-BACKLOG", role="async_reader", says=("from before open() is seen", "retained=True"))
class CallsBackWithLatest(MemoryAsyncReader):
    """Throws away what waits when it opens."""

    reader_class = BeginsWithLatest


@breaks(
    "READ-BACKLOG",
    role="reader",
    says=("from before open() is never seen", "retained=False", "declare `retained`"),
    model="broadcast",
)
class BeginsWithTheLastMessage(BroadcastReader):
    """Shows a new subscriber the last message, as MQTT does with those that are retained."""

    def open(self) -> None:
        super().open()
        assert self.subscription is not None
        for topic in self.topics:
            if topic in self.broker.latest:
                self.subscription.waiting.append(self.broker.latest[topic])
