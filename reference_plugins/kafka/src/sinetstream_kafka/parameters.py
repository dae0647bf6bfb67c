"""What a configuration asks for, as librdkafka's properties.

``parameters.toml`` has the names, which are those of the user guide. A name with a dot in it is
librdkafka's own and is passed on as it is.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sinetstream_sdk.params import Params
from sinetstream_sdk.translation import load, refuse, translate

TABLE: Mapping[str, Mapping[str, Any]] = load(__package__, "parameters.toml")
SECTIONS = ("both", "writer", "reader", "plugin", "refused")
KNOWN = [name for section in SECTIONS for name in TABLE[section]]
REFUSED = {name: f"is not supported: {instead}" for name, instead in TABLE["refused"].items()}
OF_THE_HOST = ("value_deserializer", "value_serializer")
"""What a host of version 2 leaves among the plugin's own parameters."""
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def properties(params: Params, section: str, required: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that the user asked for, and those ``required``, which may not be undone.

    :param section: "reader" or "writer"
    :raises InvalidArgumentError: a parameter is not known or has no counterpart, or its value is
        wrong; without ``type_spec`` unknown ones are taken for somebody else's
    """
    own = params.specific()
    of_the_client = {name: value for name, value in own.items() if "." in str(name)}
    if own is params:
        refuse(own, {name: why for name, why in REFUSED.items() if name not in OF_THE_HOST})
    else:
        refuse(own, REFUSED, [*KNOWN, *of_the_client], strict=True)
    table = {**TABLE["both"], **TABLE[section]}
    servers = own.strings("bootstrap_servers", None) or map(str, params.brokers(9092))
    asked = translate(own, table) | of_the_client
    found = {"bootstrap.servers": ",".join(servers), **_security(params, own), **asked}
    if client_id := params.client_id():
        found.setdefault("client.id", client_id)
    for name, (target, _) in table.items():
        if target in required and found.setdefault(target, required[target]) != required[target]:
            guarantee = params.consistency().name
            raise own.invalid(name, f"absent, or {required[target]}, under {guarantee}")
    return found


def _security(params: Params, own: Params) -> dict[str, Any]:
    """Encryption and authentication; what is asked for and then not used is refused."""
    tls, mechanism = params.tls(), own.get("sasl_mechanism")
    implied = ("SASL_" if mechanism else "") + ("SSL" if tls else "PLAINTEXT")
    protocol = own.choice("security_protocol", PROTOCOLS, implied)
    for name, given, part in (("tls", tls, "SSL"), ("sasl_mechanism", mechanism, "SASL")):
        if given and part not in protocol.split("_"):
            raise own.invalid("security_protocol", f"one with {part} where {name!r} is given")
    if "SASL" in protocol:
        for name in ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password"):
            own.secret(name)  # refuses what is missing
    if tls is None:
        return {"security.protocol": protocol}
    if tls.tls_version:
        raise params.mapping("tls").invalid("tls_version", "absent: the client has no say")
    return {"security.protocol": protocol, **translate(Params(asdict(tls)), TABLE["tls"])}
