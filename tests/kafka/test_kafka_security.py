"""TLS and passwords against Apache Kafka: right ones work, wrong ones are refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kafka_certificates import Authority
from kafka_roles import fresh, given, opened, take

from sinetstream_conformance.brokers.kafka import ApacheKafka, KafkaTls
from sinetstream_conformance.brokers.process import free_port
from sinetstream_kafka.reader import KafkaReader
from sinetstream_kafka.writer import KafkaWriter
from sinetstream_sdk import errors

USER, PASSWORD, WRONG = "alice", "right-and-secret", "wrong-and-secret"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "test authority")


@pytest.fixture(scope="module")
def guarded(apache_installed: None, authority: Authority) -> Iterator[ApacheKafka]:
    """A broker for ``localhost``, with TLS and passwords."""
    tls = KafkaTls(*authority.sign("localhost"), authority.cafile)
    with ApacheKafka(tls=tls, users={USER: PASSWORD}, host_name="localhost") as broker:
        yield broker


@pytest.fixture(scope="module")
def certified(apache_installed: None, authority: Authority) -> Iterator[ApacheKafka]:
    """A broker for ``localhost`` that asks clients for a certificate."""
    tls = KafkaTls(*authority.sign("localhost"), authority.cafile, require_certificate=True)
    with ApacheKafka(tls=tls, host_name="localhost") as broker:
        yield broker


def params(
    broker: ApacheKafka, tls: Any, mechanism: str | None, password: str = PASSWORD
) -> dict[str, Any]:
    """Parameters for a broker with TLS and, with a mechanism, passwords."""
    spec: dict[str, Any] = {"max_block_ms": 15_000, "default_api_timeout_ms": 15_000}
    if mechanism:
        spec |= {"sasl_mechanism": mechanism, "sasl_plain_username": USER}
        spec["sasl_plain_password"] = password
    return {**given(f"localhost:{broker.port}", fresh(), **spec), "tls": tls}


def refusal(cls: Any, given: dict[str, Any]) -> errors.SinetError:
    """What open() raises; no secret is in it or in what it was raised from."""
    role = cls(given)
    with pytest.raises(errors.SinetError) as caught:
        role.open()
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    assert "secret" not in repr(role.params)
    return caught.value


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_right_password_and_right_authority(
    guarded: ApacheKafka, authority: Authority, mechanism: str
) -> None:
    """A message goes through an encrypted connection of a known user."""
    usual = params(guarded, {"ca_certs": str(authority.cafile)}, mechanism)
    with opened(KafkaReader, usual) as reader, opened(KafkaWriter, usual) as writer:
        writer.publish(b"safe")
        assert take(reader, 1) == [b"safe"]


@pytest.mark.parametrize("cls", [KafkaReader, KafkaWriter])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_wrong_password(
    guarded: ApacheKafka, authority: Authority, mechanism: str, cls: Any
) -> None:
    """It is refused at once, and the error says that it is the authentication."""
    tls = {"ca_certs": str(authority.cafile)}
    error = refusal(cls, params(guarded, tls, mechanism, WRONG))
    assert isinstance(error, errors.AuthorizationError)
    assert "uthentication" in str(error)
    assert f"localhost:{guarded.port}" in str(error)


@pytest.mark.parametrize("cls", [KafkaReader, KafkaWriter])
def test_unknown_authority(guarded: ApacheKafka, tmp_path: Any, cls: Any) -> None:
    """A certificate that somebody else has signed is refused, and the error speaks of the CA."""
    other = Authority(tmp_path, "another authority")
    error = refusal(cls, params(guarded, {"ca_certs": str(other.cafile)}, "PLAIN"))
    assert isinstance(error, errors.ConnectionError)
    assert "no authority that 'ca_certs' names has signed the certificate" in str(error)
    assert "another name" not in str(error)


@pytest.mark.parametrize("cls", [KafkaReader, KafkaWriter])
def test_wrong_host_name(guarded: ApacheKafka, authority: Authority, cls: Any) -> None:
    """A certificate for another host is refused, and the error speaks of the name."""
    elsewhere = params(guarded, {"ca_certs": str(authority.cafile)}, "PLAIN")
    elsewhere["brokers"] = f"127.0.0.1:{guarded.port}"
    error = refusal(cls, elsewhere)
    assert isinstance(error, errors.ConnectionError)
    assert "the certificate is for a host of another name" in str(error)
    assert "authority" not in str(error)


def test_host_name_that_nobody_checks(guarded: ApacheKafka, authority: Authority) -> None:
    """``check_hostname: false`` takes a certificate for any host."""
    tls = {"ca_certs": str(authority.cafile), "check_hostname": False}
    elsewhere = params(guarded, tls, "PLAIN")
    elsewhere["brokers"] = f"127.0.0.1:{guarded.port}"
    with opened(KafkaWriter, elsewhere) as writer:
        writer.publish(b"trusting")


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["open", "encrypted"])
def test_certificate_of_the_client(
    certified: ApacheKafka, authority: Authority, password: str | None
) -> None:
    """With one the broker lets the client in, with a key that needs a password, too."""
    certfile, keyfile = authority.sign(f"client-{bool(password)}", password)
    tls = {"ca_certs": str(authority.cafile), "certfile": str(certfile), "keyfile": str(keyfile)}
    if password:
        tls["keyfile_password"] = password
    with opened(KafkaWriter, params(certified, tls, None)) as writer:
        writer.publish(b"known")


def test_no_certificate_of_the_client(certified: ApacheKafka, authority: Authority) -> None:
    """Without one it is refused."""
    tls = {"ca_certs": str(authority.cafile)}
    assert isinstance(refusal(KafkaWriter, params(certified, tls, None)), errors.ConnectionError)


def test_plain_text_where_tls_is_asked_for(guarded: ApacheKafka) -> None:
    """A client that does not encrypt is refused within the time that it has."""
    plain = {**params(guarded, False, "PLAIN")}
    plain["type_spec"]["max_block_ms"] = 2000
    assert isinstance(refusal(KafkaWriter, plain), errors.ConnectionError)


def test_encryption_that_is_missing_at_the_broker(
    apache: ApacheKafka, authority: Authority
) -> None:
    """A client that encrypts does not go on in plain text."""
    tls = {"ca_certs": str(authority.cafile)}
    assert isinstance(refusal(KafkaWriter, params(apache, tls, None)), errors.ConnectionError)


def test_wrong_password_of_the_key(certified: ApacheKafka, authority: Authority) -> None:
    """It is told when the client is made, without the password."""
    certfile, keyfile = authority.sign("client-wrong", PASSWORD)
    tls = {"ca_certs": str(authority.cafile), "certfile": str(certfile), "keyfile": str(keyfile)}
    error = refusal(KafkaWriter, params(certified, {**tls, "keyfile_password": WRONG}, None))
    assert "key" in str(error)


def test_missing_file_is_named(apache: ApacheKafka) -> None:
    """The error has the path and the parameter's property."""
    error = refusal(KafkaWriter, params(apache, {"ca_certs": "/no/such/ca.pem"}, None))
    assert "/no/such/ca.pem" in str(error) or "ssl.ca.location" in str(error)


def test_topic_that_the_user_may_not_touch(apache_installed: None) -> None:
    """Who may do nothing is refused with AuthorizationError, in open()."""
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "listener.name.clients.sasl.enabled.mechanisms": "PLAIN",
    }
    with ApacheKafka(users={USER: PASSWORD}, settings=settings) as broker:
        for cls in (KafkaReader, KafkaWriter):
            denied = {**params(broker, False, "PLAIN"), "brokers": broker.address}
            error = refusal(cls, denied)
            assert isinstance(error, errors.AuthorizationError)
            assert denied["topic"] in str(error)


def test_no_listener(authority: Authority) -> None:
    """With TLS as without, nobody there means ConnectionError."""
    nowhere = {**given(f"localhost:{free_port()}", "t", max_block_ms=500)}
    nowhere["tls"] = {"ca_certs": str(authority.cafile)}
    assert isinstance(refusal(KafkaWriter, nowhere), errors.ConnectionError)
