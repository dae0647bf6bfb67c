"""The readers: one that is asked for messages, and one that calls back."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
)
from confluent_kafka import TopicPartition as Place

from sinetstream_kafka import parameters
from sinetstream_kafka.client import ASK_S, Link
from sinetstream_sdk import errors
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.spi import PluginMessageReader

STEP_S = 0.1
"""How long the client may keep the lock, for which ``close()`` has to wait."""


class Subscription:
    """The connection of a reader from ``open()`` to ``close()``; once ended it gives nothing."""

    def __init__(self, reader: "KafkaReader") -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._ready: deque[Message] = deque()
        self._uncommitted: list[Place] = []
        self._handed_out: Message | None = None
        self._ended = False
        self._link = link = Link(Consumer, reader.properties)
        self._client: Consumer = link.client
        try:
            with link.doing(f"connecting to read {', '.join(reader.topics)}"):
                self._begin()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Close the connection; a :meth:`take` that waits elsewhere ends without a message."""
        self._ended = True
        with self._lock:
            self._client.close()

    def take(self, timeout_s: float) -> Message | None:
        """The next message, or None once the time is up or the subscription ended.

        :raises SinetError: what the brokers say in place of a message, or that all are gone
        """
        end, left = time.monotonic() + timeout_s, timeout_s
        while True:
            with self._lock:
                if self._ended:
                    return None
                try:
                    message = self._next(min(left, STEP_S))
                except KafkaException as error:
                    raise self._link.error(error.args[0], "reading") from None
            left = max(end - time.monotonic(), 0.0)
            if message is not None or not left:
                return message

    def seek(self, offset: int) -> None:
        """Go to ``OFFSET_BEGINNING`` or ``OFFSET_END`` of every partition that the reader has.

        :raises ConnectionError: no broker answers, or the group gives no partition, in time
        """
        end = time.monotonic() + self._reader.wait_s
        with self._lock:
            if self._ended:
                raise errors.ConnectionError("kafka: the reader was closed meanwhile")
            with self._link.doing("seeking"):
                while not (places := self._client.assignment()) and time.monotonic() < end:
                    self._fetch(STEP_S)
                self._ready.clear()
                self._uncommitted, self._handed_out = [], None
                self._go_to(offset, places)
        if not places:
            raise errors.ConnectionError(
                f"kafka: the group has given this reader no partition in {self._reader.wait_s:g} s;"
                " call seek again when it has, or start no more readers than there are partitions"
            )

    # ---- under the lock

    def _begin(self) -> None:
        topics, link, wait_s = self._reader.topics, self._link, self._reader.wait_s
        numbers = {topic: link.insist(partial(link.partitions, topic), wait_s) for topic in topics}
        if self._reader.grouped:
            self._client.subscribe(list(topics), on_revoke=self._on_revoke)
        else:
            places = [Place(topic, number) for topic in topics for number in numbers[topic]]
            self._go_to(self._reader.start, places)

    def _go_to(self, offset: int, places: list[Place]) -> None:
        """Begin at ``offset``. The end is that of now, and not of when the client gets there."""
        places = [Place(place.topic, place.partition, offset) for place in places]
        if offset == OFFSET_END:
            places = self._link.insist(partial(self._ends, places), self._reader.wait_s)
        self._client.assign(places)

    def _ends(self, places: list[Place]) -> list[Place]:
        places = self._client.offsets_for_times(places, timeout=ASK_S)
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
        return places

    def _next(self, within_s: float) -> Message | None:
        if self._handed_out is not None:  # whoever asks for a message is done with the one before
            self._client.store_offsets(self._handed_out)
            self._handed_out = None
        if not self._ready:
            self._fetch(within_s)
        if self._uncommitted:
            self._client.commit(offsets=self._uncommitted, asynchronous=False)
            self._uncommitted = []
        while self._ready:
            message = self._ready.popleft()
            error = message.error()
            if error is None:
                if self._reader.notes is EXACTLY_ONCE:
                    self._client.store_offsets(message)
                elif self._reader.notes is AT_LEAST_ONCE:
                    self._handed_out = message
                return message
            # A reader without a group does not mind that it may not use one.
            if self._reader.grouped or error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                raise KafkaException(error)
        return None

    def _fetch(self, within_s: float) -> None:
        first = self._client.poll(within_s)
        if first is None:
            self._link.complain_if_lost(self._reader.topics[0], self._reader.wait_s)
            return
        self._link.lost_at = None
        self._ready.append(first)
        self._ready.extend(self._client.consume(self._reader.at_once, 0))
        if self._reader.notes is AT_MOST_ONCE:
            good = [message for message in self._ready if message.error() is None]
            ends: dict[Any, Any] = {(m.topic(), m.partition()): m.offset() for m in good}
            self._uncommitted = [Place(t, n, last + 1) for (t, n), last in ends.items()]

    def _on_revoke(self, client: Consumer, places: list[Place]) -> None:
        gone = {(place.topic, place.partition) for place in places}
        kept = [m for m in self._ready if (m.topic(), m.partition()) not in gone]
        self._ready = deque(kept)


