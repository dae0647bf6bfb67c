"""Readers whose brokers fall silent: nothing that they were told to do takes for ever, or loses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka_roles import fresh, given, opened, take, wait_until

from sinetstream_conformance.brokers.kafka import ApacheKafka
from sinetstream_kafka.mock import MockCluster
from sinetstream_kafka.reader import KafkaReader
from sinetstream_sdk import errors
from sinetstream_sdk.configversion import ConfigVersion

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


def reading(broker: Any, topic: str, consistency: str, **spec: Any) -> KafkaReader:
    """A reader in a group, a few messages at a time and from the first one."""
    few = {"auto_offset_reset": "earliest", "max_poll_records": 10, **spec}
    params = given(broker, topic, consistency, group_id=fresh("group"), **few)
    reader = KafkaReader(ConfigVersion(3), {**params, "receive_timeout_ms": 2000})
    reader.open()
    assert wait_until(lambda: take(reader, 1))
    return reader


@pytest.mark.parametrize("consistency", ["AT_MOST_ONCE", "AT_LEAST_ONCE"])
@pytest.mark.parametrize("killed", [False, True], ids=["silent", "killed"])
def test_closing_without_a_broker(own: MockCluster, consistency: str, killed: bool) -> None:
    """It ends in time, and says that the group has not noted how far was read."""
    topic = fresh()
    fill(own, topic)
    reader = reading(own, topic, consistency)
    if killed:
        own.kill()
        assert Outcome(lambda: take(reader, 30)).came()  # now there is something to note
        closing = Outcome(reader.close)
        assert closing.came()
    else:
        with own.pausing():
            assert Outcome(lambda: take(reader, 30)).came()
            closing = Outcome(reader.close)
            assert closing.came()
    assert isinstance(closing.raised, errors.ConnectionError)
    assert "the group has not noted" in str(closing.raised)
    reader.close()


def test_a_wait_for_the_group_keeps_to_the_time(own: MockCluster) -> None:
    """Under AT_MOST_ONCE next() gives up in time; what it waited for comes later, and once."""
    topic = fresh()
    fill(own, topic)
    reader = reading(own, topic, "AT_MOST_ONCE")
    found = [0]
    with own.pausing():
        waiting = Outcome(lambda: found.extend(numbers(reader, COUNT)))  # till none comes
        assert waiting.came()
    assert len(found) < COUNT
    found += numbers(reader, COUNT - len(found))
    assert found == list(range(COUNT))
    reader.close()


def test_a_silent_group_is_complained_about(own: MockCluster) -> None:
    """Every ``default_api_timeout_ms``, and reading goes on afterwards."""
    topic = fresh()
    fill(own, topic)
    reader = reading(own, topic, "AT_MOST_ONCE", default_api_timeout_ms=500)
    found = [0]
    with own.pausing():
        for _ in range(2):
            with pytest.raises(errors.ConnectionError, match="group has not noted"):
                found.extend(int(payload) for payload, _, _ in reader)
    found += numbers(reader, COUNT - len(found))
    assert found == list(range(COUNT))
    reader.close()


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


def test_seeking_after_a_wait_for_the_group(own: MockCluster) -> None:
    """What was waited for when the reader was told to seek is not given before the rest."""
    topic = fresh()
    fill(own, topic, 40)
    reader = reading(own, topic, "AT_MOST_ONCE")
    with own.pausing():
        assert len(numbers(reader, 40)) < 39
    reader.seek_to_beginning()
    assert numbers(reader, 40) == list(range(40))
    reader.close()


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


def test_what_was_not_noted_on_closing_comes_again(apache_installed: None) -> None:
    """A reader that was closed while the node was silent has its group lose nothing."""
    topic, group = fresh(), fresh("group")
    with ApacheKafka() as broker:
        fill(broker, topic, 40)
        params = given(broker, topic, group_id=group, auto_offset_reset="earliest")
        params["type_spec"] |= {"session_timeout_ms": 6000}
        reader = KafkaReader(ConfigVersion(3), params)
        reader.open()
        assert numbers(reader, 10) == list(range(10))
        with broker.pausing():
            assert numbers(reader, 10) == list(range(10, 20))
            closing = Outcome(reader.close)
            assert closing.came()
        assert isinstance(closing.raised, errors.ConnectionError)
        with opened(KafkaReader, {**params, "receive_timeout_ms": 20_000}) as reader:
            (first,) = numbers(reader, 1)
            assert first <= 19  # handed out, but not done with
            assert numbers(reader, 39 - first) == list(range(first + 1, 40))
