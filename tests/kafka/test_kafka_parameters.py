"""Configurations written for the official plugin, and what becomes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from sinetstream_kafka.parameters import TABLE
from sinetstream_kafka.reader import KafkaReader
from sinetstream_kafka.writer import KafkaAsyncWriter, KafkaWriter
from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.errors import InvalidArgumentError

ROOT = Path(__file__).parents[2]
EXAMPLES: dict[str, Any] = {"count": 1000, "bytes": 33_554_432, "switch": True, "secret": "hush"}
# Values within librdkafka's bounds, where 1000 is not.
FITTING = {
    "max_in_flight_requests_per_connection": 5,
    "fetch_max_bytes": 70_000_000,
    "max_poll_interval_ms": 300_000,
    "session_timeout_ms": 45_000,
    "reconnect_backoff_ms": 50,
    "retry_backoff_ms": 50,
    "delivery_timeout_ms": 30_000,
}
SASL = {"sasl_mechanism": "PLAIN", "sasl_plain_username": "u", "sasl_plain_password": "p"}
USER_GUIDE = """
    acks compression_type retries batch_size linger_ms buffer_memory max_block_ms
    max_request_size max_in_flight_requests_per_connection delivery_timeout_ms
    enable_idempotence transaction_timeout_ms transactional_id key_serializer group_id
    fetch_min_bytes fetch_max_wait_ms fetch_max_bytes max_partition_fetch_bytes
    enable_auto_commit auto_commit_interval_ms check_crcs partition_assignment_strategy
    max_poll_records max_poll_interval_ms session_timeout_ms heartbeat_interval_ms
    allow_auto_create_topics auto_offset_reset default_api_timeout_ms group_instance_id
    isolation_level key_deserializer request_timeout_ms retry_backoff_ms reconnect_backoff_ms
    reconnect_backoff_max_ms receive_buffer_bytes send_buffer_bytes metadata_max_age_ms
    security_protocol connections_max_idle_ms exclude_internal_topics client_dns_lookup
    ssl_check_hostname ssl_cafile ssl_certfile ssl_keyfile ssl_password ssl_ciphers
    ssl_truststore_location ssl_truststore_password ssl_truststore_type ssl_keystore_location
    ssl_keystore_password ssl_keystore_type bootstrap_servers sasl_mechanism
    sasl_plain_username sasl_plain_password
"""
# The names on the user guide's page of Kafka's own parameters, and on that about authentication.


def built(spec: dict[str, Any], cls: Any = KafkaWriter, version: int = 3, **common: Any) -> Any:
    """The properties of a role with these parameters."""
    params = {"brokers": "b0.example.org, b1.example.org:9093", "topic": "t", **common}
    params |= {"type_spec": spec} if version == 3 else spec
    role = cls(ConfigVersion(version), params)
    return role.properties


@pytest.mark.parametrize("name", USER_GUIDE.split())
def test_every_name_of_the_user_guide_is_mapped_or_refused(name: str) -> None:
    """Each name of the guide's pages stands in the table."""
    assert any(name in section for section in TABLE.values())


def rows() -> list[tuple[Any, str, str, Any]]:
    return [
        (cls, name, target, kind)
        for cls, section in ((KafkaWriter, "writer"), (KafkaReader, "reader"))
        for name, (target, kind) in {**TABLE["both"], **TABLE[section]}.items()
    ]


def value_for(name: str, kind: Any) -> tuple[Any, Any]:
    """A value for a parameter and what its property is to be."""
    if isinstance(kind, dict):
        spelt, meant = next(iter(kind.items()))
        return {"true": True}.get(spelt, spelt), meant
    if kind == "bytes":
        return EXAMPLES["bytes"], EXAMPLES["bytes"] // 1024
    value = FITTING.get(name, EXAMPLES.get(kind, "a-text"))
    return value, value


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("cls", "name", "target", "kind"), rows())
def test_parameter_becomes_its_property(
    cls: Any, name: str, target: str, kind: Any, version: int
) -> None:
    """A parameter sets its property, flat as well as under ``type_spec``."""
    value, meant = value_for(name, kind)
    others = SASL if name.startswith("sasl_") else {"group_id": "g"}
    found = built({**others, name: value}, cls, version, consistency="AT_LEAST_ONCE")
    assert found[target] == meant


