"""The writers: one message at a time, or batches of them with a promise for each."""

import logging
import threading
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sinetstream_kafka import parameters
from sinetstream_kafka.client import Link
from sinetstream_sdk import errors
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE, Consistency
from sinetstream_sdk.promises import Deferred, SafePromise
from sinetstream_sdk.spi import PluginAsyncMessageWriter, PluginMessageWriter
from sinetstream_sdk.threaded import ThreadedRole

logger = logging.getLogger(__name__)

POLL_S = 0.02
GIVE_UP_MS = 30_000
ANY_PARTITION = -1
Report = Callable[[KafkaError | None, Message], None]
GUARANTEES: Mapping[Consistency, Mapping[str, Any]] = {
    AT_MOST_ONCE: {"acks": 1, "message.send.max.retries": 0},
    # One request at a time: with more, what has to be sent again would be overtaken.
    AT_LEAST_ONCE: {"acks": "all", "max.in.flight.requests.per.connection": 1},
    EXACTLY_ONCE: {"acks": "all", "enable.idempotence": True},
}


class KafkaWriter(PluginMessageWriter):
    """Sends to ``topic``, and waits for each message till the brokers have it."""

    linger_ms = 0
    """How long a message waits for others to go with it, unless the parameter says so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given, consistency = self.params.specific(), self.params.consistency()
        self._topic = self.params.topic()
        self._wait_s = parameters.wait_s(self.params, "max_block_ms")
        self._spread = given.choice("order", ("partition", "topic"), "partition") == "partition"
        asked = parameters.properties(self.params, "writer")
        if consistency is EXACTLY_ONCE:
            parameters.insist_on(GUARANTEES[consistency], asked, self.params)
        own = {"linger.ms": self.linger_ms, "delivery.timeout.ms": GIVE_UP_MS}
        self.properties = {**own, **GUARANTEES[consistency], **asked}
        self._lock = threading.Lock()
        self._closing = False
        self._partition = ANY_PARTITION
        self.link: Link | None = None
        """The connection, from open() to close()."""

    def open(self) -> None:
        if self.link is not None:
            raise errors.AlreadyConnectedError("kafka: this writer is open; call close() first")
        link = Link(Producer, self.properties)
        try:
            with link.doing(f"connecting to write {self._topic!r}"):
                numbers = link.insist(partial(link.partitions, self._topic), self._wait_s)
        except BaseException:
            link.client.close()
            raise
        if not self._spread:
            name = self.params.client_id() or str(id(self))
            self._partition = numbers[zlib.crc32(name.encode()) % len(numbers)]
        self._closing, self.link = False, link

    def close(self) -> None:
        """Disconnect; a publish() that waits in another thread raises."""
        self._closing = True
        with self._lock:
            link, self.link = self.link, None
            if link is not None:
                link.client.purge()
                link.client.close()

    def publish(self, message: bytes) -> None:
        """Send ``message`` and wait for the brokers; several threads take turns.

        :raises InvalidArgumentError: ``message`` is not ``bytes``
        :raises SinetError: the writer is not open, or the brokers do not take the message
        """
        told: list[KafkaError | None] = []
        with self._lock:
            link = self.send(message, lambda error, sent: told.append(error))
            while not told and not self._closing:
                link.client.poll(POLL_S)
        if not told:
            raise errors.ConnectionError("kafka: closed during publish(); it may have been sent")
        if told[0] is not None:
            raise link.error(told[0], f"writing {self._topic!r}")

    def send(self, message: bytes, report: Report) -> Link:
        """Hand ``message`` to the client, which calls ``report`` during a later poll."""
        if not isinstance(message, bytes):
            kind = type(message).__name__
            raise errors.InvalidArgumentError(f"kafka: publish() takes bytes, not {kind}")
        link = self.link
        if link is None:
            raise errors.ConnectionError("kafka: this writer is not open; call open() first")
        try:
            link.client.produce(self._topic, message, partition=self._partition, callback=report)
        except BufferError:
            raise errors.SinetError(
                "kafka: too many messages wait to be sent; publish more slowly, or raise "
                "'buffer_memory' and 'queue.buffering.max.messages'"
            ) from None
        except KafkaException as error:
            raise link.error(error.args[0], f"writing {self._topic!r}") from None
        return link


class BatchingWriter(KafkaWriter):
    """What the asynchronous writer sends through."""

    linger_ms = 5


class KafkaAsyncWriter(ThreadedRole[KafkaWriter], PluginAsyncMessageWriter):
    """Sends messages in batches; a thread hears what became of them and settles their promises.

    A promise is fulfilled with the client's message, which tells partition and offset. ``close()``
    gives what waits ``close_timeout_s`` to go out, and has the rest rejected.
    """

    close_timeout_s = 5.0
    _grace_s = 3.0

    def _wrapped_class(self) -> type[KafkaWriter]:
        return BatchingWriter

    def publish(self, message: bytes) -> SafePromise[Message]:
        """Hand ``message`` to the client and return a promise for its delivery.

        :raises InvalidArgumentError: ``message`` is not ``bytes``
        :raises ConnectionError: the writer is not open
        """
        deferred: Deferred[Message] = Deferred()
        refusal: errors.SinetError | None = None
        with self._changed:  # the thread closes the connection once it has seen _stopping
            if self._stopping and isinstance(message, bytes):
                raise errors.ConnectionError("kafka: this writer is not open; call open() first")
            try:
                self._wrapped.send(message, partial(self._settle, deferred))
            except errors.InvalidArgumentError:
                raise
            except errors.SinetError as error:
                refusal = error
        if refusal is not None:
            deferred.reject(refusal)
        return deferred.promise

    def _run(self) -> None:
        link = self._wrapped.link
        assert link is not None
        while not self._stopping:
            link.client.poll(POLL_S)
        if link.client.flush(self.close_timeout_s):
            link.client.purge()
            link.client.flush(1.0)

    def _settle(self, deferred: Deferred[Message], error: KafkaError | None, sent: Message) -> None:
        try:
            if error is None:
                deferred.resolve(sent)
            elif (link := self._wrapped.link) is not None:
                deferred.reject(link.error(error, f"writing {sent.topic()!r}"))
        except BaseException:  # as sys.exit() in a callback; other promises are still waiting
            logger.exception("kafka: the callback of a promise raised")
