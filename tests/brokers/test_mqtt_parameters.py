"""Configurations written for the official MQTT plugin: read for the new client, or refused."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from mqtt_roles import build

from sinetstream_mqtt.parameters import Settings
from sinetstream_mqtt.plugin import MqttAsyncReader, MqttAsyncWriter, MqttReader, MqttWriter
from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.host.standalone import MessageDecoder
from sinetstream_sdk.params import Params

COMMON = {"brokers": "broker.example", "topic": "t"}


def settings(version: int = 3, reads: bool = True, **params: Any) -> Settings:
    return Settings.of(Params({**COMMON, **params}, ConfigVersion(version)), reads)


def own(version: int, **specific: Any) -> dict[str, Any]:
    """Parameters of MQTT's own where that version has them: flat, or under ``type_spec``."""
    return specific if version < 3 else {"type_spec": specific}


def spelt(version: int, name: str) -> str:
    """The name in that version, as the user guide has it."""
    return f"{name}_set" if version < 3 else name


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_parameter_of_the_user_guide_is_read(version: int) -> None:
    """What the guide lists for Python stands in the settings, flat or nested."""
    found = settings(
        version,
        client_id="me",
        **own(
            version,
            **{
                "clean_session": False,
                "protocol": "MQTTv31",
                "transport": "websockets",
                "qos": 2,
                "retain": True,
                "ws_set_options": {"path": "/here", "headers": {"X-Token": "abc"}},
                "connect": {"keepalive": 7, "automatic_reconnect": False, "connection_timeout": 3},
                spelt(version, "max_inflight_messages"): {"inflight": 5},
                spelt(version, "max_queued_messages"): {"queue_size": 9},
                spelt(version, "tls"): {"ca_certs": "ca.pem", "ciphers": "HIGH"},
                spelt(version, "tls_insecure"): {"value": True},
                spelt(version, "username_pw"): {"username": "me", "password": "secret"},
                spelt(version, "will"): {
                    "topic": "w",
                    "payload": b"gone",
                    "qos": 1,
                    "retain": True,
                },
                spelt(version, "reconnect_delay"): {"min_delay": 2, "max_delay": 4},
            },
        ),
    )
    assert (found.clean, found.resumes, found.protocol, found.transport) == (
        False,
        False,
        "MQTTv31",
        "websockets",
    )
    assert (found.qos, found.retain, found.client_id) == (2, True, "me")
    assert (found.ws_path, found.ws_headers) == ("/here", {"X-Token": "abc"})
    assert (found.keepalive, found.reconnect, found.connection_timeout) == (7, False, 3)
    assert (found.max_inflight, found.max_queued, found.delays) == (5, 9, (2, 4))
    assert (found.username, found.password) == ("me", "secret")
    assert found.tls is not None
    assert (found.tls.ca_certs, found.tls.ciphers, found.tls.check_hostname) == (
        "ca.pem",
        "HIGH",
        False,
    )
    assert found.will is not None
    assert (found.will["topic"], found.will["qos"], found.will["retain"]) == ("w", 1, True)
    assert str(found.broker) == "broker.example:443"


def test_mqtt_5_has_its_own_parameters() -> None:
    """The properties of CONNECT carry what the guide lists for MQTT 5."""
    found = settings(
        type_spec={
            "protocol": "MQTTv5",
            "clean_start": False,
            "session_expiry_interval": 60,
            "receive_maximum": 10,
            "maximum_packet_size": 1000,
            "request_response_info": True,
            "request_problem_info": False,
            "user_property": {"a": "b"},
            "auth_method": "SCRAM",
            "auth_data": "first",
            "will": {"topic": "w", "payload": b"p", "delay_interval": 5},
        }
    )
    assert found.properties is not None
    assert found.properties.json() == {
        "SessionExpiryInterval": 60,
        "ReceiveMaximum": 10,
        "MaximumPacketSize": 1000,
        "RequestResponseInformation": 1,
        "RequestProblemInformation": 0,
        "UserProperty": [("a", "b")],
        "AuthenticationMethod": "SCRAM",
        "AuthenticationData": b"first",
    }
    assert found.clean is False
    assert found.will is not None
    assert found.will["properties"].WillDelayInterval == 5


@pytest.mark.parametrize(
    ("specific", "port"),
    [
        ({}, 1883),
        ({"tls": True}, 8883),
        ({"transport": "websockets"}, 80),
        ({"transport": "websockets", "tls": True}, 443),
    ],
)
def test_the_port_follows_from_the_transport(specific: dict[str, Any], port: int) -> None:
    """Without a port in the address it is the one that MQTT has for that transport."""
    assert settings(type_spec=specific).broker.port == port