@pytest.mark.parametrize(
    ("cls", "name", "target", "kind"),
    [row for row in rows() if not row[1].startswith("ssl_") or row[1] == "ssl_check_hostname"],
)
def test_property_is_one_that_the_client_knows(cls: Any, name: str, target: str, kind: Any) -> None:
    """The client takes every property of the table; those that need a file are tested elsewhere."""
    value, _ = value_for(name, kind)
    client = Producer if cls is KafkaWriter else Consumer
    others = SASL if name.startswith("sasl_") else {}
    properties = built({**others, name: value}, cls, consistency="AT_LEAST_ONCE")
    assert client(properties).close() in (True, None)


@pytest.mark.parametrize("name", TABLE["refused"])
def test_refusal_names_parameter_and_replacement(name: str) -> None:
    """What cannot be kept is refused with its name and what to do instead."""
    with pytest.raises(InvalidArgumentError, match=re.escape(TABLE["refused"][name])) as caught:
        built({name: "x"})
    assert caught.value.parameter == f"type_spec.{name}"


def test_unknown_name_under_type_spec_is_refused_with_a_guess() -> None:
    """A slip of the pen is not lost in silence."""
    with pytest.raises(
        InvalidArgumentError, match=r"compresion_type.*did you mean.*compression_ty"
    ):
        built({"compresion_type": "gzip"})


def test_unknown_name_in_a_flat_configuration_is_ignored() -> None:
    """There it may be the host's or somebody else's."""
    assert "compresion_type" not in built({"compresion_type": "gzip"}, version=2)


def test_parameters_of_the_other_role_are_ignored() -> None:
    """One service serves writers and readers."""
    assert "group.id" not in built({"group_id": "g", "acks": "all"})


def test_dotted_names_are_the_clients_own() -> None:
    """Librdkafka's properties are passed on, and go before everything else."""
    assert built({"linger.ms": 7, "linger_ms": 9})["linger.ms"] == 7


@pytest.mark.parametrize(
    ("spec", "parameter"),
    [
        ({"acks": 2}, "acks"),
        ({"acks": True}, "acks"),
        ({"compression_type": "zip"}, "compression_type"),
        ({"linger_ms": -1}, "linger_ms"),
        ({"linger_ms": "5"}, "linger_ms"),
        ({"enable_idempotence": 1}, "enable_idempotence"),
        ({"order": "total"}, "order"),
        ({"max_block_ms": -1}, "max_block_ms"),
        ({"security_protocol": "TLS"}, "security_protocol"),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN", "security_protocol": "SSL"}, "security_protocol"),
        ({"security_protocol": "SASL_SSL"}, "sasl_mechanism"),
        ({"sasl_mechanism": "PLAIN", "sasl_plain_username": "u"}, "sasl_plain_password"),
    ],
)
def test_wrong_value_is_refused_in_the_constructor(spec: dict[str, Any], parameter: str) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidArgumentError, match=parameter) as caught:
        built(spec)
    assert caught.value.parameter == f"type_spec.{parameter}"


@pytest.mark.parametrize("cls", [KafkaReader, KafkaWriter, KafkaAsyncWriter])
def test_brokers_are_needed(cls: Any) -> None:
    """Without an address the constructor refuses."""
    with pytest.raises(InvalidArgumentError, match="brokers"):
        cls(ConfigVersion(3), {"topic": "t"})


def test_addresses_get_the_port_that_is_usual() -> None:
    """A broker without a port listens on 9092; ``bootstrap_servers`` goes before ``brokers``."""
    assert built({})["bootstrap.servers"] == "b0.example.org:9092,b1.example.org:9093"
    assert built({"bootstrap_servers": ["c:1", "d:2"]})["bootstrap.servers"] == "c:1,d:2"


def test_tls_of_the_host_becomes_the_clients() -> None:
    """The common parameter ``tls``, with its check of the host name and its secret."""
    tls = {
        "ca_certs": "/ca.pem",
        "certfile": "/c.pem",
        "keyfile": "/k.pem",
        "check_hostname": False,
    }
    found = built({}, tls={**tls, "keyfile_password": "hush"})
    assert found["security.protocol"] == "SSL"
    assert found["ssl.ca.location"] == "/ca.pem"
    assert found["ssl.key.password"] == "hush"
    assert found["ssl.endpoint.identification.algorithm"] == "none"


