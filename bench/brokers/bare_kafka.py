"""confluent-kafka in the loops that one would write without a plugin, with ``acks=all``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from bench.brokers.counting import WAIT_S, Arrivals, Measured

# Order is kept when something is sent again, as the plugin does it.
KEEPING = {"acks": "all", "max.in.flight.requests.per.connection": 1}


class Contender:
    """A producer that is polled, and a consumer without a group."""

    def __init__(self, broker: str) -> None:
        self._broker = {"bootstrap.servers": broker}

    @contextmanager
    def _producer(self, **settings: Any) -> Iterator[Producer]:
        producer = Producer({**self._broker, **KEEPING, **settings})
        try:
            yield producer
        finally:
            producer.flush(WAIT_S)

    def writer(self, topic: str, payload: bytes, count: int) -> Measured:
        """``produce()``, then ``flush()``; nothing lingers."""
        told = Arrivals()

        def on_delivery(error: Any, _: Any) -> None:
            told.one() if error is None else told.fail(error)

        with self._producer(**{"linger.ms": 0}) as producer:
            self._await(producer, topic)
            start = time.perf_counter()
            for _ in range(count):
                producer.produce(topic, payload, on_delivery=on_delivery)
                producer.flush(WAIT_S)
            seconds = time.perf_counter() - start
        told.wait(count)
        return Measured(count, seconds)

    def async_writer(self, topic: str, payload: bytes, count: int, window: int) -> Measured:
        """``produce()`` and ``poll()``; the client's own linger of 5 ms."""
        told = Arrivals()

        def on_delivery(error: Any, _: Any) -> None:
            told.one() if error is None else told.fail(error)

        with self._producer() as producer:
            self._await(producer, topic)
            start = time.perf_counter()
            for number in range(count):
                producer.produce(topic, payload, on_delivery=on_delivery)
                producer.poll(0)
                while number - told.count >= window:
                    producer.poll(WAIT_S)
            producer.flush(WAIT_S)
            told.wait(count)
            return told.since(start, count)

    def reader(self, topic: str, count: int, client_id: str) -> Measured:
        """``poll()`` by the message."""
        consumer = Consumer({**self._broker, "group.id": "bench", "enable.auto.commit": False})
        try:
            numbers = consumer.list_topics(topic, timeout=WAIT_S).topics[topic].partitions
            consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in numbers])
            start = 0.0
            for _ in range(count):
                message = consumer.poll(WAIT_S)
                start = start or time.perf_counter()
                if message is None or message.error() is not None:
                    raise RuntimeError(f"nothing came: {message and message.error()}")
                message.value()
            return Measured(count - 1, time.perf_counter() - start)
        finally:
            consumer.close()

    async_reader = reader
    """The client has no callback of its own for messages."""

    def _await(self, producer: Producer, topic: str) -> None:
        """Have the topic made, and the connection, before the time is taken."""
        end = time.monotonic() + WAIT_S
        while producer.list_topics(topic, timeout=WAIT_S).topics[topic].error is not None:
            if time.monotonic() > end:
                raise KafkaException(producer.list_topics(topic).topics[topic].error)
            time.sleep(0.05)


def fill(broker: str, topic: str, payload: bytes, count: int) -> None:
    """Put messages into a topic, for readers to find."""
    Contender(broker).async_writer(topic, payload, count, window=50_000)
