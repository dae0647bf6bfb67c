"""paho's client, set up as the parameters say, with some mistakes mended and a detour cut short."""

from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk.failures import LastError

PLAIN = ReasonCode(PacketTypes.PUBACK), Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]
"""What an acknowledgement says that says nothing more."""
RECEIVED = mqtt.mqtt_ms_wait_for_pubcomp, mqtt.mqtt_ms_resend_pubrel
"""The states of a message of QoS 2 that the broker has."""


class Client(mqtt.Client):
    """A client of one broker, which connects when :meth:`reconnect` is called."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            None if settings.v5 else settings.clean,
            protocol=getattr(mqtt, settings.protocol),
            transport=settings.transport,
            reconnect_on_failure=False,
            manual_ack=settings.qos == 1,
        )
        self.last_error = LastError("paho")  # why a connection was lost is told nowhere else
        self.enable_logger(self.last_error)
        self.connect_timeout = min(settings.connection_timeout, 5.0)
        self.max_inflight_messages_set(settings.max_inflight)
        self.ws_set_options(settings.ws_path, settings.ws_headers)
        self.username_pw_set(settings.username, settings.password)
        if settings.tls is not None:
            self.tls_set_context(settings.tls.context())
        if settings.will is not None:
            self.will_set(**settings.will)
        v5: dict[str, Any] = {}
        if settings.v5:
            v5 = {"clean_start": settings.clean, "properties": settings.properties}
        self.connect_async(settings.broker.host, settings.broker.port, settings.keepalive, **v5)

    def forget(self, mid: int) -> bool:
        """Send a message no more, unless the broker has received it and only awaits PUBREL."""
        with self._out_message_mutex:
            message = self._out_messages.get(mid)
            if message is not None and message.state not in RECEIVED:
                del self._out_messages[mid]
            return mid not in self._out_messages

    def forget_received(self) -> list[int]:
        """Release nothing of what the broker had received; gives the numbers."""
        with self._out_message_mutex:
            mids = [mid for mid, m in self._out_messages.items() if m.state in RECEIVED]
            for mid in mids:
                del self._out_messages[mid]
            return mids

    def _sock_send(self, buf: bytes | bytearray) -> int:
        # Of a websocket's frame that has been sent in part paho would forget the packet.
        sent = super()._sock_send(buf)
        if not sent:
            raise BlockingIOError
        return sent

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

    def _handle_pubrel(self) -> MQTTErrorCode:
        # Only QoS 1 is acknowledged by hand; where that is asked for, paho leaves out QoS 2's, too.
        by_hand, self._manual_ack = self._manual_ack, False
        try:
            return super()._handle_pubrel()
        finally:
            self._manual_ack = by_hand

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        # paho 2 makes objects of MQTT 5's code and properties even where an acknowledgement has
        # none, which takes as long as all else that is done for it.
        packet = self._in_packet["packet"]
        if len(packet) != 2:
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet)
        with self._out_message_mutex:
            known = mid in self._out_messages
            return self._do_on_publish(mid, *PLAIN) if known else MQTTErrorCode.MQTT_ERR_SUCCESS
