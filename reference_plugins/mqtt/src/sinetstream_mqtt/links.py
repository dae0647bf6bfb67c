"""A connection to an MQTT broker, which is kept up, and what goes over it."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.client import Client, forget_session, refused, unreachable
from sinetstream_mqtt.parameters import Settings, packed
from sinetstream_sdk import errors
from sinetstream_sdk.inbox import Inbox
from sinetstream_sdk.link import Link
from sinetstream_sdk.outbox import Outbox

logger = logging.getLogger(__name__)


class MqttLink(Link):
    """What reading and writing have in common."""

    client: Client

    def __init__(self, settings: Settings, topics: Sequence[str] = ()) -> None:
        super().__init__(
            f"MQTT broker {settings.broker}",
            open_timeout_s=settings.connection_timeout,
            recovery_timeout_s=settings.recovery_timeout,
            delays_s=settings.delays,
            reconnects=settings.reconnect,
        )
        self.awaited = "no CONNACK"
        self.settings, self.topics = settings, topics
        self.client_id = settings.client_id or f"ss{uuid.uuid4().hex[:20]}"
        self.client = Client(settings, self.client_id, settings.clean)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        self.connections = 0

    def _connect(self, again: bool) -> None:
        self.client.complaints.last = ""
        try:
            self.client.reconnect()
        except (OSError, ValueError) as error:
            raise unreachable(self.settings, error) from error

    def _socket(self) -> Any:
        return self.client.socket()

    def _wants_write(self) -> bool:
        return self.client.want_write()

    def _serve(self, readable: bool, writable: bool) -> None:
        if readable:
            self.client.loop_read()
        if writable:
            self.client.loop_write()
        self.client.loop_misc()

    def _disconnect(self) -> None:
        resumed, v5 = self.settings.resumes and self.connections > 0, self.settings.v5
        ends = {"SessionExpiryInterval": 0} if resumed and v5 else {}
        self.client.on_disconnect = None
        self.client.disconnect(properties=packed(PacketTypes.DISCONNECT, **ends))
        del self.client
        if resumed and not v5:
            try:
                forget_session(self.settings, self.client_id, within_s=1.0)
            except errors.SinetError as error:
                logger.warning("the broker may keep session %r: %s", self.client_id, error)

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: ReasonCode, told: Any) -> None:
        if reason.is_failure:
            self._went_down(refused(self.settings, "the connection", reason))
            return
        if getattr(told, "MaximumQoS", 2) < self.settings.qos:
            text = f"mqtt: {self.settings.broker} has no QoS {self.settings.qos}"
            self._went_down(errors.ConnectionError(text))
            client.disconnect()
            return
        self.connections += 1
        if self.topics and not (flags.session_present and self.connections > 1):
            self.awaited = "no SUBACK"
            client.subscribe([(topic, self.settings.qos) for topic in self.topics])
        else:
            self._came_up()

    def _on_subscribe(
        self, client: Any, _: Any, __: int, codes: list[ReasonCode], ___: Any
    ) -> None:
        for topic, code in zip(self.topics, codes, strict=True):
            if code.is_failure or code.value < self.settings.qos:
                what = f"QoS {self.settings.qos} of {topic!r}"
                self._went_down(refused(self.settings, what, code))
                client.disconnect()
                return
        self._came_up()

    def _on_disconnect(self, client: Any, _: Any, flags: Any, reason: ReasonCode, __: Any) -> None:
        told = flags.is_disconnect_packet_from_server or "Unspecified" not in str(reason)
        why = client.complaints.last or (str(reason) if told else "the broker closed it")
        tls = self.settings.tls
        if tls and not tls.certfile and not self.connections:
            why += " (it may want a client's certificate, see 'certfile')"
        text = f"mqtt: the connection to {self.settings.broker} broke: {why}"
        self._went_down(errors.ConnectionError(text))


class Subscription(MqttLink):
    """Receives; a message of QoS 1 is acknowledged once the caller asks for the next one.

    Of those the broker sends only so many unacknowledged, so that they cannot pile up here.
    """

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        super().__init__(settings, topics)
        self.inbox: Inbox[mqtt.MQTTMessage] = Inbox(self.gone, self._release)
        self.done: list[mqtt.MQTTMessage] = []
        self.client.on_message = self._on_message

    def close(self) -> None:
        self.inbox.close()
        super().close()

    def unpack(self, message: mqtt.MQTTMessage) -> tuple[bytes, str, Any]:
        """Payload, topic and raw message."""
        return bytes(message.payload), message.topic, message

    def _on_message(self, _: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        if message.dup and message.qos == 1:
            what = message.mid, message.topic, message.payload
            held = self.inbox.unreleased()
            if any(what == (old.mid, old.topic, old.payload) for old in held):
                return  # sent again after reconnecting; acknowledged when that one is
        self.inbox.put(message)

    def _release(self, message: mqtt.MQTTMessage) -> None:
        if message.qos == 1:
            self.done.append(message)
            self.wake()

    def _drained(self) -> bool:
        return not self.done or not self.up

    def _work(self) -> bool:
        while self.up and self.done:
            self.client.ack(self.done.pop(0).mid, 1)
        return False


class Publication(MqttLink):
    """Sends, at most so many at a time as may be in flight."""

    def __init__(self, settings: Settings, topic: str) -> None:
        super().__init__(settings)
        self.topic = topic
        timeout_s, most = settings.publish_timeout, settings.max_inflight
        self.outbox: Outbox[int] = Outbox(timeout_s, most, settings.max_queued, self.wake)
        self.client.on_publish = self._on_publish

    def close(self) -> None:
        self.outbox.close()
        super().close()

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: ReasonCode, told: Any) -> None:
        most = getattr(told, "ReceiveMaximum", self.settings.max_inflight)
        self.outbox.in_flight = min(self.settings.max_inflight, most)
        super()._on_connect(client, _, flags, reason, told)

    def _publish(self, payload: bytes) -> int | None:
        qos = self.settings.qos
        info = self.client.publish(self.topic, payload, qos, self.settings.retain)
        return None if info.rc == mqtt.MQTT_ERR_NO_CONN and qos == 0 else info.mid

    def _on_publish(self, _: Any, __: Any, mid: int, reason: ReasonCode, ___: Any) -> None:
        error = refused(self.settings, "the message", reason) if reason.is_failure else None
        self.outbox.answer(mid, error)

    def _work(self) -> bool:
        if self.up:
            self.outbox.pass_on(self._publish)
        self.outbox.settle(self.failure or f"{self.broker} does not answer")
        return self.up and self.outbox.sendable

    def _deadline(self) -> float:
        return self.outbox.deadline()

    def _drained(self) -> bool:
        return self.outbox.drained

    def _abandon(self) -> None:
        self.outbox.abandon(self.failure)