class Messages(Iterator[tuple[bytes, str, Message]]):
    """Each ``next()`` waits the whole time anew; once over, it is over for good."""

    def __init__(self, subscription: Subscription, timeout_s: float | None) -> None:
        self._subscription = subscription
        self._timeout_s = math.inf if timeout_s is None else timeout_s
        self._over = False

    def __next__(self) -> tuple[bytes, str, Message]:
        message = None if self._over else self._subscription.take(self._timeout_s)
        if message is None:
            self._over = True
            raise StopIteration
        return message.value() or b"", message.topic() or "", message


class KafkaReader(PluginMessageReader):
    """Receives from ``topics``: all partitions or, with ``group_id``, those that the group gives.

    A group remembers where it is, as ``consistency`` says: ``AT_MOST_ONCE`` commits messages before
    they are handed out, ``EXACTLY_ONCE`` notes each when it is, and ``AT_LEAST_ONCE`` when the next
    one is asked for.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given, consistency = self.params.specific(), self.params.consistency()
        self.topics = self.params.topics()
        self.wait_s = parameters.wait_s(self.params, "default_api_timeout_ms")
        self.at_once = given.integer("max_poll_records", 500, minimum=1)
        self._timeout_s = self.params.receive_timeout_s()
        self._subscription: Subscription | None = None
        asked = parameters.properties(self.params, "reader")
        if consistency is EXACTLY_ONCE:
            parameters.insist_on({"isolation.level": "read_committed"}, asked, self.params)
        self.grouped = bool(asked.get("group.id"))
        commits = self.grouped and asked.get("enable.auto.commit", True)
        self.notes = consistency if commits else None
        self.start = (
            OFFSET_BEGINNING if asked.get("auto.offset.reset") == "earliest" else OFFSET_END
        )
        if not self.grouped:
            if asked.get("auto.offset.reset") == "error":
                raise given.invalid("auto_offset_reset", "latest or earliest without 'group_id'")
            # From the start on it says where to go when what comes next has been deleted.
            asked |= {"group.id": f"sinetstream-{uuid4().hex}", "auto.offset.reset": "earliest"}
        self.properties = {
            "isolation.level": "read_uncommitted",
            "allow.auto.create.topics": True,
            **asked,
            "enable.auto.offset.store": False,
            "enable.auto.commit": commits and consistency is not AT_MOST_ONCE,
        }

    def open(self) -> None:
        if self._subscription is not None:
            raise errors.AlreadyConnectedError("kafka: this reader is open; call close() first")
        self._subscription = Subscription(self)

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.end()

    def __iter__(self) -> Messages:
        return Messages(self._connected(), self._timeout_s)

    def seek_to_beginning(self) -> None:
        """Go to the oldest message of each partition; it may be called from any thread."""
        self._connected().seek(OFFSET_BEGINNING)

    def seek_to_end(self) -> None:
        """Leave out what has been published up to now; it may be called from any thread."""
        self._connected().seek(OFFSET_END)

    def _connected(self) -> Subscription:
        if self._subscription is None:
            raise errors.ConnectionError("kafka: this reader is not open; call open() first")
        return self._subscription


class KafkaAsyncReader(PollingAsyncReader):
    """Delivers what a :class:`KafkaReader` receives to ``on_message``."""

    reader_class = KafkaReader

    def seek_to_beginning(self) -> None:
        """Go to the oldest message of each partition."""
        self.wrapped.seek_to_beginning()  # type: ignore[attr-defined]

    def seek_to_end(self) -> None:
        """Leave out what has been published up to now."""
        self.wrapped.seek_to_end()  # type: ignore[attr-defined]
