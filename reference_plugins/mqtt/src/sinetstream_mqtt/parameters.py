"""What the user's parameters come to: the official plugin's names, read for paho-mqtt 2."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sinetstream_sdk.params import Params, Tls
from sinetstream_sdk.translation import group, refuse

JAVA = "belongs to the Java plugin: "
STORE = f"{JAVA}give PEM files as 'ca_certs', 'certfile' and 'keyfile'"
RETRY = "is gone from paho-mqtt 2: leave it out, and see 'reconnect_delay'"
REFUSED = {
    "message_retry": RETRY,
    "message_retry_set": RETRY,
    "topic_alias_maximum": "cannot be had from paho-mqtt: leave it out",
    "use_subscription_identifiers": f"{JAVA}leave it out",
    "send_reason_messages": f"{JAVA}leave it out",
    "max_reconnect_delay": f"{JAVA}use 'reconnect_delay.max_delay'",
    "keyfilePassword": f"{JAVA}use 'keyfile_password'",
    **{
        f"{kind}Store{part}": STORE
        for kind in ("trust", "key")
        for part in ("", "Type", "Password")
    },
}
V5 = {
    "session_expiry_interval": "SessionExpiryInterval",
    "receive_maximum": "ReceiveMaximum",
    "maximum_packet_size": "MaximumPacketSize",
    "request_response_info": "RequestResponseInformation",
    "request_problem_info": "RequestProblemInformation",
    "user_property": "UserProperty",
    "auth_method": "AuthenticationMethod",
    "auth_data": "AuthenticationData",
}
GROUPS = ("max_inflight_messages", "max_queued_messages", "tls", "tls_insecure", "username_pw",
          "will", "reconnect_delay")  # fmt: skip
KNOWN = (*V5, *GROUPS, *(f"{name}_set" for name in GROUPS), *REFUSED, "ws_options",
         "ws_set_options", "protocol", "transport", "qos", "retain", "clean_session",
         "clean_start", "connect", "keepalive", "connection_timeout", "publish_timeout",
         "recovery_timeout")  # fmt: skip
PORTS = {("tcp", False): 1883, ("tcp", True): 8883, ("websockets", False): 80}
FILTER = re.compile(r"#|(\+|[^/+#]*)(/(\+|[^/+#]*))*(/#)?")
NAME = re.compile(r"[^+#]+")
LIMIT = {"maximum": 2**31 - 1}
SESSION_S = 3600


class Settings:
    """How to connect and what to ask of the broker; times are in seconds.

    ``resumes`` tells that messages depend on the broker's keeping the session while the connection
    is broken; unless the user decides about sessions, it is to do so, and to drop it at the end.

    :raises InvalidArgumentError: a parameter is wrong, or has no counterpart in paho-mqtt 2
    """

    def __init__(self, params: Params, reads: bool) -> None:
        own = params.specific()
        refuse(own, REFUSED, KNOWN if own is not params else ())
        connect = own.mapping("connect", Params({}))
        refuse(connect, REFUSED)
        topic = "topics" if reads and params.get("topics") is not None else "topic"
        for each in params.topics() if reads else [params.topic()]:
            if not (FILTER if reads else NAME).fullmatch(each) or len(each.encode()) > 2**16 - 1:
                wild = "where '+' and a last '#' stand alone" if reads else "without '+' and '#'"
                raise params.invalid(topic, f"a topic of at most 65535 bytes {wild}")
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
        user = group(own, "username_pw", "username_pw_set")
        self.username = user.string("username") if user else None
        self.password = user.secret("password", None)
        websocket = group(own, "ws_options", "ws_set_options")
        headers = websocket.mapping("headers", Params({}))
        self.ws_path = websocket.string("path", "/mqtt")
        self.ws_headers = {name: headers.secret(name) for name in headers}
        self.qos = quality(own, params)
        self.retain = own.boolean("retain", False)
        clean = own.boolean("clean_start" if self.v5 else "clean_session", None)
        self.resumes = clean is None and self.qos > (0 if reads else 1)
        self.clean = not self.resumes if clean is None else clean
        self.properties = properties(own, self.resumes and self.v5)
        self.will = will(group(own, "will", "will_set"), self.v5)
        holder = connect if connect.get("keepalive") is not None else own
        self.keepalive = holder.integer("keepalive", 60, minimum=1, maximum=2**16 - 1)
        holder = connect if connect.get("connection_timeout") is not None else own
        self.connection_timeout = holder.number("connection_timeout", 10.0, minimum=0.1, **LIMIT)
        self.publish_timeout = own.number("publish_timeout", 30.0, minimum=0.1, **LIMIT)
        self.recovery_timeout = own.number("recovery_timeout", 10.0, minimum=0, **LIMIT)
        self.reconnect = connect.boolean("automatic_reconnect", True)
        pause = group(own, "reconnect_delay", "reconnect_delay_set")
        least = pause.number("min_delay", 1.0, minimum=0.001, **LIMIT)
        self.delays = least, pause.number("max_delay", max(120.0, least), minimum=least, **LIMIT)
        inflight = group(own, "max_inflight_messages", "max_inflight_messages_set")
        self.max_inflight = inflight.integer("inflight", 20, minimum=1, maximum=2**16 - 1)
        queued = group(own, "max_queued_messages", "max_queued_messages_set")
        self.max_queued = queued.integer("queue_size", 0, minimum=0)


def quality(own: Params, above: Params) -> int:
    """The QoS: ``qos`` or, without one, what ``consistency`` comes to."""
    given = own.integer("qos", None, minimum=0, maximum=2)
    return above.consistency().value - 1 if given is None else given


def tls(params: Params, own: Params) -> Tls | None:
    """How to encrypt: what MQTT's own parameters say or, without them, the common one."""
    found = None
    for view, name in ((own, "tls_set"), (own, "tls"), (params, "tls")):
        if isinstance(view.get(name), Mapping):
            refuse(view.mapping(name), REFUSED)
        found = found or view.tls(name)
    insecure = group(own, "tls_insecure", "tls_insecure_set").boolean("value", False)
    if insecure and found is None:
        raise own.invalid("tls", "given where 'tls_insecure' is")
    return replace(found, check_hostname=False) if insecure and found else found


def will(given: Params, v5: bool) -> dict[str, Any] | None:
    """What the broker publishes if the connection breaks, encoded as the host would."""
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
        "properties": packed(PacketTypes.WILLMESSAGE, WillDelayInterval=delay) if delay else None,
    }


def packed(kind: int, **values: Any) -> Properties | None:
    """The properties of an MQTT 5 packet, by paho's names; None where there are none."""
    made = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(made, name, value)
    made.pack()  # type: ignore[no-untyped-call]
    return made if values else None


def properties(own: Params, resumes: bool) -> Properties | None:
    """Those of MQTT 5's CONNECT; paho knows which values they may have."""
    values: dict[str, Any] = {"SessionExpiryInterval": SESSION_S} if resumes else {}
    for name in V5:
        if (value := own.get(name)) is not None:
            if isinstance(value, Mapping):
                value = list(value.items())
            elif name == "auth_data" and isinstance(value, str):
                value = value.encode()
            values[V5[name]] = value
            try:
                packed(PacketTypes.CONNECT, **values)
            except Exception as error:  # noqa: BLE001 - paho raises whatever comes of it
                raise own.invalid(name, f"what MQTT 5 allows: {type(error).__name__}") from None
    return packed(PacketTypes.CONNECT, **values)
