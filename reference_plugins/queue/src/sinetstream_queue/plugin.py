"""A SINETStream plugin whose broker is the process itself (guide §4), to be read from the top.

First comes the messaging system, which a real plugin finds behind a client library; then the four
roles, of which the SDK makes the asynchronous two out of the synchronous ones.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from sinetstream_sdk import errors
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter


@dataclass(frozen=True)
class QueueMessage:
    """A message as the broker keeps it; ``number`` tells one from the next of the same bytes."""

    topic: str
    number: int
    payload: bytes


@dataclass
class Subscription:
    """What a reader holds from ``open()`` to ``close()``; once ended it takes nothing more."""

    topics: tuple[str, ...]
    ended: bool = False


class Broker:
    """Topics held in this process, each a queue that its readers share.

    A message waits until one reader takes it, be it published before that reader was opened. One
    condition guards all topics, so that a reader of several can sleep until any has something.
    """

    def __init__(self) -> None:
        self._topics: defaultdict[str, deque[QueueMessage]] = defaultdict(deque)
        self._numbers = count()
        self._changed = threading.Condition()

    def put(self, topic: str, payload: bytes) -> None:
        """Keep one message for whichever reader comes for it."""
        with self._changed:
            self._topics[topic].append(QueueMessage(topic, next(self._numbers), payload))
            self._changed.notify_all()

    def take(self, by: Subscription, timeout_s: float | None) -> QueueMessage | None:
        """The oldest message there is, or None once the time is up or the subscription ended."""
        with self._changed:
            found = self._changed.wait_for(lambda: by.ended or self._oldest(by.topics), timeout_s)
            return found.popleft() if isinstance(found, deque) else None

    def end(self, subscription: Subscription) -> None:
        """Let it take nothing more, and wake whoever is waiting on it."""
        with self._changed:
            subscription.ended = True
            self._changed.notify_all()

    def _oldest(self, topics: tuple[str, ...]) -> deque[QueueMessage] | None:
        waiting = (self._topics[topic] for topic in topics if self._topics[topic])
        return min(waiting, key=lambda queue: queue[0].number, default=None)


broker = Broker()


@dataclass
class QueueIterator(Iterator[tuple[bytes, str, QueueMessage]]):
    """Each ``next()`` waits the whole time anew; once over, it is over for good."""

    subscription: Subscription | None
    timeout_s: float | None
    over: bool = False

    def __next__(self) -> tuple[bytes, str, QueueMessage]:
        if self.subscription is None:
            raise errors.ConnectionError("queue: this reader is not open; call open() first")
        message = None if self.over else broker.take(self.subscription, self.timeout_s)
        if message is None:
            self.over = True
            raise StopIteration
        return message.payload, message.topic, message


class QueueReader(PluginMessageReader):
    """Takes messages from the topics named by ``topics`` or ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topics = self.params.topics()
        self._timeout_s = self.params.receive_timeout_s()
        self._subscription: Subscription | None = None

    def open(self) -> None:
        if self._subscription is not None:
            raise errors.AlreadyConnectedError("queue: this reader is open; call close() first")
        self._subscription = Subscription(self._topics)

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            broker.end(subscription)

    def __iter__(self) -> QueueIterator:
        return QueueIterator(self._subscription, self._timeout_s)


class QueueWriter(PluginMessageWriter):
    """Puts messages into the topic named by ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()
        self._is_open = False

    def open(self) -> None:
        if self._is_open:
            raise errors.AlreadyConnectedError("queue: this writer is open; call close() first")
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def publish(self, message: bytes) -> None:
        if not isinstance(message, bytes):
            raise errors.InvalidArgumentError(f"queue: publish() takes bytes, not {type(message)}")
        if not self._is_open:
            raise errors.ConnectionError("queue: this writer is not open; call open() first")
        broker.put(self._topic, bytes(message))  # a subclass may carry more than the payload


class QueueAsyncReader(PollingAsyncReader):
    """Delivers what a :class:`QueueReader` receives to ``on_message``."""

    reader_class = QueueReader


class QueueAsyncWriter(PublishingAsyncWriter):
    """Sends through a :class:`QueueWriter` and returns promises."""

    writer_class = QueueWriter
