"""paho's client, set up as the parameters say, and what its reasons come to as errors."""

import logging
import ssl
import time
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk import errors

FORBIDDEN = (0x80, 0x86, 0x87, 0x8C)  # MQTT 3.1.1 has no other code for a refused subscription


class Complaints(logging.Logger):
    """Keeps the last error that paho logs: why it lost a connection is told nowhere else."""

    last = ""

    def handle(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


class TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class Client(mqtt.Client):
    """A client of one broker; ``clean`` has the broker begin a new session each time."""

    def __init__(self, settings: Settings, client_id: str, clean: bool) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            None if settings.v5 else clean,
            protocol=getattr(mqtt, settings.protocol),
            transport=settings.transport,  # type: ignore[arg-type]
            reconnect_on_failure=False,
            manual_ack=settings.qos == 1,
        )
        self.complaints = Complaints("paho", logging.ERROR)
        self.enable_logger(self.complaints)
        self.connect_timeout = min(settings.connection_timeout, 5.0)
        self.max_inflight_messages_set(settings.max_inflight)
        self.ws_set_options(settings.ws_path, settings.ws_headers)
        self.username_pw_set(settings.username, settings.password)
        if settings.tls is not None:
            context = settings.tls.context()
            context.sslsocket_class = TlsSocket
            self.tls_set_context(context)
        if settings.will is not None:
            self.will_set(**settings.will)
        v5: dict[str, Any] = {}
        if settings.v5:
            v5 = {"clean_start": clean, "properties": settings.properties}
        self.connect_async(settings.broker.host, settings.broker.port, settings.keepalive, **v5)

    def _messages_reconnect_reset_out(self) -> None:
        # A second attempt to reconnect has paho 2.2 forget that a message was received already, and
        # publish it once more where only PUBREL is due: EXACTLY_ONCE would repeat it.
        due = mqtt.mqtt_ms_resend_pubrel
        received = [m for m in self._out_messages.values() if m.state == due]
        super()._messages_reconnect_reset_out()
        for message in received:
            message.state = due

    def _handle_pubrec(self) -> MQTTErrorCode:
        # paho takes a refusal of QoS 2 for consent, so that what is lost would count as delivered.
        refusal = self._in_packet["packet"][2:3] >= b"\x80"
        return self._handle_pubackcomp("PUBACK") if refusal else super()._handle_pubrec()


def forget_session(settings: Settings, client_id: str, within_s: float) -> None:
    """Have a broker of MQTT 3 drop a session, which only a further connection can ask for.

    :raises ConnectionError: the broker did not answer
    """
    client = Client(settings, client_id, clean=True)
    client.will_clear()
    end = time.monotonic() + within_s
    try:
        client.reconnect()
        while not client.is_connected():
            if client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS or time.monotonic() > end:
                raise unreachable(settings, client.complaints.last or "no answer")
    except (OSError, ValueError) as error:
        raise unreachable(settings, error) from error
    finally:
        client.disconnect()


def unreachable(settings: Settings, why: object) -> errors.ConnectionError:
    """The error for a broker that cannot be connected to."""
    if isinstance(why, ssl.SSLCertVerificationError):
        why = f"its certificate is not accepted: {why.verify_message}"
    return errors.ConnectionError(f"mqtt: cannot connect to {settings.broker}: {why}")


def refused(settings: Settings, what: str, reason: ReasonCode) -> errors.SinetError:
    """The error for what the broker answered with a reason that means failure."""
    kind = errors.AuthorizationError if reason.value in FORBIDDEN else errors.ConnectionError
    user = "" if settings.username is None else f" for user {settings.username!r}"
    return kind(f"mqtt: {settings.broker} refused {what}{user}: {reason}")
