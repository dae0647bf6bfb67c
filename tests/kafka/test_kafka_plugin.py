"""The Kafka plugin on the client's mock cluster and on Apache Kafka."""

from __future__ import annotations

import re
import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka_roles import BACK_S, fresh, given, opened, take, wait_until

from sinetstream_conformance.brokers.kafka import ApacheKafka, KafkaCluster
from sinetstream_conformance.brokers.process import LOOPBACK, free_port
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_kafka.mock import MockCluster
from sinetstream_kafka.reader import KafkaAsyncReader, KafkaReader
from sinetstream_kafka.writer import KafkaAsyncWriter, KafkaWriter, Publication
from sinetstream_sdk import errors

NUMBERS = [b"%d" % number for number in range(40)]


def test_several_topics(broker: Any) -> None:
    """A reader of two topics gets the messages of both, each with its topic's name."""
    first, second = fresh(), fresh()
    both = {**given(broker, first), "topics": [first, second]}
    with (
        opened(KafkaReader, both) as reader,
        opened(KafkaWriter, given(broker, first)) as one,
        opened(KafkaWriter, given(broker, second)) as other,
    ):
        one.publish(b"one")
        other.publish(b"other")
        messages = iter(reader)
        found = {next(messages)[:2] for _ in range(2)}
    assert found == {(b"one", first), (b"other", second)}


def test_open_means_that_nothing_is_missed(broker: Any) -> None:
    """What is published the moment after open() is read, and what was before is not."""
    topic = fresh()
    with opened(KafkaWriter, given(broker, topic)) as writer:
        writer.publish(b"before")
        with opened(KafkaReader, given(broker, topic)) as reader:
            writer.publish(b"after")
            assert take(reader, 1) == [b"after"]


def test_beginning_at_the_oldest_message(broker: Any) -> None:
    """``auto_offset_reset: earliest`` gives a reader without a group what is there already."""
    topic = fresh()
    with opened(KafkaWriter, given(broker, topic)) as writer:
        writer.publish(b"before")
    with opened(KafkaReader, given(broker, topic, auto_offset_reset="earliest")) as reader:
        assert take(reader, 1) == [b"before"]


@pytest.mark.parametrize("group", [False, True], ids=["alone", "group"])
def test_seeking(broker: Any, group: bool) -> None:
    """To the beginning, everything is read again; to the end, only what comes afterwards is."""
    topic = fresh()
    spec = {"group_id": fresh("group"), "auto_offset_reset": "earliest"} if group else {}
    with (
        opened(KafkaWriter, given(broker, topic)) as writer,
        opened(KafkaReader, given(broker, topic, **spec)) as reader,
    ):
        for number in NUMBERS:
            writer.publish(number)
        reader.seek_to_beginning()
        assert sorted(take(reader, len(NUMBERS))) == sorted(NUMBERS)
        reader.seek_to_beginning()
        reader.seek_to_end()
        writer.publish(b"last")
        assert take(reader, 1) == [b"last"]


def test_seeking_of_the_asynchronous_reader(mock: MockCluster) -> None:
    """The host calls it from the user's thread, while the reader's own is at work."""
    topic, seen = fresh(), list[bytes]()
    with (
        opened(KafkaWriter, given(mock, topic)) as writer,
        opened(KafkaAsyncReader, given(mock, topic)) as reader,
    ):
        reader.on_message = lambda payload, topic, raw: seen.append(payload)
        for number in NUMBERS:
            writer.publish(number)
        assert wait_until(lambda: len(seen) == len(NUMBERS))
        reader.seek_to_beginning()
        assert wait_until(lambda: len(seen) == 2 * len(NUMBERS))
        reader.seek_to_end()
        writer.publish(b"last")
        assert wait_until(lambda: seen[-1] == b"last")
    assert len(seen) == 2 * len(NUMBERS) + 1


@pytest.mark.parametrize("order", ["partition", "topic"])
def test_order(broker: Any, order: str) -> None:
    """By default messages are spread and in order within a partition; ``topic`` takes one only."""
    topic = fresh()
    with (
        opened(KafkaReader, given(broker, topic)) as reader,
        opened(KafkaWriter, given(broker, topic, order=order)) as writer,
    ):
        for number in NUMBERS:
            writer.publish(number)
        messages = iter(reader)
        found = [next(messages) for _ in NUMBERS]
    partitions = {raw.partition() for _, _, raw in found}
    for partition in partitions:
        there = [int(payload) for payload, _, raw in found if raw.partition() == partition]
        assert all(a < b for a, b in pairwise(there))
    assert (len(partitions) == 1) == (order == "topic")


