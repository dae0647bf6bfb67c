"""What the user's parameters come to; ``parameters.toml`` says where each of them stands."""

import re
import uuid
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Self

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sinetstream_sdk.params import Params, Tls
from sinetstream_sdk.translation import group, load, names, read, refuse

TABLE = load("sinetstream_mqtt", "parameters.toml")
ALSO, V5, REFUSED = TABLE["also"], TABLE["v5"], TABLE["refused"]
KNOWN = {*names(TABLE["settings"]), *ALSO, *ALSO.values(), *V5}
PORTS = {("tcp", False): 1883, ("tcp", True): 8883, ("websockets", False): 80}
FILTER = re.compile(r"#|(\+|[^/+#]*)(/(\+|[^/+#]*))*(/#)?")
NAME = re.compile(r"[^+#]+")
SESSION_S = 3600


class Settings(SimpleNamespace):
    """How to connect and what to ask of the broker; times are in seconds.

    ``resumes`` tells that messages depend on the broker's keeping the session while the connection
    is broken; unless the user decides about sessions, it is to do so, and to drop it at the end.
    """

    __repr__ = object.__repr__  # that of the base class would show the password

    @classmethod
    def of(cls, params: Params, reads: bool) -> Self:
        """Those of a reader, or of a writer.

        :raises InvalidArgumentError: a parameter is wrong, or has no counterpart in paho-mqtt 2
        """
        own = params.specific()
        refuse(own, REFUSED, KNOWN if own is not params else (), ALSO)
        refuse(params, REFUSED, also=ALSO)
        self = cls(**read(own, TABLE["settings"], ALSO))
        name = "topics" if reads and params.get("topics") is not None else "topic"
        for topic in params.topics() if reads else [params.topic()]:
            if not (FILTER if reads else NAME).fullmatch(topic) or len(topic.encode()) > 2**16 - 1:
                wild = "where '+' and a last '#' stand alone" if reads else "without '+' and '#'"
                raise params.invalid(name, f"a topic of at most 65535 bytes {wild}")
        self.tls = tls(params, own, self.tls_insecure)
        self.broker, *others = params.brokers(PORTS.get((self.transport, bool(self.tls)), 443))
        if others:
            raise params.invalid("brokers", "one broker: an MQTT client connects to one alone")
        self.client_id = params.client_id() or f"ss{uuid.uuid4().hex[:20]}"
        headers = group(own, "ws_options", "ws_set_options").mapping("headers", Params({}))
        self.ws_headers = {header: headers.secret(header) for header in headers}
        self.qos = params.consistency().value - 1 if self.qos is None else self.qos
        self.v5 = self.protocol == "MQTTv5"
        for name in ("clean_session",) if self.v5 else ("clean_start", *V5):
            if own.get(name) is not None:
                hint = "; use 'clean_start'" if self.v5 else ""
                raise own.invalid(name, f"absent where protocol is {self.protocol}", hint)
        clean = self.clean_start if self.v5 else self.clean_session
        self.resumes = clean is None and self.qos > (0 if reads else 1)
        self.clean = not self.resumes if clean is None else clean
        self.properties = properties(own, self.resumes and self.v5)
        self.will = will(group(own, "will", "will_set"), self.v5)
        pause, least = group(own, "reconnect_delay", "reconnect_delay_set"), self.min_delay
        self.delays = least, pause.number("max_delay", max(120.0, least), minimum=least)
        return self

    def forgetting(self) -> Self:
        """The same for a connection that has the broker drop the session, and does no more."""
        other = copy(self)
        other.clean, other.resumes, other.will, other.connection_timeout = True, False, None, 2.0
        return other


def tls(params: Params, own: Params, insecure: bool) -> Tls | None:
    """How to encrypt: what MQTT's own parameters say or, without them, the common one."""
    found = own.tls("tls_set") or own.tls("tls") or params.tls("tls")
    if insecure and found is None:
        raise own.invalid("tls", "given where 'tls_insecure' is")
    return replace(found, check_hostname=False) if insecure and found else found


def will(given: Params, v5: bool) -> dict[str, Any] | None:
    """What the broker publishes if the connection breaks, encoded as the host would."""
    if not given:
        return None
    from sinetstream_sdk.host.standalone import MessageEncoder

    own = read(given, TABLE["will"])
    delay = own.pop("delay_interval")
    if delay is not None and not v5:
        raise given.invalid("delay_interval", "absent where protocol is not MQTTv5")
    if given.get("payload") is None:
        raise given.invalid("payload", "given where the will is")
    own["qos"] = given.consistency().value - 1 if own["qos"] is None else own["qos"]
    own["topic"] = given.topic()
    own["properties"] = packed(PacketTypes.WILLMESSAGE, WillDelayInterval=delay) if delay else None
    ours = (*TABLE["will"], "topic", "payload", "consistency")
    encoder = MessageEncoder(**{name: given[name] for name in given if name not in ours})
    return own | {"payload": encoder.encode(given["payload"], timestamp=0)}


def properties(own: Params, resumes: bool) -> Properties | None:
    """Those of MQTT 5's CONNECT; paho knows which values they may have."""
    values: dict[str, Any] = {"SessionExpiryInterval": SESSION_S} if resumes else {}
    for name in V5:
        if (value := own.get(name)) is not None:
            value = list(value.items()) if isinstance(value, Mapping) else value
            value = value.encode() if name == "auth_data" and isinstance(value, str) else value
            values[V5[name]] = value
            try:
                packed(PacketTypes.CONNECT, **values)
            except Exception as error:  # noqa: BLE001 - paho raises whatever comes of it
                raise own.invalid(name, f"what MQTT 5 allows: {type(error).__name__}") from None
    return packed(PacketTypes.CONNECT, **values)


def packed(kind: int, **values: Any) -> Properties | None:
    """The properties of an MQTT 5 packet, by paho's names; None where there are none."""
    made = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(made, name, value)
    made.pack()  # type: ignore[no-untyped-call]
    return made if values else None
