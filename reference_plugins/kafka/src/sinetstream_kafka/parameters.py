"""What a configuration asks for, as librdkafka's properties.

``parameters.toml`` has the names, which are those of the user guide. A name with a dot in it is
librdkafka's own and is passed on as it is.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

TABLE: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    files(__package__).joinpath("parameters.toml").read_text(encoding="utf-8")
)
KNOWN = [name for section in TABLE.values() for name in section]
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
OF_THE_HOST = ("value_deserializer", "value_serializer")
"""What a host of version 2 leaves among the plugin's own parameters."""


def properties(params: Params, section: str) -> dict[str, Any]:
    """The properties for ``section``, "reader" or "writer", that the user asked for.

    :raises InvalidArgumentError: a parameter is not known or has no counterpart, or its value is
        wrong; without ``type_spec`` unknown ones are taken for somebody else's
    """
    given = params.specific()
    nested = given is not params
    for name in map(str, given):
        if name in TABLE["refused"] and (nested or name not in OF_THE_HOST):
            raise _refused(given, name, f"is not supported: {TABLE['refused'][name]}")
        if nested and name not in KNOWN and "." not in name:
            raise _refused(given, name, f"is not known{suggest(name, KNOWN)}")
    servers = given.strings("bootstrap_servers", None)
    found = {"bootstrap.servers": ",".join(servers or map(str, params.brokers(9092)))}
    if client_id := params.client_id():
        found["client.id"] = client_id
    found |= _security(params, given)
    for name, (target, kind) in {**TABLE["both"], **TABLE[section]}.items():
        if given.get(name) is not None:
            found[target] = _value(given, name, kind)
    return found | {name: value for name, value in given.items() if "." in str(name)}


def wait_s(params: Params, name: str) -> float:
    """How long, in seconds, to wait for brokers that do not answer."""
    return params.specific().number(name, 8000.0, minimum=0) / 1000


def insist_on(required: Mapping[str, Any], found: dict[str, Any], params: Params) -> None:
    """Put in what a guarantee requires.

    :raises InvalidArgumentError: the user asked for something else
    """
    names = {row[0]: name for part in ("reader", "writer") for name, row in TABLE[part].items()}
    for target, value in required.items():
        if found.setdefault(target, value) != value:
            wanted = f"absent, or {value}, under consistency {params.consistency().name}"
            raise params.specific().invalid(names[target], wanted)


def _refused(given: Params, name: str, why: str) -> InvalidArgumentError:
    full = given.full_name(name)
    return InvalidArgumentError(f"kafka: parameter {full!r} {why}", parameter=full)


def _value(given: Params, name: str, kind: str | Mapping[str, Any]) -> Any:
    if isinstance(kind, Mapping):
        key = str(given[name])
        key = key.lower() if isinstance(given[name], bool) else key
        if key not in kind:
            raise given.invalid(name, f"one of {', '.join(kind)}", suggest(key, kind))
        return kind[key]
    if kind in ("count", "bytes"):
        number = given.integer(name, minimum=0)
        return number if kind == "count" else max(number // 1024, 1)
    if kind == "switch":
        return given.boolean(name)
    return given.secret(name) if kind == "secret" else given.string(name)


def _security(params: Params, given: Params) -> dict[str, Any]:
    """Encryption and authentication; what is asked for and then not used is refused."""
    tls, mechanism = params.tls(), given.choice("sasl_mechanism", MECHANISMS, None)
    implied = ("SASL_" if mechanism else "") + ("SSL" if tls else "PLAINTEXT")
    protocol = given.choice("security_protocol", PROTOCOLS, implied)
    if tls and "SSL" not in protocol:
        raise given.invalid("security_protocol", "SSL or SASL_SSL where 'tls' is given")
    if mechanism and "SASL" not in protocol:
        raise given.invalid("security_protocol", "SASL_... where 'sasl_mechanism' is given")
    found: dict[str, Any] = {"security.protocol": protocol}
    if "SASL" in protocol:
        found["sasl.mechanism"] = given.choice("sasl_mechanism", MECHANISMS)
        found["sasl.username"] = given.secret("sasl_plain_username")
        found["sasl.password"] = given.secret("sasl_plain_password")
    if tls:
        if tls.tls_version:
            raise params.mapping("tls").invalid("tls_version", "absent: the client has no say")
        found |= {
            "ssl.endpoint.identification.algorithm": "https" if tls.check_hostname else "none",
            "enable.ssl.certificate.verification": tls.cert_reqs != "CERT_NONE",
            "ssl.ca.location": tls.ca_certs,
            "ssl.certificate.location": tls.certfile,
            "ssl.key.location": tls.keyfile,
            "ssl.key.password": tls.keyfile_password,
            "ssl.cipher.suites": tls.ciphers,
        }
    return {name: value for name, value in found.items() if value is not None}