@pytest.mark.parametrize("consistency", ["AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"])
def test_a_group_goes_on_where_it_was(apache: ApacheKafka, consistency: str) -> None:
    """What a group has read and is done with, it does not get again."""
    broker = apache  # the mock cluster keeps a member that has left until its session is over
    topic, group = fresh(), fresh("group")
    params = given(
        broker, topic, consistency, group_id=group, auto_offset_reset="earliest", max_poll_records=1
    )
    with opened(KafkaWriter, given(broker, topic, consistency)) as writer:
        for number in NUMBERS[:20]:
            writer.publish(number)
        with opened(KafkaReader, params) as reader:
            first = take(reader, 20)
        for number in NUMBERS[20:]:
            writer.publish(number)
        with opened(KafkaReader, params) as reader:
            second = take(reader, 20 + (consistency == "AT_LEAST_ONCE"))
    assert set(first) | set(second) == set(NUMBERS)
    again = set(first) & set(second)
    assert again == (set(first[-1:]) if consistency == "AT_LEAST_ONCE" else set())


def test_what_at_least_once_has_not_finished_comes_again(apache: ApacheKafka) -> None:
    """The last message handed out is not done with until the next one is asked for."""
    topic = fresh()
    params = given(apache, topic, group_id=fresh("group"), auto_offset_reset="earliest")
    with opened(KafkaWriter, given(apache, topic)) as writer:
        writer.publish(b"unfinished")
    for _ in range(2):
        with opened(KafkaReader, params) as reader:
            assert take(reader, 1) == [b"unfinished"]


def test_promises_tell_where_the_message_is(broker: Any) -> None:
    """Each is fulfilled with the client's message, and no two have the same place."""
    topic = fresh()
    with opened(KafkaAsyncWriter, given(broker, topic)) as writer:
        promises = [writer.publish(number) for number in NUMBERS]
        sent = [promise.get(10.0) for promise in promises]
    assert len({(message.partition(), message.offset()) for message in sent}) == len(NUMBERS)


def test_publishing_asynchronously_on_a_full_queue(mock: MockCluster) -> None:
    """What the client has no room for is rejected, with a word on what to do."""
    small = {"queue.buffering.max.messages": 10, "linger_ms": 500}
    with opened(KafkaAsyncWriter, given(mock, fresh(), **small)) as writer, mock.pausing():
        promises = [writer.publish(b"x") for _ in range(20)]
        reasons = [str(p.reason) for p in promises if p.is_rejected]
        for promise in promises:
            promise.catch(lambda reason: None)
    assert reasons
    assert "buffer_memory" in reasons[0]


def test_open_names_brokers_and_reason() -> None:
    """Where nobody listens, open() says who was asked, and what came of it."""
    nowhere = f"{LOOPBACK}:{free_port()}"
    for cls, wait in ((KafkaReader, "default_api_timeout_ms"), (KafkaWriter, "max_block_ms")):
        role = cls(given(nowhere, "t", **{wait: 500}))
        began = time.monotonic()
        with pytest.raises(errors.ConnectionError, match=rf"{nowhere}.*refused"):
            role.open()
        assert time.monotonic() - began < 8.0


def test_a_topic_that_there_is_not(apache: ApacheKafka) -> None:
    """A reader that may not have it made says so."""
    spec = {"allow_auto_create_topics": False, "default_api_timeout_ms": 5000}
    with (
        pytest.raises(Exception, match=r"[Uu]nknown topic"),
        opened(KafkaReader, given(apache, fresh(), **spec)),
    ):
        pass


def test_opening_twice(mock: MockCluster) -> None:
    """The second open() is refused, and the role goes on working."""
    with opened(KafkaWriter, given(mock, fresh())) as writer:
        with pytest.raises(errors.AlreadyConnectedError):
            writer.open()
        writer.publish(b"still open")


def publication(writer: KafkaWriter) -> Publication:
    """The connection of an open writer."""
    link = writer._link
    assert isinstance(link, Publication)
    return link


def test_close_ends_a_publish_that_waits(mock: MockCluster) -> None:
    """From another thread, and within moments, though the broker says nothing."""
    with opened(KafkaWriter, given(mock, fresh())) as writer, mock.pausing():
        raised: list[BaseException] = []

        def publish() -> None:
            try:
                writer.publish(b"never confirmed")
            except errors.ConnectionError as error:
                raised.append(error)

        thread = threading.Thread(target=publish)
        thread.start()
        assert wait_until(lambda: len(publication(writer).client) > 0)
        writer.close()
        thread.join(5.0)
    assert len(raised) == 1


