"""Why a broker's certificate is not accepted, found out for clients that do not tell."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sinetstream_sdk.brokers import Broker
from sinetstream_sdk.tls import Tls

WITHIN_S = 5.0
DAY = datetime.timedelta(days=1)


def certified(folder: Path, host: str, days: int = 1) -> Path:
    """A file with a key and the certificate for ``host`` that it has signed for itself."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - 3 * DAY).not_valid_after(now + days * DAY)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    signed = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    file = folder / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(WITHIN_S)
        yield made


def reason(listener: socket.socket, both: Path, ca_certs: Path) -> str:
    """What is said of a server with that certificate, by a client with that authority."""

    def serve() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        with listener.accept()[0] as plain, suppress(OSError):
            plain.settimeout(WITHIN_S)
            context.wrap_socket(plain, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        broker = Broker("localhost", listener.getsockname()[1])
        return Tls(ca_certs=str(ca_certs)).distrust(broker, WITHIN_S)
    finally:
        thread.join(WITHIN_S)


def test_a_certificate_that_is_right(listener: socket.socket, tmp_path: Path) -> None:
    """There is nothing to say."""
    both = certified(tmp_path / "a", "localhost")
    assert reason(listener, both, both) == ""


def test_an_unknown_authority(listener: socket.socket, tmp_path: Path) -> None:
    """The reason names the parameter to look at."""
    both, other = certified(tmp_path / "a", "localhost"), certified(tmp_path / "b", "localhost")
    assert reason(listener, both, other).startswith("no authority that 'ca_certs' names")


def test_another_host(listener: socket.socket, tmp_path: Path) -> None:
    """The reason is the name, and what was expected."""
    both = certified(tmp_path / "a", "elsewhere.example")
    found = reason(listener, both, both)
    assert found.startswith("the certificate is for a host of another name")
    assert "localhost" in found


def test_an_old_certificate(listener: socket.socket, tmp_path: Path) -> None:
    """That it has expired is told apart."""
    both = certified(tmp_path / "a", "localhost", days=-1)
    assert reason(listener, both, both).startswith("the certificate has expired")


def test_nobody_there(listener: socket.socket) -> None:
    """What cannot be looked at is not spoken of."""
    port = listener.getsockname()[1]
    listener.close()
    assert Tls().distrust(Broker("127.0.0.1", port), WITHIN_S) == ""
