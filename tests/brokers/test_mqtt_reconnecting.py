"""The MQTT plugin, and what a broker may do when it is connected again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mqtt_roles import WITHIN_S, fresh, given, opened, wait_until
from scripted_mqtt import (
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    Connection,
    ScriptedMqtt,
)

from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_mqtt.plugin import MqttAsyncWriter, MqttReader, MqttWriter
from sinetstream_sdk.errors import AuthorizationError, InvalidArgumentError, SinetError
from sinetstream_sdk.errors import ConnectionError as BrokerGone


def given_here(broker: ScriptedMqtt, consistency: str = "AT_LEAST_ONCE", **spec: Any) -> Any:
    """Parameters of a client that comes back at once."""
    params = given(broker.address, "t", reconnect_delay={"min_delay": 0.05}, **spec)
    return {**params, "consistency": consistency, "receive_timeout_ms": 10_000}


# ---- reading


@pytest.mark.parametrize("subscription", ["cut off", "refused"])
def test_a_reader_subscribes_until_it_has_succeeded_in_the_session(subscription: str) -> None:
    """A new session in which that failed is there when it connects again, and no subscription."""
    is_open = threading.Event()

    def script(number: int, connection: Connection) -> None:
        connection.accept(session=number >= 3)
        if number == 2 and subscription == "cut off":
            return
        _, body = connection.receive()
        connection.grant(body, 0x80 if number == 2 else 1)
        if number == 1:
            assert is_open.wait(WITHIN_S)
        if number == 3:
            connection.publish(1, b"heard")
            connection.serve()

    with ScriptedMqtt(script) as broker, opened(MqttReader, given_here(broker)) as reader:
        is_open.set()
        assert next(iter(reader))[0] == b"heard"
        assert (3, SUBSCRIBE) in broker.log


def test_a_session_that_goes_on_is_not_subscribed_again() -> None:
    """Retained messages would be sent once more."""
    is_open = threading.Event()

    def script(number: int, connection: Connection) -> None:
        connection.accept(session=number >= 2)
        if number == 1:
            connection.grant(connection.receive()[1])
            assert is_open.wait(WITHIN_S)
            return
        connection.publish(1, b"heard")
        connection.serve()

    with ScriptedMqtt(script) as broker, opened(MqttReader, given_here(broker)) as reader:
        is_open.set()
        assert next(iter(reader))[0] == b"heard"
        assert (2, SUBSCRIBE) not in broker.log


@pytest.mark.parametrize("between", ["nothing", "a refusal", "no word of the session"])
def test_what_is_held_is_known_again(between: str) -> None:
    """Neither a refused attempt in between nor MQTT 3.1, which tells of no session, matters."""
    held = threading.Event()

    def script(number: int, connection: Connection) -> None:
        if number == 2 and between == "a refusal":
            connection.accept(code=3)
            return
        connection.accept(session=number >= 2 and between != "no word of the session")
        if number == 1:
            connection.grant(connection.receive()[1])
        for mid, payload in enumerate((b"one", b"two"), 1):
            connection.publish(mid, payload, again=number > 1)
        if number == 1:
            assert held.wait(WITHIN_S)
            return
        connection.publish(3, b"three")
        connection.serve()

    protocol = "MQTTv31" if between == "no word of the session" else "MQTTv311"
    with (
        ScriptedMqtt(script) as broker,
        opened(MqttReader, given_here(broker, protocol=protocol)) as reader,
    ):
        link: Any = reader._link
        messages = iter(reader)
        assert next(messages)[0] == b"one"
        assert wait_until(lambda: len(link.unacknowledged) == 2)
        held.set()
        assert wait_until(lambda: link.connections == 2)
        assert [next(messages)[0] for _ in range(2)] == [b"two", b"three"]


@contextmanager
def holding(mosquitto: Mosquitto, protocol: str) -> Iterator[tuple[Any, Any, Any, FaultProxy]]:
    """A reader that holds three messages and has handed out the first; a writer for more."""
    with FaultProxy(("127.0.0.1", mosquitto.port)) as proxy:
        params = given(f"127.0.0.1:{proxy.port}", fresh(), protocol=protocol)
        direct = given(mosquitto.address, params["topic"])
        with opened(MqttReader, params) as reader, opened(MqttWriter, direct) as writer:
            link: Any = reader._link
            for number in range(3):
                writer.publish(b"%d" % number)
            messages = iter(reader)
            assert next(messages)[0] == b"0"
            assert wait_until(lambda: len(link.unacknowledged) == 3)
            yield link, messages, writer, proxy


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
def test_what_is_held_when_the_connection_breaks_is_delivered_once(
    mosquitto: Mosquitto, protocol: str
) -> None:
    """The broker sends again what is not acknowledged; the reader has it already."""
    with holding(mosquitto, protocol) as (link, messages, writer, proxy):
        proxy.cut()
        assert wait_until(lambda: link.up and link.connections == 2)
        writer.publish(b"3")
        assert [next(messages)[0] for _ in range(3)] == [b"1", b"2", b"3"]
        assert wait_until(lambda: len(link.unacknowledged) == 1)


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
def test_what_is_done_with_before_the_broker_sends_it_again_is_delivered_once(
    mosquitto: Mosquitto, protocol: str
) -> None:
    """The acknowledgement goes out on the new connection before the repetition is read."""
    with holding(mosquitto, protocol) as (link, messages, writer, proxy):
        came_up, done_with = link._came_up, threading.Event()

        def held_up() -> None:
            came_up()
            assert done_with.wait(WITHIN_S)

        link._came_up = held_up
        proxy.cut()
        assert wait_until(lambda: link.connections == 2 and link.up)
        assert [next(messages)[0] for _ in range(2)] == [b"1", b"2"]
        done_with.set()
        writer.publish(b"3")
        assert next(messages)[0] == b"3"
        assert wait_until(lambda: len(link.unacknowledged) == 1)


def test_what_a_lost_session_left_is_not_acknowledged_in_the_next(
    make_mosquitto: Callable[..., Mosquitto],
) -> None:
    """There the same number is that of another message, with which nobody has done."""
    broker = make_mosquitto(settings={"persistence": "false"})
    params = given(broker.address, fresh())
    with opened(MqttReader, params) as reader, opened(MqttWriter, params) as writer:
        link: Any = reader._link
        messages = iter(reader)
        writer.publish(b"old 0")
        writer.publish(b"old 1")
        assert next(messages)[0] == b"old 0"
        assert wait_until(lambda: len(link.unacknowledged) == 2)
        broker.kill()
        broker.start()
        assert wait_until(lambda: link.connections == 2 and link.up)
        writer.publish(b"new 0")
        writer.publish(b"new 1")
        assert wait_until(lambda: len(link.unacknowledged) == 2)
        assert [next(messages)[0] for _ in range(2)] == [b"old 1", b"new 0"]
        assert wait_until(lambda: not link._done)
        held = [message.payload for message in link.unacknowledged.values()]
        assert held == [b"new 0", b"new 1"]


def test_what_paho_acknowledges_by_itself_is_not_kept() -> None:
    """A later message under the same number is not taken for a repetition."""
    acknowledged = threading.Event()

    def script(number: int, connection: Connection) -> None:
        connection.accept(session=number >= 2)
        if number == 1:
            connection.grant(connection.receive()[1], 2)
            connection.publish(1, b"same")
            connection.receive()
            acknowledged.set()
            return
        # It had been sent on the first connection, too, and was lost there.
        connection.publish(1, b"same", again=True)
        connection.serve()

    with (
        ScriptedMqtt(script) as broker,
        opened(MqttReader, given_here(broker, "EXACTLY_ONCE")) as reader,
    ):
        assert [next(iter(reader))[0] for _ in range(2)] == [b"same", b"same"]
        assert acknowledged.is_set()
        assert not reader._link.unacknowledged  # type: ignore[union-attr]


def test_messages_of_a_higher_qos_do_not_hold_up_the_others(shared_mosquitto: Mosquitto) -> None:
    """A kept session may hold messages of QoS 2 for a reader that now asks for QoS 1."""
    params = given(shared_mosquitto.address, fresh(), clean_session=False)
    params |= {"client_id": fresh("id"), "consistency": "EXACTLY_ONCE"}
    exactly = given(shared_mosquitto.address, params["topic"])
    with opened(MqttReader, params):
        pass
    with opened(MqttWriter, exactly | {"consistency": "EXACTLY_ONCE"}) as writer:
        for number in range(60):
            writer.publish(b"%d" % number)
        with opened(MqttReader, params | {"consistency": "AT_LEAST_ONCE"}) as reader:
            writer.publish(b"60")
            messages = iter(reader)
            assert sorted(int(next(messages)[0]) for _ in range(61)) == list(range(61))


def test_a_refusal_on_connecting_again_is_told() -> None:
    """It is what is wrong now, and not how the connection broke at first."""
    is_open = threading.Event()

    def script(number: int, connection: Connection) -> None:
        connection.accept(code=0 if number == 1 else 5)
        if number == 1:
            connection.grant(connection.receive()[1])
            assert is_open.wait(WITHIN_S)

    with (
        ScriptedMqtt(script) as broker,
        opened(MqttReader, given_here(broker, recovery_timeout=1)) as reader,
    ):
        is_open.set()
        with pytest.raises(BrokerGone, match=r"lost .* refused the connection: Not authorized"):
            next(iter(reader))


# ---- writing


def test_messages_of_qos_0_do_not_stay_in_flight() -> None:
    """Those that had not gone out when the connection broke are rejected, and make room."""
    stalled = threading.Event()

    def script(number: int, connection: Connection) -> None:
        connection.accept()
        if number == 1:
            assert stalled.wait(WITHIN_S)  # reads nothing, then breaks
            return
        connection.serve()

    with (
        ScriptedMqtt(script) as broker,
        opened(MqttAsyncWriter, given_here(broker, "AT_MOST_ONCE")) as writer,
    ):
        outbox = writer._link.outbox  # type: ignore[union-attr]
        promises = [writer.publish(b"x" * 1_000_000) for _ in range(30)]
        assert wait_until(lambda: len(outbox.given()) == outbox.in_flight)
        stalled.set()
        for promise in promises:
            promise.catch(lambda error: None)
        assert wait_until(lambda: not any(promise.is_pending for promise in promises))
        assert any(promise.is_rejected for promise in promises)
        assert writer.publish(b"small").get(WITHIN_S) is None


def test_what_the_broker_had_received_in_a_lost_session_is_not_confirmed() -> None:
    """The new session answers PUBREL, too, though the message is gone."""

    def script(number: int, connection: Connection) -> None:
        connection.accept()
        while True:
            kind, body = connection.receive()
            if kind == PUBLISH:
                connection.send(PUBREC, body[3:5])
            elif kind == PUBREL and number == 1:
                return
            elif kind == PUBREL:
                connection.send(PUBCOMP, body[:2])

    with (
        ScriptedMqtt(script) as broker,
        opened(MqttAsyncWriter, given_here(broker, "EXACTLY_ONCE")) as writer,
    ):
        with pytest.raises(BrokerGone, match="lost the session; the message may have arrived"):
            writer.publish(b"x").get(WITHIN_S)
        assert (2, PUBREL) not in broker.log
        assert writer.publish(b"y").get(WITHIN_S) is None


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
@pytest.mark.parametrize("consistency", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
def test_a_message_that_the_broker_will_not_have_ends_alone(
    make_mosquitto: Callable[..., Mosquitto], protocol: str, consistency: str
) -> None:
    """MQTT 3 has the broker break the connection over it; MQTT 5 tells how much it takes."""
    broker = make_mosquitto(settings={"max_packet_size": "2000"})
    spec = {"protocol": protocol, "reconnect_delay": {"min_delay": 0.05}}
    params = given(broker.address, fresh(), **spec, publish_timeout=2)
    kind: type[SinetError] = BrokerGone
    says, excess = "was not confirmed", 10
    if protocol == "MQTTv5":
        kind, says, excess = InvalidArgumentError, r"at most 2000 bytes; .* 2001", 1
    with opened(MqttAsyncWriter, params | {"consistency": consistency}) as writer:
        room = 2000 - len(params["topic"]) - (8 if protocol == "MQTTv5" else 7)
        assert writer.publish(b"x" * room).get(WITHIN_S) is None
        with pytest.raises(kind, match=says):
            writer.publish(b"x" * (room + excess)).get(WITHIN_S)

        def small() -> bool:
            try:
                writer.publish(b"small").get(WITHIN_S)
            except BrokerGone:
                return False
            return True

        assert wait_until(small)


def test_a_large_message_over_websockets_holds_up_nothing(
    make_mosquitto: Callable[..., Mosquitto],
) -> None:
    """It is sent to its end by itself, and the next one after it."""
    broker = make_mosquitto(websockets=True)
    topic = fresh()
    address, patient = f"127.0.0.1:{broker.websockets_port}", {"publish_timeout": 60}
    params = given(address, topic, transport="websockets", **patient)
    with (
        opened(MqttReader, given(broker.address, topic)) as reader,
        opened(MqttAsyncWriter, params) as writer,
    ):
        sizes = [8_000_000, 1, 8_000_000, 2]
        promises = [writer.publish(b"x" * size) for size in sizes]
        for promise in promises:
            assert promise.get(60) is None
        messages = iter(reader)
        assert [len(next(messages)[0]) for _ in sizes] == sizes


def test_a_writer_without_permission_says_so_when_it_comes_back() -> None:
    """open() had succeeded; messages are rejected with the reason."""

    def script(number: int, connection: Connection) -> None:
        connection.accept(code=0 if number == 1 else 5)
        if number == 1:
            connection.receive()

    with (
        ScriptedMqtt(script) as broker,
        opened(MqttAsyncWriter, given_here(broker, publish_timeout=2)) as writer,
    ):
        with pytest.raises(BrokerGone, match="Not authorized") as caught:
            writer.publish(b"x").get(WITHIN_S)
        assert not isinstance(caught.value, AuthorizationError)