@pytest.mark.parametrize(
    ("given", "qos"),
    [
        ({}, 0),
        ({"consistency": "AT_LEAST_ONCE"}, 1),
        ({"consistency": "EXACTLY_ONCE"}, 2),
        ({"consistency": "EXACTLY_ONCE", "type_spec": {"qos": 0}}, 0),
    ],
)
def test_consistency_is_the_qos_unless_that_is_given(given: dict[str, Any], qos: int) -> None:
    """As in the official plugin, ``qos`` goes before ``consistency``."""
    assert settings(**given).qos == qos


@pytest.mark.parametrize(
    ("reads", "qos", "resumes"),
    [(True, 0, False), (True, 1, True), (False, 1, False), (False, 2, True)],
)
def test_the_broker_keeps_the_session_where_messages_depend_on_it(
    reads: bool, qos: int, resumes: bool
) -> None:
    """A reader from QoS 1 on and a writer of QoS 2 resume; ``clean_session`` overrules that."""
    assert settings(reads=reads, type_spec={"qos": qos}).resumes is resumes
    assert settings(reads=reads, type_spec={"qos": qos, "clean_session": True}).resumes is False


def test_the_common_tls_goes_after_mqtts_own() -> None:
    """``tls`` at the top is used where MQTT's own is absent."""
    top = settings(tls={"ca_certs": "top.pem"})
    both = settings(tls={"ca_certs": "top.pem"}, type_spec={"tls": {"ca_certs": "own.pem"}})
    flat = settings(2, tls=True, tls_set={"ca_certs": "own.pem"})
    assert top.tls is not None
    assert both.tls is not None
    assert flat.tls is not None
    assert (top.tls.ca_certs, both.tls.ca_certs, flat.tls.ca_certs) == (
        "top.pem",
        "own.pem",
        "own.pem",
    )


def test_constants_of_the_ssl_module_may_be_named() -> None:
    """``cert_reqs`` and ``tls_version`` are read by name, as the official plugin reads them."""
    found = settings(
        2, tls_set={"cert_reqs": "CERT_OPTIONAL", "tls_version": "PROTOCOL_TLSv1_2"}
    ).tls
    assert found is not None
    assert (found.cert_reqs, found.tls_version) == ("CERT_OPTIONAL", "TLSv1_2")
    assert found.context().verify_mode is ssl.CERT_OPTIONAL


def test_the_will_is_a_message_like_any_other() -> None:
    """Its payload is encoded as a writer's would be, so that readers can decode it."""
    found = settings(
        type_spec={"will": {"topic": "w", "payload": "gone", "value_type": "text"}}
    ).will
    assert found is not None
    message = MessageDecoder(value_type="text").decode(found["payload"])
    assert message.value == "gone"


