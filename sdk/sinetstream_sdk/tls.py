"""How a connection is encrypted, as the parameter ``tls`` gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from os import PathLike, fspath
from typing import TYPE_CHECKING

from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidArgumentError

if TYPE_CHECKING:
    import ssl

    from sinetstream_sdk.brokers import Broker
    from sinetstream_sdk.params import Params

__all__ = ["Tls"]

CERT_REQS = ("CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED")
# The published host passes the names of the ssl module's protocol constants.
TLS_VERSIONS = {
    "PROTOCOL_TLS": None,
    "PROTOCOL_TLS_CLIENT": None,
    "PROTOCOL_TLSv1_2": "TLSv1_2",
    "TLSv1_2": "TLSv1_2",
    "TLSv1_3": "TLSv1_3",
}
NAMES = (
    "ca_certs",
    "certfile",
    "keyfile",
    "keyfile_password",
    "ciphers",
    "check_hostname",
    "cert_reqs",
    "tls_version",
)


_UNKNOWN = "no authority that 'ca_certs' names has signed the certificate"
_OTHER_HOST = "the certificate is for a host of another name"
# By OpenSSL's numbers, X509_V_ERR_...
_WRONG = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    **dict.fromkeys((2, 18, 19, 20, 21), _UNKNOWN),
    **dict.fromkeys((62, 64), _OTHER_HOST),
}


@dataclass(frozen=True)
class Tls:
    """What the user asked of TLS; paths are those of PEM files.

    ``parameter`` is the name under which it was given, for error messages.
    """

    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    keyfile_password: str | None = field(default=None, repr=False)
    ciphers: str | None = None
    check_hostname: bool = True
    cert_reqs: str = "CERT_REQUIRED"
    tls_version: str | None = None
    parameter: str = "tls"

    def context(self) -> ssl.SSLContext:
        """A client's context made of these settings.

        :raises InvalidArgumentError: a file cannot be read or used, or no cipher is left; the
            message names the parameter and the file
        """
        import ssl

        from sinetstream_sdk.tlssocket import TlsSocket

        try:
            context = ssl.create_default_context(cafile=self.ca_certs)
        except (OSError, ValueError) as error:
            raise self._unusable("ca_certs", self.ca_certs, error) from error
        context.sslsocket_class = TlsSocket
        context.check_hostname = self.check_hostname
        context.verify_mode = ssl.VerifyMode[self.cert_reqs]
        if self.tls_version is not None:
            version = ssl.TLSVersion[self.tls_version]
            context.minimum_version = context.maximum_version = version
        if self.certfile is not None:
            self._load_certificate(context, self.certfile)
        if self.ciphers is not None:
            try:
                context.set_ciphers(self.ciphers)
            except ssl.SSLError as error:
                raise self._unusable("ciphers", self.ciphers, error) from error
        return context

    def distrust(self, broker: Broker, within_s: float) -> str:
        """Why ``broker``'s certificate is not accepted; empty if it is, or cannot be looked at.

        For client libraries that do not tell: ask after they have failed. A handshake is made for
        it, within so many seconds each for connecting and for shaking hands.

        :raises InvalidArgumentError: as :meth:`context`
        """
        import socket
        import ssl

        context = self.context()
        # Python asks more of a certificate from 3.13 on than those that are asked about.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        try:
            with (
                socket.create_connection((broker.host, broker.port), within_s) as plain,
                context.wrap_socket(plain, server_hostname=broker.host),
            ):
                return ""
        except ssl.SSLCertVerificationError as error:
            return refusal_of(error)
        except OSError:
            return ""

    def _load_certificate(self, context: ssl.SSLContext, certfile: str) -> None:
        from pathlib import Path

        for name, file in (("certfile", certfile), ("keyfile", self.keyfile)):
            if file is not None:
                try:
                    Path(file).open("rb").close()
                except OSError as error:
                    raise self._unusable(name, file, error) from error
        asked = False

        def password() -> str:
            # Without a callback the ssl module would ask for the password on the terminal.
            nonlocal asked
            asked = True
            return self.keyfile_password or ""

        try:
            context.load_cert_chain(certfile, self.keyfile, password)
        except (OSError, ValueError) as error:
            holder = self.keyfile or certfile
            if asked:
                full = f"{self.parameter}.keyfile_password"
                state = "does not fit" if self.keyfile_password else "is missing"
                raise InvalidArgumentError(
                    f"parameter {full!r} {state}: the private key in {holder!r} is encrypted",
                    parameter=full,
                ) from error
            name = "keyfile" if self.keyfile else "certfile"
            raise self._unusable(name, holder, error) from error

    def _unusable(self, name: str, value: str | None, error: Exception) -> InvalidArgumentError:
        full = f"{self.parameter}.{name}"
        why = getattr(error, "strerror", None) or str(error)
        return InvalidArgumentError(
            f"parameter {full!r} cannot be used; got {value!r}: {why}", parameter=full
        )


def refusal_of(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a certificate, as OpenSSL found, in words that name what to look at."""
    what = _WRONG.get(error.verify_code, "the certificate is not accepted")
    return f"{what} ({error.verify_message})"


