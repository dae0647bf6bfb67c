"""TLS and passwords against mosquitto: the right ones work, and each wrong one is told apart."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from mqtt_roles import build, fresh, given, opened

from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_mqtt.plugin import MqttAsyncReader, MqttAsyncWriter, MqttReader, MqttWriter
from sinetstream_sdk.errors import (
    AuthorizationError,
    InvalidArgumentError,
    SinetError,
)
from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.spi import Plugin

PASSWORD = "correct-horse-battery"
WRONG = "staple-of-another-horse"

ROLES = [MqttReader, MqttWriter, MqttAsyncReader, MqttAsyncWriter]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def encrypted(make_mosquitto: Callable[..., Mosquitto], authority: Authority) -> Mosquitto:
    return make_mosquitto(tls=authority.server("localhost", "127.0.0.1"), websockets=True)


@pytest.fixture(scope="module")
def guarded(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return make_mosquitto(users={"alice": PASSWORD})


def travels(params: dict[str, Any], version: int = 3) -> bool:
    """Whether a message gets from a writer to a reader."""
    with opened(MqttReader, params, version) as reader, opened(MqttWriter, params, version) as w:
        w.publish(b"through")
        return next(iter(reader))[0] == b"through"


def failure(params: dict[str, Any], cls: type[Plugin] = MqttWriter) -> SinetError:
    """What open() raises."""
    role = build(cls, params)
    with pytest.raises(SinetError) as caught:
        role.open()
    role.close()
    return caught.value


# ---- passwords


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
@pytest.mark.parametrize("password", [PASSWORD, PASSWORD.encode()])
def test_the_right_password_lets_in(
    guarded: Mosquitto, protocol: str, password: str | bytes
) -> None:
    """As str, or as bytes, which is what an encrypted value of the configuration comes as."""
    login = {"username": "alice", "password": password}
    assert travels(given(guarded.address, fresh(), username_pw=login, protocol=protocol))


def test_the_official_plugins_flat_names_let_in(guarded: Mosquitto) -> None:
    """In versions 1 and 2 of the configuration it is ``username_pw_set``, at the top."""
    params = given(guarded.address, fresh())
    del params["type_spec"]
    params["username_pw_set"] = {"username": "alice", "password": PASSWORD}
    assert travels(params, version=2)


@pytest.mark.parametrize("cls", ROLES)
@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
def test_a_wrong_password_is_refused_without_being_shown(
    guarded: Mosquitto, caplog: pytest.LogCaptureFixture, protocol: str, cls: type[Plugin]
) -> None:
    """The error says that it is about user and password, and shows neither password."""
    caplog.set_level(logging.DEBUG)
    login = {"username": "alice", "password": WRONG}
    params = given(guarded.address, fresh(), username_pw=login, protocol=protocol)
    error = failure(params, cls)
    assert isinstance(error, AuthorizationError)
    text = f"{error}{error!r}{error.__cause__!r}{caplog.text}{build(cls, params).params!r}"
    assert guarded.address in str(error)
    assert "for user 'alice'" in str(error)
    assert "authori" in str(error).lower()
    assert WRONG not in text
    assert PASSWORD not in text


def test_no_password_is_refused(guarded: Mosquitto) -> None:
    """A broker that wants a login does not let anybody else in."""
    error = failure(given(guarded.address, fresh()))
    assert isinstance(error, AuthorizationError)
    assert "Not authorized" in str(error)


# ---- TLS


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
def test_the_right_authority_lets_in(
    encrypted: Mosquitto, authority: Authority, transport: str
) -> None:
    """A broker whose certificate a trusted authority has signed for that host is connected to."""
    port = encrypted.websockets_port if transport == "websockets" else encrypted.port
    tls = {"ca_certs": str(authority.certificate)}
    for host in ("localhost", "127.0.0.1"):
        assert travels(given(f"{host}:{port}", fresh(), tls=tls, transport=transport))


def test_the_common_tls_parameter_lets_in(encrypted: Mosquitto, authority: Authority) -> None:
    """``tls`` at the top level, as the host hands it to every plugin."""
    params = given(encrypted.address, fresh())
    params["tls"] = {"ca_certs": str(authority.certificate)}
    assert travels(params)


def test_the_official_plugins_tls_set_lets_in(encrypted: Mosquitto, authority: Authority) -> None:
    """In versions 1 and 2 of the configuration it is ``tls_set``, at the top."""
    params = given(encrypted.address, fresh())
    del params["type_spec"]
    params["tls_set"] = {"ca_certs": str(authority.certificate), "cert_reqs": "CERT_REQUIRED"}
    assert travels(params, version=2)


def test_an_unknown_authority_is_refused(encrypted: Mosquitto, tmp_path: Path) -> None:
    """The error says that the certificate is not accepted, and why."""
    other = Authority.new(tmp_path)
    error = failure(given(encrypted.address, fresh(), tls={"ca_certs": str(other.certificate)}))
    assert isinstance(error, BrokerGone)
    assert encrypted.address in str(error)
    assert "its certificate is not accepted" in str(error)
    assert "issuer" in str(error) or "self-signed" in str(error)


def test_a_wrong_host_name_is_refused_unless_it_is_not_checked(
    make_mosquitto: Callable[..., Mosquitto], authority: Authority
) -> None:
    """The error says that the name does not match; ``tls_insecure`` leaves the name alone."""
    broker = make_mosquitto(tls=authority.server("elsewhere.example"))
    tls = {"ca_certs": str(authority.certificate)}
    for host, word in (("localhost", "Hostname mismatch"), ("127.0.0.1", "IP address mismatch")):
        error = failure(given(f"{host}:{broker.port}", fresh(), tls=tls))
        assert isinstance(error, BrokerGone)
        assert word in str(error)
        assert host in str(error)
    assert travels(given(broker.address, fresh(), tls=tls, tls_insecure={"value": True}))
    assert travels(given(broker.address, fresh(), tls={**tls, "check_hostname": False}))
    not_even_the_authority = {"cert_reqs": "CERT_NONE"}
    assert travels(given(broker.address, fresh(), tls=not_even_the_authority))


def test_a_client_certificate_lets_in_and_its_lack_is_told(
    make_mosquitto: Callable[..., Mosquitto], authority: Authority
) -> None:
    """A broker that asks for one refuses clients without it, and the error says so."""
    server = authority.server("localhost", "127.0.0.1", require_certificate=True)
    broker = make_mosquitto(tls=server)
    certfile, keyfile = authority.signed("alice@test.example")
    tls = {"ca_certs": str(authority.certificate)}
    mine = {**tls, "certfile": str(certfile), "keyfile": str(keyfile)}
    assert travels(given(broker.address, fresh(), tls=mine))
    error = failure(given(broker.address, fresh(), tls=tls))
    assert isinstance(error, BrokerGone)
    assert "it may want a client's certificate, see 'certfile'" in str(error)


def test_plain_text_to_an_encrypted_port_is_an_error(encrypted: Mosquitto) -> None:
    """Without TLS the broker ends the connection, and open() does not wait for the time-out."""
    error = failure(given(encrypted.address, fresh()))
    assert isinstance(error, BrokerGone)
    assert encrypted.address in str(error)


def test_tls_to_a_plain_port_is_an_error(shared_mosquitto: Mosquitto, authority: Authority) -> None:
    """The error names the broker, and no socket is left open."""
    tls = {"ca_certs": str(authority.certificate)}
    error = failure(given(shared_mosquitto.address, fresh(), tls=tls))
    assert isinstance(error, BrokerGone)
    assert shared_mosquitto.address in str(error)


def test_an_unreadable_certificate_names_its_parameter(encrypted: Mosquitto) -> None:
    """A file that is not there is the user's mistake, and not the broker's."""
    error = failure(given(encrypted.address, fresh(), tls={"ca_certs": "/nowhere/ca.pem"}))
    assert isinstance(error, InvalidArgumentError)
    assert "type_spec.tls.ca_certs" in str(error)
    assert "/nowhere/ca.pem" in str(error)