@pytest.mark.parametrize(
    ("specific", "says"),
    [
        ({"message_retry": {"retry": 5}}, r"'type_spec.message_retry' is gone .*reconnect_delay"),
        ({"message_retry_set": {"retry": 5}}, r"'type_spec.message_retry_set' is gone"),
        ({"topic_alias_maximum": 5}, r"'type_spec.topic_alias_maximum' cannot be had"),
        (
            {"connect": {"max_reconnect_delay": 5}},
            r"'type_spec.connect.max_reconnect_delay' belongs to the Java .*_delay.max_delay",
        ),
        (
            {"connect": {"send_reason_messages": True}},
            r"'type_spec.connect.send_reason_messages' belongs to the Java .*leave it out",
        ),
        (
            {"tls": {"keyfilePassword": "s3cret"}},
            r"'type_spec.tls.keyfilePassword' belongs to the Java .*keyfile_password",
        ),
        ({"tls": {"trustStore": "x.jks"}}, r"'type_spec.tls.trustStore' .*ca_certs"),
        ({"tls": {"keyStorePassword": "s3cret"}}, r"'type_spec.tls.keyStorePassword' .*certfile"),
        ({"usernam_pw": {}}, r"'type_spec.usernam_pw' is not known; did you mean 'username_pw'"),
        ({"will": {}, "will_set": {}}, r"'type_spec.will_set' must be absent where 'will' is"),
        (
            {"protocol": "MQTTv311", "receive_maximum": 5},
            r"'type_spec.receive_maximum' must be abs",
        ),
        (
            {"clean_start": True},
            r"'type_spec.clean_start' must be absent where protocol is MQTTv311",
        ),
        (
            {"protocol": "MQTTv5", "clean_session": True},
            r"'type_spec.clean_session' must be absent .*use 'clean_start'",
        ),
        ({"protocol": "MQTTv4"}, r"'type_spec.protocol' must be one of MQTTv31, MQTTv311, MQTTv5"),
        ({"transport": "websocket"}, r"'type_spec.transport' .*did you mean 'websockets'"),
        ({"qos": 3}, r"'type_spec.qos' must be an integer from 0 to 2; got int 3"),
        ({"tls_insecure": {"value": True}}, r"'type_spec.tls' must be given where 'tls_insecure'"),
        ({"will": {"payload": b"x"}}, r"'type_spec.will.topic' is missing"),
        ({"will": {"topic": "w"}}, r"'type_spec.will.payload' must be given"),
        (
            {"will": {"topic": "w", "payload": b"x", "delay_interval": 3}},
            r"'type_spec.will.delay_interval' must be absent where protocol is not MQTTv5",
        ),
        (
            {"protocol": "MQTTv5", "receive_maximum": 0},
            r"'type_spec.receive_maximum' must be what MQTT 5 allows",
        ),
        (
            {"protocol": "MQTTv5", "auth_method": 5},
            r"'type_spec.auth_method' must be what MQTT 5 allows",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused_with_its_replacement(
    specific: dict[str, Any], says: str
) -> None:
    """The error names the parameter and what to do, and shows no secret."""
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        settings(type_spec=specific)
    assert "s3cret" not in str(caught.value)


def test_no_repr_shows_a_secret() -> None:
    """Neither the password nor what is in a header of websockets."""
    found = settings(
        type_spec={
            "username_pw": {"username": "me", "password": "s3cret"},
            "ws_options": {"headers": {"X-Token": "s3cret"}},
            "reconnect_delay": {"min_delay": 200},
        }
    )
    assert (found.password, found.delays) == ("s3cret", (200, 200))
    assert "s3cret" not in f"{found!r}{found}{found.forgetting()!r}"


def test_the_longest_pause_is_not_below_the_first() -> None:
    """The error says what the longest must be at least."""
    with pytest.raises(InvalidArgumentError, match=r"'type_spec.reconnect_delay.max_delay' .* 5"):
        settings(type_spec={"reconnect_delay": {"min_delay": 5, "max_delay": 4}})


@pytest.mark.parametrize("version", [2, 3])
def test_what_belongs_to_java_is_refused_in_the_common_tls(version: int) -> None:
    """Wherever ``tls`` stands, and under its other name."""
    for name in ("tls", "tls_set")[: 4 - version]:
        with pytest.raises(InvalidArgumentError, match=rf"'{name}.keyStore' belongs to the Java"):
            settings(version, **{name: {"keyStore": "x.jks"}})


def test_two_brokers_are_refused() -> None:
    """An MQTT client has one broker."""
    with pytest.raises(InvalidArgumentError, match=r"'brokers' must be one broker"):
        settings(brokers=["a:1", "b:2"])


def test_a_wrong_password_type_does_not_show_it() -> None:
    """A password that is no str is refused without being shown."""
    with pytest.raises(InvalidArgumentError, match=r"username_pw.password") as caught:
        settings(type_spec={"username_pw": {"username": "me", "password": 48151623}})
    assert "48151623" not in str(caught.value)


@pytest.mark.parametrize("topic", ["a/#/b", "a#", "a/b+", "+a/b", "a/#b", "x" * 70000])
@pytest.mark.parametrize("cls", [MqttReader, MqttAsyncReader])
def test_a_malformed_filter_is_refused(cls: type, topic: str) -> None:
    """Wildcards stand for whole levels, and ``#`` for the last ones."""
    with pytest.raises(InvalidArgumentError, match=r"'topics' must be a topic of at most 65535"):
        build(cls, {"brokers": "b", "topics": ["fine", topic]})


@pytest.mark.parametrize("topic", ["#", "+", "a/+/b", "a/#", "+/+", "/", "a//b", "$SYS/#"])
def test_a_right_filter_is_taken(topic: str) -> None:
    """Every filter that MQTT allows makes a reader."""
    build(MqttReader, {"brokers": "b", "topics": topic})


@pytest.mark.parametrize("topic", ["a/+", "#", "x" * 70000])
@pytest.mark.parametrize("cls", [MqttWriter, MqttAsyncWriter])
def test_a_writer_has_no_wildcards(cls: type, topic: str) -> None:
    """A message goes to one topic."""
    with pytest.raises(InvalidArgumentError, match=r"'topic' must be a topic .* without '\+' and"):
        build(cls, {"brokers": "b", "topic": topic})
