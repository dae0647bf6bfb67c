"""The MQTT plugin on mosquitto: wildcards, wills, websockets, MQTT 5, and what breaks."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from mqtt_roles import WITHIN_S, build, fresh, given, opened, threads, wait_until

from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_mqtt.plugin import MqttAsyncReader, MqttAsyncWriter, MqttReader, MqttWriter
from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.errors import (
    InvalidArgumentError,
    SinetError,
)
from sinetstream_sdk.host.standalone import MessageDecoder

QOS = ("AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE")
PROTOCOLS = ("MQTTv31", "MQTTv311", "MQTTv5")


@pytest.mark.parametrize("consistency", QOS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_messages_arrive_in_order_at_every_qos_of_every_version(
    shared_mosquitto: Mosquitto, protocol: str, consistency: str
) -> None:
    """What is published is received once and in order, with the QoS that was asked for."""
    params = given(shared_mosquitto.address, fresh(), protocol=protocol)
    params["consistency"] = consistency
    with opened(MqttReader, params) as reader, opened(MqttAsyncWriter, params) as writer:
        promises = [writer.publish(b"%d" % number) for number in range(200)]
        messages = iter(reader)
        received = [next(messages) for _ in promises]
        assert [int(payload) for payload, _, _ in received] == list(range(200))
        assert {raw.qos for _, _, raw in received} == {QOS.index(consistency)}
        for promise in promises:
            assert promise.get(WITHIN_S) is None


def test_a_message_tells_its_own_topic_under_a_wildcard(shared_mosquitto: Mosquitto) -> None:
    """Several filters, with and without wildcards, give each message with the topic it came on."""
    root = fresh()
    params = given(shared_mosquitto.address, f"{root}/unused")
    params["topics"] = [f"{root}/a/+", f"{root}/b/#", f"{root}/c"]
    topics = [f"{root}/{name}" for name in ("a/1", "a/2", "b", "b/x/y", "c")]
    with opened(MqttReader, params) as reader:
        for topic in (*topics, f"{root}/a/1/deeper", f"{root}/d"):
            with opened(MqttWriter, given(shared_mosquitto.address, topic)) as writer:
                writer.publish(topic.encode())
        messages = iter(reader)
        received = [next(messages)[:2] for _ in topics]
        assert received == [(topic.encode(), topic) for topic in topics]


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
def test_websockets_carry_messages(make_mosquitto: Callable[..., Mosquitto], protocol: str) -> None:
    """Over websockets everything works as over tcp."""
    broker = make_mosquitto(websockets=True)
    address = f"127.0.0.1:{broker.websockets_port}"
    params = given(address, fresh(), transport="websockets", protocol=protocol)
    with opened(MqttReader, params) as reader, opened(MqttWriter, params) as writer:
        payload = bytes(range(256)) * 100
        for message in (b"small", payload):
            writer.publish(message)
        messages = iter(reader)
        assert [next(messages)[0] for _ in range(2)] == [b"small", payload]


def test_a_retained_message_waits_for_its_reader(shared_mosquitto: Mosquitto) -> None:
    """With ``retain`` the broker keeps the last message for those who come later."""
    params = given(shared_mosquitto.address, fresh(), retain=True)
    with opened(MqttWriter, params) as writer:
        writer.publish(b"old")
        writer.publish(b"kept")
    with opened(MqttReader, params) as reader:
        payload, _, raw = next(iter(reader))
        assert (payload, raw.retain) == (b"kept", True)


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
def test_the_will_is_published_if_the_connection_breaks(
    shared_mosquitto: Mosquitto, protocol: str
) -> None:
    """It comes as a message that the host can decode, and not after close()."""
    topic = fresh("will")
    will = {"topic": topic, "payload": "gone", "value_type": "text", "qos": 1}
    with opened(MqttReader, given(shared_mosquitto.address, topic)) as reader:
        messages = iter(reader)
        with FaultProxy(("127.0.0.1", shared_mosquitto.port)) as proxy:
            address = f"127.0.0.1:{proxy.port}"
            params = given(address, fresh(), will=will, protocol=protocol)
            with opened(MqttWriter, params):
                pass
            with opened(MqttWriter, params):
                proxy.refuse()
                proxy.cut()
                payload, came_on, _ = next(messages)
        assert came_on == topic
        assert MessageDecoder(value_type="text").decode(payload).value == "gone"
        params = given(shared_mosquitto.address, topic)
        with opened(MqttWriter, params) as writer:
            writer.publish(b"nothing came in between")
        assert next(messages)[0] == b"nothing came in between"


# ---- while it is open


def test_a_broker_that_goes_away_for_good_is_reported(mosquitto: Mosquitto) -> None:
    """After recovery_timeout next() raises, and on_failure is told; both say what happened."""
    params = given(mosquitto.address, fresh(), recovery_timeout=0.3)
    failures: list[Exception] = []
    with opened(MqttReader, params) as reader, opened(MqttAsyncReader, params) as other:
        other.on_message, other.on_failure = lambda *_: None, failures.append
        mosquitto.kill()
        with pytest.raises(BrokerGone, match=rf"{mosquitto.address} was lost .*refused"):
            next(iter(reader))
        assert wait_until(lambda: failures)
        assert isinstance(failures[0], BrokerGone)
    assert not threads()


def test_a_short_break_is_not_reported(mosquitto: Mosquitto) -> None:
    """A reader that times out during a restart ends its iteration, and goes on afterwards."""
    params = given(mosquitto.address, fresh())
    params["receive_timeout_ms"] = 100
    with opened(MqttReader, params) as reader, opened(MqttWriter, params) as writer:
        mosquitto.stop()
        assert list(reader) == []
        mosquitto.start()
        writer.publish(b"after the restart")
        received: list[Any] = []
        assert wait_until(lambda: received.extend(reader) or received)
        assert received[0][0] == b"after the restart"


def test_a_message_that_cannot_be_sent_is_rejected_in_time(mosquitto: Mosquitto) -> None:
    """Sync and async, a broker that is gone means an error after publish_timeout, not a hang."""
    params = given(mosquitto.address, fresh(), publish_timeout=0.5)
    with opened(MqttWriter, params) as writer, opened(MqttAsyncWriter, params) as other:
        mosquitto.kill()
        promise = other.publish(b"x")
        with pytest.raises(BrokerGone, match=r"within 0.5 s: .*127.0.0.1"):
            writer.publish(b"x")
        with pytest.raises(BrokerGone, match=r"within 0.5 s"):
            promise.get(WITHIN_S)


def test_what_was_rejected_unsent_never_arrives(mosquitto: Mosquitto) -> None:
    """A message whose time was up before it was given to the broker is not sent later."""
    topic = fresh()
    params = given(mosquitto.address, topic, publish_timeout=0.3)
    with opened(MqttAsyncWriter, params) as writer:
        mosquitto.stop()
        assert wait_until(lambda: not writer._link.up)  # type: ignore[union-attr]
        promise = writer.publish(b"too late")
        with pytest.raises(BrokerGone, match="could not be sent"):
            promise.get(WITHIN_S)
        mosquitto.start()
        with opened(MqttReader, given(mosquitto.address, topic)) as reader:
            sent = [writer.publish(b"again")]
            while not wait_until(lambda: not sent[-1].is_pending) or sent[-1].is_rejected:
                sent.append(writer.publish(b"again"))
            assert next(iter(reader))[0] == b"again"


def test_a_full_queue_rejects(mosquitto: Mosquitto) -> None:
    """Beyond max_queued_messages promises are rejected at once, and the others keep their order."""
    limits = {
        "max_queued_messages": {"queue_size": 5},
        "max_inflight_messages": {"inflight": 2},
    }
    params = given(mosquitto.address, fresh(), **limits)
    with opened(MqttReader, params) as reader, opened(MqttAsyncWriter, params) as writer:
        with mosquitto.pausing():
            first = [writer.publish(b"%d" % number) for number in range(2)]
            assert wait_until(lambda: not writer._link.outbox._queue)  # type: ignore[union-attr]
            others = [writer.publish(b"%d" % number) for number in range(2, 9)]
            assert wait_until(lambda: others[-1].is_rejected)
            assert [p.is_rejected for p in others] == [False] * 5 + [True] * 2
            with pytest.raises(SinetError, match="5 messages are waiting"):
                others[-1].get()
            with pytest.raises(SinetError, match="5 messages are waiting"):
                others[-2].get()
        for promise in (*first, *others[:5]):
            promise.get(WITHIN_S)
        messages = iter(reader)
        assert [int(next(messages)[0]) for _ in range(7)] == list(range(7))


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
@pytest.mark.parametrize("consistency", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
def test_nothing_is_lost_over_restarts_and_cut_connections(
    mosquitto: Mosquitto, protocol: str, consistency: str
) -> None:
    """AT_LEAST_ONCE loses nothing, EXACTLY_ONCE neither loses nor repeats, whatever breaks."""
    count = 1500
    with FaultProxy(("127.0.0.1", mosquitto.port)) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        params = given(address, fresh(), protocol=protocol, publish_timeout=60)
        params["consistency"] = consistency
        received: list[int] = []
        with opened(MqttAsyncReader, params) as reader, opened(MqttAsyncWriter, params) as writer:
            reader.on_message = lambda payload, *_: received.append(int(payload))
            promises = []
            for number in range(count):
                promises.append(writer.publish(b"%d" % number))
                if number % 5 == 0:
                    time.sleep(0.003)
                if number % 500 == 250:
                    mosquitto.restart()
                elif number % 300 == 200:
                    proxy.cut()
                elif number % 300 == 50:
                    proxy.drop_after(333)
                elif number % 300 == 100:
                    proxy.heal()
            proxy.heal()
            for promise in promises:
                promise.get(60)
            assert wait_until(lambda: len(set(received)) == count, 30)
    copies = Counter(received)
    if consistency == "EXACTLY_ONCE":
        assert max(copies.values()) == 1
        assert received == sorted(received)


def test_a_message_is_acknowledged_only_once_the_caller_is_done_with_it(
    mosquitto: Mosquitto,
) -> None:
    """One that was taken and not done with when the connection broke comes again, once."""
    topic = fresh()
    with FaultProxy(("127.0.0.1", mosquitto.port)) as proxy:
        reader_params = given(f"127.0.0.1:{proxy.port}", topic)
        client_id = fresh("id")
        reader_params |= {"client_id": client_id}
        reader_params["type_spec"]["clean_session"] = False
        reader = build(MqttReader, reader_params)
        reader.open()
        with opened(MqttWriter, given(mosquitto.address, topic)) as writer:
            for number in range(3):
                writer.publish(b"%d" % number)
        messages = iter(reader)
        assert [next(messages)[0], next(messages)[0]] == [b"0", b"1"]
        # The program dies here: 0 was done with, 1 was not, 2 had not been taken.
        assert wait_until(lambda: not reader._link._done)  # type: ignore[union-attr]
        assert wait_until(lambda: "Received PUBACK" in mosquitto.output())
        proxy.refuse()
        proxy.cut()
        reader.close()
    reader_params["brokers"] = mosquitto.address
    with opened(MqttReader, reader_params) as again:
        messages = iter(again)
        assert [next(messages)[0], next(messages)[0]] == [b"1", b"2"]


def test_close_leaves_no_session_behind(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """A reader whose session the broker kept meanwhile gets nothing of what came after close()."""
    for protocol in ("MQTTv311", "MQTTv5"):
        params = given(mosquitto.address, fresh(), protocol=protocol)
        params["client_id"] = fresh("id")
        with opened(MqttReader, params):
            pass
        with opened(MqttWriter, given(mosquitto.address, params["topic"])) as writer:
            writer.publish(b"nobody is there")
            with opened(MqttReader, params) as reader:
                writer.publish(b"somebody is")
                assert next(iter(reader))[0] == b"somebody is"
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_close_while_the_broker_is_gone_ends_in_time(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """What is outstanding is rejected, and the session that may be left is told of."""
    params = given(mosquitto.address, fresh())
    reader, writer = build(MqttReader, params), build(MqttAsyncWriter, params)
    reader.open()
    writer.open()
    mosquitto.kill()
    promise = writer.publish(b"x")
    began = time.monotonic()
    for role in (reader, writer):
        role.close()
    assert time.monotonic() - began < 2 * WITHIN_S
    with pytest.raises(BrokerGone, match=r"closed before|could not be sent|was not confirmed"):
        promise.get(0)
    assert "may keep session" in caplog.text
    assert not threads()


def test_a_callback_may_publish_and_close(shared_mosquitto: Mosquitto) -> None:
    """then() runs where nothing is locked: it may publish on, and close the writer."""
    params = given(shared_mosquitto.address, fresh())
    done = threading.Event()
    with opened(MqttReader, params) as reader, opened(MqttAsyncWriter, params) as writer:

        def finish(_: object) -> None:
            writer.close()
            done.set()

        writer.publish(b"1").then(lambda _: writer.publish(b"2")).then(finish)
        assert done.wait(WITHIN_S)
        messages = iter(reader)
        assert [next(messages)[0] for _ in range(2)] == [b"1", b"2"]
    assert wait_until(lambda: not threads())  # nobody waits for the one that closed itself


def test_what_is_too_large_is_refused(shared_mosquitto: Mosquitto) -> None:
    """MQTT's own limit is checked before anything is sent."""

    class Huge(bytes):
        def __len__(self) -> int:
            return 268_435_456

    with (
        opened(MqttWriter, given(shared_mosquitto.address, fresh())) as writer,
        pytest.raises(InvalidArgumentError, match="at most 268435455 bytes; 268435456 were given"),
    ):
        writer.publish(Huge(b"x"))


def test_a_silent_broker_is_noticed_by_keepalive(mosquitto: Mosquitto) -> None:
    """A connection that says nothing for two intervals is broken, reported and made anew."""
    with FaultProxy(("127.0.0.1", mosquitto.port)) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        params = given(address, fresh(), keepalive=1, recovery_timeout=0)
        with opened(MqttReader, params) as reader:
            proxy.stall()
            with pytest.raises(BrokerGone, match=r"Keep alive timeout"):
                next(iter(reader))
            proxy.heal()
            with opened(MqttWriter, given(mosquitto.address, params["topic"])) as writer:
                assert wait_until(lambda: reader._link.up)  # type: ignore[union-attr]
                writer.publish(b"again")
            assert next(iter(reader))[0] == b"again"
