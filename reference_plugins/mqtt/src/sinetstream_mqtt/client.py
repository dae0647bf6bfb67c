"""paho's client, set up as the parameters say, and what its reasons come to as errors."""

import logging
import ssl
import time
import uuid
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk import errors

FORBIDDEN = (0x80, 0x86, 0x87, 0x8C)  # MQTT 3.1.1 has no other code for a refused subscription
SESSION_S = 3600
CONNECT_S = 5.0


class Complaints(logging.Logger):
    """Keeps the last error that paho logs: why it lost a connection is told nowhere else."""

    def __init__(self) -> None:
        super().__init__("paho", logging.ERROR)
        self.last = ""

    def handle(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


class TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            self.settimeout(CONNECT_S)  # paho 2.1 waits as long as keepalive
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class Client(mqtt.Client):
    """A client of one broker, whose socket is closed when a websocket's handshake fails."""

    def __init__(
        self, settings: Settings, client_id: str, clean: bool, session_s: int | None = None
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            None if settings.v5 else clean,
            protocol=getattr(mqtt, settings.protocol),
            transport=settings.transport,  # type: ignore[arg-type]
            reconnect_on_failure=False,
            manual_ack=settings.qos == 1,
        )
        self.complaints = Complaints()
        self.enable_logger(self.complaints)
        self._settings, self._clean = settings, clean
        self._properties = dict(settings.properties)
        if session_s is not None:
            self._properties["SessionExpiryInterval"] = session_s
        self.connect_timeout = min(settings.connection_timeout, CONNECT_S)
        self.max_inflight_messages_set(settings.max_inflight)
        self.ws_set_options(settings.ws_path, settings.ws_headers)
        if settings.username is not None:
            self.username_pw_set(settings.username, settings.password)
        if settings.tls is not None:
            context = settings.tls.context()
            context.sslsocket_class = TlsSocket
            self.tls_set_context(context)
        if settings.will is not None:
            will = dict(settings.will)
            delay = will.pop("delay")
            kind = PacketTypes.WILLMESSAGE
            extra = None if delay is None else properties(kind, WillDelayInterval=delay)
            self.will_set(**will, properties=extra)

    def begin(self) -> None:
        """Connect for the first time; the broker's answer is yet to come.

        :raises ConnectionError: nobody answers, or the broker's certificate is not accepted
        """
        settings, v5 = self._settings, dict[str, Any]()
        if settings.v5:
            v5["clean_start"] = self._clean
            v5["properties"] = properties(PacketTypes.CONNECT, **self._properties)
        try:
            self.connect(settings.broker.host, settings.broker.port, settings.keepalive, **v5)
        except (OSError, ValueError) as error:
            raise unreachable(settings, error) from error

    def _create_socket_connection(self) -> Any:
        self._plain = super()._create_socket_connection()
        return self._plain

    def _create_socket(self) -> Any:
        try:
            return super()._create_socket()
        except BaseException:
            if plain := getattr(self, "_plain", None):
                plain.close()
            raise


def properties(kind: int, **values: Any) -> Properties | None:
    """Properties of an MQTT 5 packet; None where there are none."""
    if not values:
        return None
    made = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(made, name, value)
    return made


def new_client_id() -> str:
    """An id of the length that every broker takes."""
    return f"ss{uuid.uuid4().hex[:20]}"


def forget_session(settings: Settings, client_id: str, within_s: float) -> None:
    """Have the broker of MQTT 3 drop a session, which only a further connection can ask for.

    :raises ConnectionError: the broker did not answer
    """
    client = Client(settings, client_id, clean=True)
    client.will_clear()
    end = time.monotonic() + within_s
    try:
        client.begin()
        while not client.is_connected():
            if client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS or time.monotonic() > end:
                raise unreachable(settings, client.complaints.last or "no answer")
    finally:
        client.disconnect()


def unreachable(settings: Settings, why: object) -> errors.ConnectionError:
    """The error for a broker that cannot be connected to."""
    if isinstance(why, ssl.SSLCertVerificationError):
        why = f"its certificate is not accepted: {why.verify_message}"
    return errors.ConnectionError(f"mqtt: cannot connect to {settings.broker}: {why}")


def refused(settings: Settings, what: str, reason: ReasonCode) -> errors.SinetError:
    """The error for what the broker answered with a reason code that means failure."""
    kind = errors.AuthorizationError if reason.value in FORBIDDEN else errors.ConnectionError
    user = "" if settings.username is None else f" for user {settings.username!r}"
    return kind(f"mqtt: {settings.broker} refused {what}{user}: {reason}")
