"""The parameter ``tls`` becomes a context, or a refusal that names the part and the file."""

import shutil
import ssl
import subprocess

import pytest
from refusing import NESTED, make, refused

from sinetstream_sdk.params import Tls


@pytest.mark.parametrize("value", [None, False])
def test_tls_off(value):
    """False means off, and so does absence."""
    assert make(tls=value).tls() is None
    assert make().tls() is None


@pytest.mark.parametrize("value", [True, {}])
def test_tls_on(value):
    """The defaults check the certificate and the host name."""
    tls = make(tls=value).tls()
    assert tls == Tls()
    context = tls.context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_tls_details(tmp_path):
    """Every name is read, paths as objects too, and unknown names are ignored."""
    given = {
        "ca_certs": tmp_path / "ca.pem",
        "certfile": "c.pem",
        "keyfile": "k.pem",
        "keyfile_password": b"hunter22",
        "ciphers": "ECDHE",
        "check_hostname": False,
        "cert_reqs": ssl.CERT_OPTIONAL,
        "tls_version": "PROTOCOL_TLSv1_2",
        "certfile_data": "x",
        "alpn": [],
        3: 4,
    }
    tls = make(tls=given).tls()
    assert tls == Tls(
        ca_certs=str(tmp_path / "ca.pem"),
        certfile="c.pem",
        keyfile="k.pem",
        keyfile_password="hunter22",
        ciphers="ECDHE",
        check_hostname=False,
        cert_reqs="CERT_OPTIONAL",
        tls_version="TLSv1_2",
    )
    assert "hunter22" not in repr(tls)


@pytest.mark.parametrize(
    ("given", "parameter", "word"),
    [
        ("yes", "tls", "true, false or a mapping"),
        (1, "tls", "true, false or a mapping"),
        ([], "tls", "true, false or a mapping"),
        ({"ca_certs": 3}, "tls.ca_certs", "path"),
        ({"ca_certs": ""}, "tls.ca_certs", "path"),
        ({"ca_certs": b"x"}, "tls.ca_certs", "path"),
        ({"certfile": "a\nb"}, "tls.certfile", "path"),
        ({"keyfile": "-----BEGIN PRIVATE KEY-----"}, "tls.keyfile", "hidden"),
        ({"keyfile": "k.pem"}, "tls.certfile", "given where keyfile is"),
        ({"keyfile_password": 3}, "tls.keyfile_password", "hidden"),
        ({"ciphers": 3}, "tls.ciphers", "str"),
        ({"check_hostname": "no"}, "tls.check_hostname", "true or false"),
        ({"cert_reqs": "NONE"}, "tls.cert_reqs", "CERT_NONE"),
        ({"cert_reqs": 0}, "tls.cert_reqs", "CERT_NONE"),
        ({"tls_version": "PROTOCOL_TLSv1"}, "tls.tls_version", "PROTOCOL_TLSv1_2"),
        ({"cert_reqs": "CERT_NONE", "check_hostname": True}, "tls.check_hostname", "CERT_NONE"),
        ({"ca_cert": "x"}, "tls.ca_cert", "did you mean 'ca_certs'?"),
        ({"check_hostnames": False}, "tls.check_hostnames", "did you mean 'check_hostname'?"),
    ],
)
def test_tls_refuses(given, parameter, word):
    """The inner parameter is named, and a slip in a name is not ignored."""
    refused(make(tls=given).tls, parameter, word)


def test_tls_under_type_spec_names_its_path():
    """A plugin may read its own ``tls``; both reading and loading name the whole path."""
    specific = make(NESTED, type_spec={"tls": {"ca_certs": "/nowhere/ca.pem"}}).specific()
    refused(specific.tls().context, "type_spec.tls.ca_certs", "/nowhere/ca.pem")


@pytest.mark.parametrize("reqs", ["CERT_NONE", ssl.CERT_NONE])
def test_tls_without_verification(reqs):
    """``CERT_NONE`` turns the check of the host name off as well."""
    context = make(tls={"cert_reqs": reqs}).tls().context()
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)


def test_tls_without_host_name():
    """``check_hostname: false`` alone still verifies the certificate."""
    context = make(tls={"check_hostname": False}).tls().context()
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_REQUIRED)


def test_tls_version_and_ciphers():
    """Both reach the context."""
    context = make(tls={"tls_version": "TLSv1_2", "ciphers": "ECDHE+AESGCM"}).tls().context()
    assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_2
    old = {c["name"] for c in context.get_ciphers() if c["protocol"] == "TLSv1.2"}
    assert old
    assert all("GCM" in name for name in old)
    refused(make(tls={"ciphers": "nonsense"}).tls().context, "tls.ciphers", "'nonsense'")


def test_tls_files_that_cannot_be_used(tmp_path):
    """The parameter, the file and the reason are told."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    missing = str(tmp_path / "missing.pem")
    for name, files in [
        ("ca_certs", {"ca_certs": str(garbage)}),
        ("ca_certs", {"ca_certs": missing}),
        ("certfile", {"certfile": str(garbage)}),
        ("certfile", {"certfile": missing, "keyfile": str(garbage)}),
        ("keyfile", {"certfile": str(garbage), "keyfile": missing}),
    ]:
        reason = ("No such file",) if files[name] == missing else ()
        refused(make(tls=files).tls().context, f"tls.{name}", files[name], *reason)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate with a plain and an encrypted key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    for command in [
        "req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost",
        "rsa -aes256 -passout pass:hunter22 -in k.pem -out e.pem",
    ]:
        subprocess.run(
            ["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=60
        )
    return folder


def test_tls_client_certificate(certificate):
    """A certificate with a plain key, and with an encrypted key and its password, is loaded."""
    pair = {"ca_certs": certificate / "c.pem", "certfile": certificate / "c.pem"}
    context = make(tls=pair | {"keyfile": certificate / "k.pem"}).tls().context()
    assert context.cert_store_stats()["x509"] == 1
    encrypted = pair | {"keyfile": certificate / "e.pem", "keyfile_password": "hunter22"}
    make(tls=encrypted).tls().context()


@pytest.mark.parametrize(("password", "word"), [(None, "missing"), ("wrong-one", "does not fit")])
def test_tls_never_asks_for_a_password(certificate, password, word):
    """An encrypted key without its password is an error, not a prompt on the terminal."""
    given = {
        "certfile": certificate / "c.pem",
        "keyfile": certificate / "e.pem",
        "keyfile_password": password,
    }
    message = refused(make(tls=given).tls().context, "tls.keyfile_password", word, "e.pem")
    assert "wrong-one" not in message
