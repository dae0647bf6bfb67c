"""Opening roles of the MQTT plugin where the broker is not there, is silent, or refuses."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from mqtt_roles import WITHIN_S, build, fresh, given, opened, threads
from scripted_mqtt import SUBACK, Connection, ScriptedMqtt

from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_conformance.brokers.process import free_port
from sinetstream_conformance.proxy import FaultProxy, Towards
from sinetstream_mqtt.plugin import MqttAsyncReader, MqttAsyncWriter, MqttReader, MqttWriter
from sinetstream_sdk.errors import AuthorizationError, SinetError
from sinetstream_sdk.errors import ConnectionError as BrokerGone


@pytest.mark.parametrize("cls", [MqttReader, MqttWriter, MqttAsyncReader, MqttAsyncWriter])
def test_where_nothing_listens_open_says_so(cls: type) -> None:
    """The error names host, port and reason, and no thread is left."""
    port = free_port()
    role = build(cls, given(f"127.0.0.1:{port}", fresh()))
    with pytest.raises(BrokerGone, match=rf"127.0.0.1:{port}: .*[Cc]onnection refused"):
        role.open()
    assert not threads()


@pytest.mark.parametrize("cls", [MqttReader, MqttWriter])
def test_a_broker_that_does_not_answer_is_given_up(mosquitto: Mosquitto, cls: type) -> None:
    """open() waits for CONNACK no longer than connection_timeout, and says what did not come."""
    role = build(cls, given(mosquitto.address, fresh(), connection_timeout=2))
    with mosquitto.pausing():
        began = time.monotonic()
        with pytest.raises(BrokerGone, match=rf"{mosquitto.address}: no CONNACK came within 2 s"):
            role.open()
        assert time.monotonic() - began < 2 + WITHIN_S
    assert not threads()
    role.open()
    role.close()


def test_a_subscription_that_is_not_answered_is_given_up(shared_mosquitto: Mosquitto) -> None:
    """open() of a reader waits for SUBACK, too."""
    with FaultProxy(("127.0.0.1", shared_mosquitto.port)) as proxy:
        # 4 bytes of CONNACK pass; SUBACK is cut off.
        proxy.drop_after(4, Towards.CLIENT)
        role = build(MqttReader, given(f"127.0.0.1:{proxy.port}", fresh()))
        with pytest.raises(BrokerGone, match=rf"127.0.0.1:{proxy.port} broke"):
            role.open()
    assert not threads()


@pytest.mark.parametrize(
    ("connack", "error", "says"),
    [
        (b"\0\4", AuthorizationError, "refused the connection: Bad user name or password"),
        (b"\0\5", AuthorizationError, "refused the connection: Not authorized"),
        (b"\0\3", BrokerGone, "refused the connection: Server unavailable"),
        (b"\0\2", BrokerGone, "refused the connection: Client identifier not valid"),
        (b"\0\1", BrokerGone, "127.0.0.1"),
        (b"nonsense", BrokerGone, "127.0.0.1"),
    ],
)
def test_a_refused_connection_fails_open(
    connack: bytes, error: type[SinetError], says: str
) -> None:
    """Each of MQTT 3.1.1's return codes is told, and tells permission from the rest."""
    with ScriptedMqtt(lambda _, connection: connection.greet(connack)) as broker:
        role = build(MqttWriter, given(broker.address, fresh(), connection_timeout=5))
        with pytest.raises(error, match=says):
            role.open()
    assert not threads()


@pytest.mark.parametrize(
    ("granted", "v5", "error", "says"),
    [
        (b"\x80", False, AuthorizationError, r"refused QoS 1 of 'a/\+'"),
        (b"\x87", True, AuthorizationError, r"refused QoS 1 of 'a/\+': Not authorized"),
        (b"\x97", True, BrokerGone, r"refused QoS 1 of 'a/\+': Quota exceeded"),
        (b"\0", False, BrokerGone, r"refused QoS 1 of 'a/\+': Granted QoS 0"),
        (None, False, BrokerGone, "no SUBACK came within 3 s"),
    ],
)
def test_a_refused_subscription_fails_open(
    granted: bytes | None, v5: bool, error: type[SinetError], says: str
) -> None:
    """Neither a refusal nor a lesser guarantee than was asked for is taken in silence."""

    def script(_: int, connection: Connection) -> None:
        connection.greet(b"\0\0\0" if v5 else b"\0\0")
        subscribe = connection.receive()[1]
        if granted is not None:
            connection.send(SUBACK, subscribe[:2] + (b"\0" if v5 else b"") + granted)
        connection.serve()

    with ScriptedMqtt(script) as broker:
        protocol = "MQTTv5" if v5 else "MQTTv311"
        params = given(broker.address, "a/+", connection_timeout=3, protocol=protocol)
        with pytest.raises(error, match=says):
            build(MqttReader, params).open()
    assert not threads()


def test_a_broker_without_the_qos_is_refused() -> None:
    """A broker of MQTT 5 that says it has no QoS 2 cannot give EXACTLY_ONCE."""
    without_qos_2 = b"\0\0\2\x24\1"
    with ScriptedMqtt(lambda _, connection: connection.greet(without_qos_2)) as broker:
        params = given(broker.address, "a", protocol="MQTTv5", qos=2)
        with pytest.raises(BrokerGone, match="has no QoS 2"):
            build(MqttWriter, params).open()
    assert not threads()


@pytest.mark.parametrize("consistency", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
def test_a_refused_message_is_rejected(
    make_mosquitto: Callable[..., Mosquitto], consistency: str
) -> None:
    """What MQTT 5's access list forbids to publish is an AuthorizationError, at QoS 2 as well."""
    broker = make_mosquitto(users={"reader": "s3cret"}, acl="user reader\ntopic read a/#\n")
    login = {"username": "reader", "password": "s3cret"}
    params = given(broker.address, "a/x", username_pw=login, protocol="MQTTv5")
    params["consistency"] = consistency
    with opened(MqttAsyncWriter, params) as writer:
        promises = [writer.publish(b"readers may not write") for _ in range(5)]
        for promise in promises:
            with pytest.raises(AuthorizationError, match=r"refused the message for user 'reader'"):
                promise.get(WITHIN_S)


def test_a_broker_of_another_protocol_is_a_connection_error(
    make_mosquitto: Callable[..., Mosquitto],
) -> None:
    """Plain TCP to a port that speaks websockets ends in an error, not in a wait without end."""
    address = f"127.0.0.1:{make_mosquitto(websockets=True).websockets_port}"
    with pytest.raises(BrokerGone, match=address):
        build(MqttWriter, given(address, fresh(), connection_timeout=2)).open()