def read_tls(params: Params, name: str = "tls") -> Tls | None:
    """What the parameter ``name`` of ``params`` says; see :meth:`Params.tls`."""
    value = params.get(name)
    if value is None or value is False:
        return None
    parameter = params.full_name(name)
    if value is True:
        return Tls(parameter=parameter)
    if not isinstance(value, Mapping):
        raise params.invalid(name, "true, false or a mapping")
    given = params.mapping(name)
    _refuse_misspelt(given)
    cert_reqs = _constant(given, "cert_reqs", CERT_REQS) or "CERT_REQUIRED"
    verified = cert_reqs != "CERT_NONE"
    tls_version = _constant(given, "tls_version", TLS_VERSIONS)
    tls = Tls(
        ca_certs=_path(given, "ca_certs"),
        certfile=_path(given, "certfile"),
        keyfile=_path(given, "keyfile"),
        keyfile_password=given.secret("keyfile_password", None),
        ciphers=given.string("ciphers", None),
        check_hostname=given.boolean("check_hostname", verified),
        cert_reqs=cert_reqs,
        tls_version=None if tls_version is None else TLS_VERSIONS[tls_version],
        parameter=parameter,
    )
    if tls.check_hostname and not verified:
        raise given.invalid("check_hostname", "false where cert_reqs is CERT_NONE")
    if tls.keyfile is not None and tls.certfile is None:
        raise given.invalid("certfile", "given where keyfile is")
    return tls


def _refuse_misspelt(given: Params) -> None:
    """An unknown name is ignored, but a setting lost to a slip would weaken the connection."""
    absent = [name for name in NAMES if name not in given]
    for name in given:
        if not isinstance(name, str) or name in NAMES or name.endswith("_data"):
            continue
        hint = suggest(name, absent, cutoff=0.8)
        if hint:
            full = given.full_name(name)
            raise InvalidArgumentError(f"parameter {full!r} is not known{hint}", parameter=full)


def _path(given: Params, name: str) -> str | None:
    expected = "the path of a PEM file"
    value = given.get(name)
    if isinstance(value, PathLike):
        value = fspath(value)
    if value is None:
        return None
    # The text of a certificate is a slip that would put a private key into the error of open().
    if not isinstance(value, str) or not value or not value.isprintable() or "---BEGIN" in value:
        raise given.invalid(name, expected)
    return value


def _constant(given: Params, name: str, known: Collection[str]) -> str | None:
    """A constant of the ssl module, by name or as the constant itself."""
    value = given.get(name)
    spelt = value.name if isinstance(value, Enum) else value
    if spelt is None:
        return None
    if not isinstance(spelt, str) or spelt not in known:
        hint = suggest(spelt, known) if isinstance(spelt, str) else ""
        raise given.invalid(name, f"one of {', '.join(known)}", hint)
    return spelt