def test_tls_that_would_not_be_used_is_refused() -> None:
    """``tls`` with a protocol in plain text is a contradiction, and not ignored."""
    with pytest.raises(InvalidArgumentError, match="security_protocol"):
        built({"security_protocol": "PLAINTEXT"}, tls=True)


@pytest.mark.parametrize(
    ("tls", "protocol"), [(False, "SASL_PLAINTEXT"), (True, "SASL_SSL")], ids=["plain", "tls"]
)
def test_a_mechanism_switches_sasl_on(tls: bool, protocol: str) -> None:
    """Name and password may be bytes, as the host hands over what was encrypted."""
    spec = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": b"u"}
    found = built({**spec, "sasl_plain_password": b"hush"}, tls=tls)
    assert found["security.protocol"] == protocol
    assert (found["sasl.username"], found["sasl.password"]) == ("u", "hush")


def test_wrong_secret_is_not_shown() -> None:
    """Nor is what was given in its place."""
    spec = {"sasl_mechanism": "PLAIN", "sasl_plain_username": "u", "sasl_plain_password": 4711}
    with pytest.raises(InvalidArgumentError, match="sasl_plain_password") as caught:
        built(spec)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("consistency", "expected"),
    [
        ("AT_MOST_ONCE", {"acks": 1, "message.send.max.retries": 0}),
        ("AT_LEAST_ONCE", {"acks": "all", "max.in.flight.requests.per.connection": 1}),
        ("EXACTLY_ONCE", {"acks": "all", "enable.idempotence": True}),
    ],
)
def test_guarantee_of_a_writer(consistency: str, expected: dict[str, Any]) -> None:
    """Each guarantee has its properties, which the user may change under the first two."""
    assert expected.items() <= built({}, consistency=consistency).items()
    if consistency != "EXACTLY_ONCE":
        assert built({"acks": 0}, consistency=consistency)["acks"] == 0


@pytest.mark.parametrize(
    ("cls", "spec"),
    [
        (KafkaWriter, {"acks": 1}),
        (KafkaWriter, {"enable_idempotence": False}),
        (KafkaReader, {"isolation_level": "read_uncommitted"}),
    ],
)
def test_exactly_once_is_not_undone(cls: Any, spec: dict[str, Any]) -> None:
    """What would undo it is refused, with the parameter's name."""
    (name,) = spec
    with pytest.raises(InvalidArgumentError, match=rf"{name}.*EXACTLY_ONCE"):
        built(spec, cls, consistency="EXACTLY_ONCE")


def test_isolation_of_readers() -> None:
    """Only under EXACTLY_ONCE a reader waits for transactions to be committed."""
    for consistency, level in (("AT_LEAST_ONCE", "read_uncommitted"), ("EXACTLY_ONCE", "read_co")):
        found = built({}, KafkaReader, consistency=consistency)["isolation.level"]
        assert found.startswith(level)


def test_a_reader_without_a_group_needs_a_place_to_begin() -> None:
    """``none`` asks for an offset that a group would have committed."""
    with pytest.raises(InvalidArgumentError, match="auto_offset_reset"):
        built({"auto_offset_reset": "none"}, KafkaReader)


def test_property_that_the_client_refuses_is_named() -> None:
    """The client checks its own properties when it is made; no secret is shown."""
    spec = {"no.such.thing": 1, "sasl.password": "hush-hush"}
    writer = KafkaWriter(ConfigVersion(3), {"brokers": "b:1", "topic": "t", "type_spec": spec})
    with pytest.raises(InvalidArgumentError, match=r"no\.such\.thing") as caught:
        writer.open()
    assert "hush" not in str(caught.value)


def test_documented_table_is_complete() -> None:
    """Each parameter has a row in the docs that names its property or its replacement."""
    text = (ROOT / "docs" / "kafka-parameters.md").read_text(encoding="utf-8")
    for section in ("both", "writer", "reader"):
        for name, (target, _) in TABLE[section].items():
            assert re.search(rf"^\| `{name}` \| .*`{re.escape(target)}`", text, re.M), name
    for name in TABLE["plugin"]:
        assert re.search(rf"^\| `{name}` \| ", text, re.M), name
    for name, instead in TABLE["refused"].items():
        assert f"| `{name}` | {instead.replace(chr(39), '`')} |" in text, name