def test_lost_brokers_are_complained_about_and_come_back(apache_installed: None) -> None:
    """on_failure is called while they are gone; afterwards messages come as if nothing had been."""
    topic, seen, failures = fresh(), list[bytes](), list[Exception]()
    with ApacheKafka() as broker:
        params = given(broker, topic, default_api_timeout_ms=1000)
        with (
            opened(KafkaWriter, given(broker, topic)) as writer,
            opened(KafkaAsyncReader, params) as reader,
        ):
            reader.on_failure = failures.append
            reader.on_message = lambda payload, topic, raw: seen.append(payload)
            writer.publish(b"before")
            assert wait_until(lambda: seen == [b"before"])
            broker.kill()
            assert wait_until(lambda: bool(failures))
            broker.start()
            writer.publish(b"after")
            assert wait_until(lambda: seen == [b"before", b"after"])
    assert isinstance(failures[0], errors.ConnectionError)
    assert re.search(broker.address, str(failures[0]))


def test_exactly_once_over_a_killed_broker(apache_installed: None) -> None:
    """None of the messages is lost or seen twice, though the broker is killed while they go out."""
    topic = fresh()
    with ApacheKafka() as broker:
        params = given(broker, topic, "EXACTLY_ONCE", auto_offset_reset="earliest")
        patient = given(broker, topic, "EXACTLY_ONCE", delivery_timeout_ms=BACK_S * 1000)
        with opened(KafkaAsyncWriter, patient) as writer:
            promises = [writer.publish(b"%d" % number) for number in range(2000)]
            broker.restart(kill=True)
            promises += [writer.publish(b"%d" % number) for number in range(2000, 4000)]
            for promise in promises:
                promise.get(BACK_S)
        with opened(KafkaReader, params) as reader:
            assert sorted(map(int, take(reader, 4001))) == list(range(4000))


def test_a_killed_node_of_three_loses_nothing(cluster: KafkaCluster) -> None:
    """With three copies of each message, what was confirmed is there without one of the nodes."""
    topic = fresh()
    params = given(cluster, topic, auto_offset_reset="earliest")
    params["receive_timeout_ms"] = BACK_S * 1000
    patient = given(cluster, topic, delivery_timeout_ms=BACK_S * 1000)
    missing = set(range(2000))
    with opened(KafkaAsyncWriter, patient) as writer:
        promises = [writer.publish(b"%d" % number) for number in range(1000)]
        cluster.nodes[2].kill()
        try:
            promises += [writer.publish(b"%d" % number) for number in range(1000, 2000)]
            for promise in promises:
                promise.get(BACK_S)
            with opened(KafkaReader, params) as reader:
                # What was under way when the node was killed may come twice.
                while missing and (payloads := take(reader, 1)):
                    missing.discard(int(payloads[0]))
        finally:
            cluster.nodes[2].start()
    assert not missing


def test_through_a_proxy(apache_installed: None) -> None:
    """Clients go where the broker sends them, which may be a proxy that breaks the connection."""
    topic, port = fresh(), free_port()
    with (
        ApacheKafka(advertised=f"{LOOPBACK}:{port}") as broker,
        FaultProxy((LOOPBACK, broker.port), port) as proxy,
    ):
        address = f"{LOOPBACK}:{port}"
        with (
            opened(KafkaReader, given(address, topic)) as reader,
            opened(KafkaWriter, given(address, topic)) as writer,
        ):
            writer.publish(b"before")
            proxy.cut()
            writer.publish(b"after")
            assert take(reader, 2) == [b"before", b"after"]
        assert proxy.accepted >= 4


def test_transactions_of_others(apache: ApacheKafka) -> None:
    """Under EXACTLY_ONCE a reader does not see what another client has taken back."""
    topic = fresh()
    other = Producer({"bootstrap.servers": apache.address, "transactional.id": fresh("other")})
    other.init_transactions(15.0)
    with opened(KafkaReader, given(apache, topic, "EXACTLY_ONCE")) as reader:
        other.begin_transaction()
        other.produce(topic, b"taken back")
        other.flush(10.0)
        other.abort_transaction(10.0)
        other.begin_transaction()
        other.produce(topic, b"kept")
        other.commit_transaction(10.0)
        assert take(reader, 1) == [b"kept"]
    other.close()


def test_wrong_type_is_refused_before_anything_else() -> None:
    """Also by a writer that is not open."""
    for cls in (KafkaWriter, KafkaAsyncWriter):
        with pytest.raises(errors.InvalidArgumentError, match="takes bytes; a str"):
            cls(given("b:1", "t")).publish("text")  # type: ignore[arg-type]
