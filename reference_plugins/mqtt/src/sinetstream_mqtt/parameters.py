"""What the user's parameters come to: the official plugin's names, read for paho-mqtt 2."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params, Tls

STORE = "has no counterpart in Python: give PEM files as 'ca_certs', 'certfile' and 'keyfile'"
REFUSED = {
    "message_retry": "is gone from paho-mqtt 2: leave it out, and see 'reconnect_delay'",
    "topic_alias_maximum": "cannot be had from paho-mqtt: leave it out",
    "use_subscription_identifiers": "belongs to the Java plugin: leave it out",
    "send_reason_messages": "belongs to the Java plugin: leave it out",
    "max_reconnect_delay": "belongs to the Java plugin: use 'reconnect_delay.max_delay'",
    "keyfilePassword": "belongs to the Java plugin: use 'keyfile_password'",
    **{
        f"{kind}Store{part}": STORE
        for kind in ("trust", "key")
        for part in ("", "Type", "Password")
    },
}
GROUPS = ("max_inflight_messages", "max_queued_messages", "message_retry", "tls", "tls_insecure",
          "username_pw", "will", "reconnect_delay", "ws_options")  # fmt: skip
PAHO = {name: f"{name}_set" for name in GROUPS} | {"ws_options": "ws_set_options"}
PLAIN = ("protocol", "transport", "qos", "retain", "clean_session", "clean_start", "connect",
         "keepalive", "connection_timeout", "publish_timeout", "recovery_timeout")  # fmt: skip
NUMBERS = {
    "session_expiry_interval": ("SessionExpiryInterval", 0, 2**32 - 1),
    "receive_maximum": ("ReceiveMaximum", 1, 2**16 - 1),
    "maximum_packet_size": ("MaximumPacketSize", 1, 2**32 - 1),
}
FLAGS = {
    "request_response_info": "RequestResponseInformation",
    "request_problem_info": "RequestProblemInformation",
}
V5 = (*NUMBERS, *FLAGS, "user_property", "auth_method", "auth_data")
KNOWN = (*PLAIN, *GROUPS, *PAHO.values(), *V5)
PORTS = {("tcp", False): 1883, ("tcp", True): 8883, ("websockets", False): 80}
LONGEST_S = 2**31 - 1


class Settings:
    """How to connect and what to ask of the broker; times are in seconds.

    :raises InvalidArgumentError: a parameter is wrong, or has no counterpart in paho-mqtt 2
    """

    def __init__(self, params: Params) -> None:
        own = params.specific()
        refuse(own, nearly_known=own is not params)
        connect = own.mapping("connect", Params({}))
        refuse(connect)
        self.protocol = own.choice("protocol", ("MQTTv31", "MQTTv311", "MQTTv5"), "MQTTv311")
        self.v5 = self.protocol == "MQTTv5"
        for name in ("clean_session",) if self.v5 else ("clean_start", *V5):
            if own.get(name) is not None:
                hint = "; use 'clean_start'" if self.v5 else ""
                raise own.invalid(name, f"absent where protocol is {self.protocol}", hint)
        self.transport = own.choice("transport", ("tcp", "websockets"), "tcp")
        self.tls = tls(params, own)
        found = params.brokers(PORTS.get((self.transport, self.tls is not None), 443))
        if len(found) > 1:
            raise params.invalid("brokers", "one broker: an MQTT client connects to one alone")
        self.broker = found[0]
        self.client_id = params.client_id()
        user = group(own, "username_pw")
        self.username = user.string("username") if user else None
        self.password = user.secret("password", None)
        websocket = group(own, "ws_options")
        headers = websocket.mapping("headers", Params({}))
        self.ws_path = websocket.string("path", "/mqtt")
        self.ws_headers = {name: headers.secret(name) for name in headers}
        self.qos = quality(own, params)
        self.retain = own.boolean("retain", False)
        self.clean = own.boolean("clean_start" if self.v5 else "clean_session", None)
        self.properties = dict(properties(own))
        self.will = will(own, self.v5)
        limit = {"maximum": LONGEST_S}
        holder = connect if connect.get("keepalive") is not None else own
        self.keepalive = holder.integer("keepalive", 60, minimum=1, maximum=2**16 - 1)
        holder = connect if connect.get("connection_timeout") is not None else own
        self.connection_timeout = holder.number("connection_timeout", 10.0, minimum=0.1, **limit)
        self.publish_timeout = own.number("publish_timeout", 30.0, minimum=0.1, **limit)
        self.recovery_timeout = own.number("recovery_timeout", 10.0, minimum=0, **limit)
        self.reconnect = connect.boolean("automatic_reconnect", True)
        delays = group(own, "reconnect_delay")
        self.min_delay = delays.number("min_delay", 1.0, minimum=0.001, **limit)
        longest = max(120.0, self.min_delay)
        self.max_delay = delays.number("max_delay", longest, minimum=self.min_delay, **limit)
        inflight = group(own, "max_inflight_messages")
        self.max_inflight = inflight.integer("inflight", 20, minimum=1, maximum=2**16 - 1)
        self.max_queued = group(own, "max_queued_messages").integer("queue_size", 0, minimum=0)


def refuse(given: Params, nearly_known: bool = False) -> None:
    """Refuse what paho-mqtt 2 cannot do and, if asked to, what is nearly a known name."""
    for name in map(str, given):
        why = REFUSED.get(name.removesuffix("_set"), "") if given.get(name) is not None else ""
        if nearly_known and not why and name not in KNOWN:
            hint = suggest(name, KNOWN, cutoff=0.8)
            why = f"is not known{hint}" if hint else ""
        if why:
            full = given.full_name(name)
            raise InvalidArgumentError(f"parameter {full!r} {why}", parameter=full)


def group(own: Params, name: str) -> Params:
    """The mapping under ``name`` or under paho's name for it, whichever is given."""
    spelt = [each for each in (name, PAHO[name]) if own.get(each) is not None]
    if len(spelt) > 1:
        raise own.invalid(spelt[1], f"absent where {spelt[0]!r} is given: they mean the same")
    return own.mapping(spelt[0]) if spelt else Params({})


