"""Readers whose brokers fall silent: nothing that they were told to do takes for ever, or loses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka_roles import fresh, given, opened, take

from sinetstream_kafka.mock import MockCluster
from sinetstream_kafka.reader import KafkaReader
from sinetstream_sdk import errors

WITHIN_S = 12.0
"""More than close() takes, and far less than the client would."""
COUNT = 2000


@pytest.fixture
def own() -> Iterator[MockCluster]:
    """A mock cluster that the test may stop for good."""
    with MockCluster() as broker:
        yield broker


def fill(broker: Any, topic: str, count: int = COUNT) -> None:
    """Publish numbers to one partition."""
    producer = Producer({"bootstrap.servers": broker.address})
    for number in range(count):
        producer.produce(topic, b"%d" % number, partition=0)
    assert producer.flush(15.0) == 0
    producer.close()


def numbers(reader: KafkaReader, count: int) -> list[int]:
    return [int(payload) for payload in take(reader, count)]


class Outcome:
    """What became of a call on another thread."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.raised: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def came(self) -> bool:
        """Whether the call ends in time."""
        self._thread.join(WITHIN_S)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._call()
        except errors.SinetError as error:
            self.raised = error


@pytest.mark.parametrize("consistency", ["AT_MOST_ONCE", "AT_LEAST_ONCE"])
@pytest.mark.parametrize("group", [False, True], ids=["alone", "group"])
def test_seeking_in_vain_loses_nothing(own: MockCluster, consistency: str, group: bool) -> None:
    """Where the brokers do not say what the newest message is, reading goes on where it was."""
    topic = fresh()
    fill(own, topic)
    spec = {"group_id": fresh("group")} if group else {}
    spec |= {"auto_offset_reset": "earliest", "max_poll_records": 100, "queued.min.messages": 900}
    params = given(own, topic, consistency, default_api_timeout_ms=1000, **spec)
    with opened(KafkaReader, params) as reader:
        found = numbers(reader, 5)
        with own.pausing(), pytest.raises(errors.ConnectionError):
            reader.seek_to_end()
        found += numbers(reader, COUNT - len(found))
        assert found == list(range(COUNT))


def test_closing_ends_a_seek(own: MockCluster) -> None:
    """From another thread, though the seek had a long time to go."""
    topic = fresh()
    fill(own, topic)
    with opened(KafkaReader, given(own, topic, default_api_timeout_ms=60_000)) as reader:
        with own.pausing():
            seeking = Outcome(reader.seek_to_end)
            assert Outcome(reader.close).came()
            assert seeking.came()
        assert isinstance(seeking.raised, errors.ConnectionError)
