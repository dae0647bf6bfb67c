"""The writers: one waits for the brokers with each message, the other gives a promise for it."""

import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sinetstream_kafka import parameters
from sinetstream_kafka.client import Connection
from sinetstream_sdk import errors
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE, Consistency
from sinetstream_sdk.linked import LinkedAsyncWriter, LinkedSender, LinkedWriter
from sinetstream_sdk.polled import AwaitedOutbox, PolledOutbox
from sinetstream_sdk.promises import Deferred

GUARANTEES: Mapping[Consistency, Mapping[str, Any]] = {
    AT_MOST_ONCE: {"acks": 1, "message.send.max.retries": 0},
    # One request at a time: with more, what has to be sent again would be overtaken.
    AT_LEAST_ONCE: {"acks": "all", "max.in.flight.requests.per.connection": 1},
    EXACTLY_ONCE: {"acks": "all", "enable.idempotence": True},
}
ANY_PARTITION = -1
FULL = (
    "kafka: too many messages wait to be sent; publish more slowly, or raise 'buffer_memory' and "
    "'queue.buffering.max.messages'"
)


class Publication(Connection):
    """The connection of a writer from ``open()`` to ``close()``."""

    def __init__(self, sender: "KafkaSender", topic: str) -> None:
        super().__init__(Producer, sender.properties, sender.wait_s)
        self._sender, self._topic, self._partition = sender, topic, ANY_PARTITION
        self.outbox = sender.outbox_class(
            self._hand_over, self.client.poll, self.client.__len__, self._end
        )

    def open(self) -> None:
        with self.doing(f"connecting to write {self._topic!r}"):
            numbers = self.insist(self.partitions, self._topic)
        if self._sender.keeps_order:
            name = self._sender.properties.get("client.id", str(id(self._sender)))
            self._partition = numbers[zlib.crc32(name.encode()) % len(numbers)]
        self.outbox.open()

    def close(self) -> None:
        self.outbox.close()

    def _hand_over(self, payload: bytes, outcome: Deferred[Message]) -> None:
        report = partial(self._on_report, outcome)
        try:
            self.client.produce(self._topic, payload, partition=self._partition, callback=report)
        except BufferError:
            raise errors.SinetError(FULL) from None
        except KafkaException as error:
            raise self.error(error.args[0], f"writing {self._topic!r}") from None

    def _on_report(
        self, outcome: Deferred[Message], error: KafkaError | None, sent: Message
    ) -> None:
        if error is None:
            outcome.resolve(sent)
        else:
            outcome.reject(self.error(error, f"writing {self._topic!r}"))

    def _end(self) -> None:
        self.client.purge()
        self.client.close()


class KafkaSender(LinkedSender):
    """What the two writers have in common."""

    outbox_class: type[AwaitedOutbox[Message] | PolledOutbox[Message]]
    linger_ms: int
    """How long a message waits for others to go with it, unless the parameter says so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own, consistency = self.params.specific(), self.params.consistency()
        guarantee = GUARANTEES[consistency]
        self.keeps_order = own.choice("order", ("partition", "topic"), "partition") == "topic"
        self.wait_s = own.number("max_block_ms", 8000.0, minimum=0) / 1000
        self.properties = {
            "linger.ms": self.linger_ms,
            "delivery.timeout.ms": 30_000,
            **guarantee,
            **parameters.properties(
                self.params, "writer", guarantee if consistency is EXACTLY_ONCE else {}
            ),
        }

    def _make_link(self) -> Publication:
        return Publication(self, self._topic)


class KafkaWriter(KafkaSender, LinkedWriter):
    """Sends to ``topic``, and waits for each message till the brokers have it."""

    outbox_class, linger_ms = AwaitedOutbox[Message], 0


class KafkaAsyncWriter(KafkaSender, LinkedAsyncWriter):
    """Sends to ``topic`` in batches; a promise is fulfilled with the client's message."""

    outbox_class, linger_ms = PolledOutbox[Message], 5
