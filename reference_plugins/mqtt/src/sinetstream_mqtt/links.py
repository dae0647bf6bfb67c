"""A connection to an MQTT broker, which is kept up, and what goes over it."""

import logging
from collections.abc import Sequence
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.client import Client
from sinetstream_mqtt.parameters import Settings, packed
from sinetstream_sdk import errors
from sinetstream_sdk.link import Link
from sinetstream_sdk.linked import ReadingLink, WritingLink
from sinetstream_sdk.outbox import Outbox

logger = logging.getLogger(__name__)

FORBIDDEN = (0x80, 0x86, 0x87, 0x8C)  # MQTT 3.1.1 has no other code for a refused subscription

AT_ONCE = 20
"""How many messages are read before anything else is seen to; brokers like to send so many."""


class MqttLink(Link):
    """What reading and writing have in common."""

    client: Client

    def __init__(self, settings: Settings, topics: Sequence[str] = (), **more: Any) -> None:
        super().__init__(
            f"the MQTT broker {settings.broker}",
            open_timeout_s=settings.connection_timeout,
            recovery_timeout_s=settings.recovery_timeout,
            delays_s=settings.delays,
            reconnects=settings.reconnect,
            **more,
        )
        self.awaited = "no CONNACK"
        self.settings, self.topics = settings, topics
        self.client = Client(settings)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        self.connections, self.subscribed = 0, False

    def _connect(self, again: bool) -> None:
        self.client.last_error.text = ""
        self.client.reconnect()

    def _socket(self) -> Any:
        return self.client.socket()

    def _wants_write(self) -> bool:
        return self.client.want_write()

    def _serve(self, readable: bool, writable: bool) -> None:
        if readable:
            self._read()
        if writable:
            self.client.loop_write()
        self.client.loop_misc()

    def _read(self) -> None:
        self.client.loop_read()

    def _disconnect(self) -> None:
        resumed, v5 = self.settings.resumes and self.connections > 0, self.settings.v5
        ends = {"SessionExpiryInterval": 0} if resumed and v5 else {}
        self.client.on_disconnect = None
        self.client.disconnect(properties=packed(PacketTypes.DISCONNECT, **ends))
        del self.client
        if resumed and not v5:  # MQTT 3 has but this way to drop a session
            further = MqttLink(self.settings.forgetting())
            try:
                further.open()
                further.close()
            except errors.SinetError as error:
                session = self.settings.client_id
                logger.warning("the broker may keep session %r: %s", session, error)

    def refused(self, what: str, reason: ReasonCode) -> errors.SinetError:
        """The error for what the broker answered with a reason that means failure."""
        kind = errors.AuthorizationError if reason.value in FORBIDDEN else errors.ConnectionError
        name = self.settings.username
        user = "" if name is None else f" for user {name!r}"
        return kind(f"{self.broker} refused {what}{user}: {reason}")

    def _begin(self, resumed: bool, told: Any) -> None:
        """What a connection means for messages, be it to the same session or to a new one."""

    def _on_connect(self, client: Any, _: Any, flags: Any, reason: ReasonCode, told: Any) -> None:
        qos = self.settings.qos
        if reason.is_failure:
            self._went_down(self.refused("the connection", reason))
            return
        self.connections += 1
        self.subscribed = self.subscribed and flags.session_present
        silent = self.settings.protocol == "MQTTv31" and not self.settings.clean
        self._begin(flags.session_present or silent, told)
        if getattr(told, "MaximumQoS", 2) < qos:
            self._went_down(errors.ConnectionError(f"{self.broker} has no QoS {qos}"))
            client.disconnect()
        elif self.topics and not self.subscribed:
            self.awaited = "no SUBACK"
            client.subscribe([(topic, qos) for topic in self.topics])
        else:
            self._came_up()

    def _on_subscribe(
        self, client: Any, _: Any, __: int, codes: list[ReasonCode], ___: Any
    ) -> None:
        for topic, code in zip(self.topics, codes, strict=True):
            if code.is_failure or code.value < self.settings.qos:
                self._went_down(self.refused(f"QoS {self.settings.qos} of {topic!r}", code))
                client.disconnect()
                return
        self.subscribed = True
        self._came_up()

    def _on_disconnect(self, client: Any, _: Any, flags: Any, reason: ReasonCode, __: Any) -> None:
        told = flags.is_disconnect_packet_from_server or "Unspecified" not in str(reason)
        why = client.last_error.text or (str(reason) if told else "the broker closed it")
        tls = self.settings.tls
        if tls and not tls.certfile and not self.connections:
            why += " (it may want a client's certificate, see 'certfile')"
        self._went_down(errors.ConnectionError(f"the connection to {self.broker} broke: {why}"))


