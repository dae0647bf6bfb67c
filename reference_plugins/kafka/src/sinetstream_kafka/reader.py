"""The readers: one that is asked for messages, and one that calls back."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Place

from sinetstream_kafka import parameters
from sinetstream_kafka.client import ASK_S, Connection
from sinetstream_sdk.consistency import AT_MOST_ONCE, EXACTLY_ONCE
from sinetstream_sdk.linked import SeekingReader
from sinetstream_sdk.polled import TURN_S, LongCall, PolledInbox
from sinetstream_sdk.polling import SeekingAsyncReader

NO_PARTITION = "the group has given this reader no partition; seek later, or start fewer readers"
NOT_NOTED = "the group has not noted how far was read; what it has not noted may come again"
CLOSE_S = 7.0
"""How long the brokers may take over ``close()``; one that is silent may have it wait for ever."""

FETCH_AGAIN_MS = 50
"""When the client looks again whether a full queue has room; after its own 1 s one that reads fast
would have been waiting for most of that."""


class Commit(LongCall):
    """Has the group note that a batch was read; the client sets no limit to how long that takes."""

    def __init__(self, client: Consumer, batch: list[Message]) -> None:
        self.batch, self.since = batch, time.monotonic()
        last = {(m.topic(), m.partition()): m for m in batch if m.error() is None}
        places = [after(message) for message in last.values()]

        def commit() -> None:
            for place in client.commit(offsets=places, asynchronous=False) if places else ():
                if place.error is not None:
                    raise KafkaException(place.error)

        super().__init__(commit)


def after(message: Message) -> Place:
    """Where its partition goes on."""
    place, epoch = (message.topic() or "", message.partition() or 0), message.leader_epoch()
    offset = (message.offset() or 0) + 1
    return Place(*place, offset, leader_epoch=-1 if epoch is None else epoch)


class Subscription(Connection):
    """The connection of a reader from ``open()`` to ``close()``."""

    def __init__(self, reader: "KafkaReader", topics: tuple[str, ...]) -> None:
        super().__init__(Consumer, reader.properties, reader.wait_s)
        self._reader, self._topics = reader, topics
        self.inbox: PolledInbox[Message] = PolledInbox(self._fetch, self._release)
        self._commit: Commit | None = None  # of the batch to give next

    def open(self) -> None:
        with self.doing(f"connecting to read {', '.join(self._topics)}"):
            numbers = {topic: self.insist(self.partitions, topic) for topic in self._topics}
            if self._reader.grouped:
                self.client.subscribe(list(self._topics), on_revoke=self._on_revoke)
            else:
                places = [Place(topic, n) for topic in self._topics for n in numbers[topic]]
                self._go_to(places, self._reader.from_end)

    def close(self) -> None:
        self.inbox.close(release=self._reader.notes is EXACTLY_ONCE)
        with self.doing("closing"):
            if not LongCall(self.client.close, after=self._commit).ended(CLOSE_S):
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, NOT_NOTED))

    def unpack(self, message: Message) -> tuple[bytes, str, Message]:
        """Payload, topic and raw message."""
        return message.value() or b"", message.topic() or "", message

    def seek(self, to_end: bool) -> None:
        """Go to the oldest message, or past the newest, of every partition that the reader has.

        :raises ConnectionError: no broker answers, or the group gives no partition, in time
        """
        with self.inbox.held(), self.doing("seeking"):
            self.poll(0)
            self._go_to(self.insist(self._assigned), to_end)
            self.inbox.clear()  # and not before: where that failed, all goes on as it was

    def poll(self, within_s: float) -> None:
        """The same, and what comes is kept; nothing else can be asked before a commit has ended."""
        self.inbox.fetch(within_s)
        while self._commit is not None:
            self.inbox.fetch(TURN_S)

    def _assigned(self) -> list[Place]:
        places: list[Place] = self.client.assignment()
        if not places:
            self.poll(TURN_S)  # meanwhile the group deals out its partitions
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, NO_PARTITION))
        return places

    def _go_to(self, places: list[Place], to_end: bool) -> None:
        for place in places:
            place.offset = OFFSET_BEGINNING
            if to_end:  # that of now, and not of when the client gets there
                ends = self.insist(self.client.get_watermark_offsets, place, ASK_S)
                place.offset = ends[1]
        self.client.assign(places)

    def _fetch(self, within_s: float) -> list[Message | Exception]:
        with self.doing("reading"):
            if self._commit is not None:
                return list(self._checked(self._noted(self._commit, within_s)))
            first = self.client.poll(within_s)
            if first is None:
                self._complain_if_lost()
                return []
            self.lost_at = None
            batch = [first, *self.client.consume(self._reader.at_once, 0)]
            if self._reader.notes is AT_MOST_ONCE:
                self._commit = Commit(self.client, batch)
                batch = self._noted(self._commit, within_s)
        return list(self._checked(batch))

    def _noted(self, commit: Commit, within_s: float) -> list[Message]:
        """Its batch, once the group has noted that; where it does not, it has not been read."""
        try:
            if commit.ended(within_s):
                self._commit = None
                return commit.batch
        except KafkaException:
            self._commit = None
            raise
        if time.monotonic() - commit.since >= self.wait_s:
            commit.since = time.monotonic()
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, NOT_NOTED))
        return []

    def _checked(self, batch: list[Message]) -> Iterator[Message | Exception]:
        """The batch with errors of our own; a reader without a group need not be allowed any."""
        for message in batch:
            error = message.error()
            if error is None:
                yield message
            elif self._reader.grouped or error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                yield self.error(error, "reading")

    def _complain_if_lost(self) -> None:
        """Raise, every ``wait_s`` seconds, if no broker could be reached for so long."""
        if self.lost_at is not None and time.monotonic() - self.lost_at >= self.wait_s:
            self.lost_at = time.monotonic()
            self.partitions(self._topics[0])
            self.lost_at = None

    def _release(self, message: Message) -> None:
        if self._reader.notes not in (None, AT_MOST_ONCE):
            self.client.store_offsets(message)

    def _on_revoke(self, client: Consumer, places: list[Place]) -> None:
        gone = {(place.topic, place.partition) for place in places}
        self.inbox.keep(lambda message: (message.topic(), message.partition()) not in gone)


class KafkaReader(SeekingReader):
    """Receives from ``topics``: all partitions or, with ``group_id``, those that the group gives.

    A group remembers where it is, as ``consistency`` says: under ``AT_MOST_ONCE`` messages are
    committed before they are handed out, under the others when the next one is asked for, under
    ``EXACTLY_ONCE`` on ``close()`` as well.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own, consistency = self.params.specific(), self.params.consistency()
        self.wait_s = own.number("default_api_timeout_ms", 8000.0, minimum=0) / 1000
        self.at_once = own.integer("max_poll_records", 500, minimum=1)
        required = {"isolation.level": "read_committed"} if consistency is EXACTLY_ONCE else {}
        asked = parameters.properties(self.params, "reader", required)
        self.grouped = bool(asked.get("group.id"))
        self.from_end = asked.get("auto.offset.reset") != "earliest"
        commits = self.grouped and asked.get("enable.auto.commit", True)
        self.notes = consistency if commits else None
        if not self.grouped:
            if asked.get("auto.offset.reset") == "error":
                raise own.invalid("auto_offset_reset", "latest or earliest without 'group_id'")
            # From the start on it says where to go when what comes next has been deleted.
            asked |= {"group.id": f"sinetstream-{uuid4().hex}", "auto.offset.reset": "earliest"}
        self.properties = {
            "isolation.level": "read_uncommitted",
            "allow.auto.create.topics": True,
            "fetch.queue.backoff.ms": FETCH_AGAIN_MS,
            **asked,
            "enable.auto.offset.store": False,
            "enable.auto.commit": self.notes not in (None, AT_MOST_ONCE),
        }

    def _make_link(self) -> Subscription:
        return Subscription(self, self._topics)


class KafkaAsyncReader(SeekingAsyncReader):
    """Delivers what a :class:`KafkaReader` receives to ``on_message``."""

    reader_class = KafkaReader