def quality(own: Params, above: Params) -> int:
    """The QoS: ``qos`` or, without one, what ``consistency`` comes to."""
    given = own.integer("qos", None, minimum=0, maximum=2)
    return above.consistency().value - 1 if given is None else given


def tls(params: Params, own: Params) -> Tls | None:
    """How to encrypt: what MQTT's own parameters say or, without them, the common one."""
    found = None
    for view, name in ((own, "tls_set"), (own, "tls"), (params, "tls")):
        if isinstance(view.get(name), Mapping):
            refuse(view.mapping(name))
        found = found or view.tls(name)
    insecure = group(own, "tls_insecure")
    if insecure and found is None:
        raise own.invalid("tls_insecure", "absent where 'tls' is")
    return replace(found, check_hostname=False) if insecure.get("value") and found else found


def will(own: Params, v5: bool) -> dict[str, Any] | None:
    """What the broker publishes if the connection breaks, encoded as the host would."""
    given = group(own, "will")
    if not given:
        return None
    from sinetstream_sdk.host.standalone import MessageEncoder

    delay = given.integer("delay_interval", None, minimum=0, maximum=2**32 - 1)
    if delay is not None and not v5:
        raise given.invalid("delay_interval", "absent where protocol is not MQTTv5")
    if given.get("payload") is None:
        raise given.invalid("payload", "given where the will is")
    mine = ("topic", "payload", "qos", "consistency", "retain", "delay_interval")
    encoder = MessageEncoder(**{name: given[name] for name in given if name not in mine})
    return {
        "topic": given.topic(),
        "payload": encoder.encode(given["payload"], timestamp=0),
        "qos": quality(given, given),
        "retain": given.boolean("retain", False),
        "delay": delay,
    }


def properties(own: Params) -> Iterator[tuple[str, Any]]:
    """The properties of MQTT 5's CONNECT, by paho's names."""
    for name, (called, least, most) in NUMBERS.items():
        if own.get(name) is not None:
            yield called, own.integer(name, minimum=least, maximum=most)
    for name, called in FLAGS.items():
        if own.get(name) is not None:
            yield called, int(own.boolean(name))
    if pairs := own.mapping("user_property", None):
        yield "UserProperty", [(name, pairs.string(name)) for name in pairs]
    if own.get("auth_method") is not None:
        yield "AuthenticationMethod", own.string("auth_method")
    if own.get("auth_data") is not None:
        data = own["auth_data"]
        yield (
            "AuthenticationData",
            data if isinstance(data, bytes) else own.secret("auth_data").encode(),
        )