class Subscription(MqttLink, ReadingLink):
    """Receives; a message of QoS 1 is acknowledged once the caller asks for the next one.

    Of those the broker sends only so many unacknowledged, so that they cannot pile up here.
    """

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        super().__init__(settings, topics, acknowledges=settings.qos == 1)
        self.unacknowledged: dict[int, mqtt.MQTTMessage] = {}
        self.due_again: dict[int, mqtt.MQTTMessage] = {}
        self.came = 0
        self.client.on_message = self._on_message

    def _read(self) -> None:
        # paho reads one packet at a time. To read on costs less than to ask whether there is more.
        for _ in range(AT_ONCE):
            came = self.came
            super()._read()
            if self.came == came:
                break

    def _begin(self, resumed: bool, told: Any) -> None:
        # A session that goes on has the broker send again what it holds, though the caller may have
        # done with it before that comes; in a new one the numbers are those of other messages.
        if not resumed:
            self.unacknowledged.clear()
        self.due_again = self.unacknowledged.copy()

    def unpack(self, message: mqtt.MQTTMessage) -> tuple[bytes, str, Any]:
        return bytes(message.payload), message.topic, message

    def _on_message(self, _: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        self.came += 1
        if message.qos == 1 == self.settings.qos:
            old = self.due_again.pop(message.mid, None)
            what = message.topic, message.payload
            if message.dup and old is not None and (old.topic, old.payload) == what:
                return  # acknowledged when that one is, or has been
            self.unacknowledged[message.mid] = message
        self.inbox.put(message)

    def _acknowledge(self, message: mqtt.MQTTMessage) -> None:
        if self.unacknowledged.get(message.mid) is message:
            del self.unacknowledged[message.mid]
            self.client.ack(message.mid, message.qos)


class Publication(MqttLink, WritingLink):
    """Sends, at most so many at a time as may be in flight."""

    def __init__(self, settings: Settings, topic: str) -> None:
        timeout_s, most = settings.publish_timeout, settings.max_inflight
        super().__init__(settings, outbox=Outbox[int](timeout_s, most, settings.max_queued))
        self.topic = topic
        self.largest: int | None = None
        self.overhead = len(topic.encode()) + (5 if settings.qos else 3)
        self.client.on_publish = self._on_publish

    def _connect(self, again: bool) -> None:
        # Of QoS 0 paho forgets what has not gone out. It sends the rest again, first of all what
        # the broker may have broken the connection over; that ends once nobody waits for it.
        for mid, awaited in self.outbox.given():
            if self.settings.qos == 0 or (not awaited and self.client.forget(mid)):
                lost = f"the connection to {self.broker} broke before the message was sent"
                self.outbox.answer(mid, errors.ConnectionError(lost))
        super()._connect(again)

    def _begin(self, resumed: bool, told: Any) -> None:
        # paho heeds its own limits alone, and releases in one session what another had received.
        most = getattr(told, "ReceiveMaximum", self.settings.max_inflight)
        self.outbox.in_flight = min(self.settings.max_inflight, most)
        self.largest = getattr(told, "MaximumPacketSize", None)
        for mid in () if resumed else self.client.forget_received():
            lost = f"{self.broker} lost the session; the message may have arrived or not"
            self.outbox.answer(mid, errors.ConnectionError(lost))

    def _publish(self, payload: bytes) -> int | None:
        qos = self.settings.qos
        if self.largest is not None:
            size = len(payload) + self.overhead
            size += 1 + (size.bit_length() + 6) // 7
            if size > self.largest:
                raise errors.InvalidArgumentError(
                    f"{self.broker} takes packets of at most {self.largest} bytes; "
                    f"this message makes one of {size}",
                    parameter="message",
                )
        info = self.client.publish(self.topic, payload, qos, self.settings.retain)
        return None if info.rc == mqtt.MQTT_ERR_NO_CONN and qos == 0 else info.mid

    def _on_publish(self, _: Any, __: Any, mid: int, reason: ReasonCode, ___: Any) -> None:
        error = self.refused("the message", reason) if reason.is_failure else None
        self.outbox.answer(mid, error)
