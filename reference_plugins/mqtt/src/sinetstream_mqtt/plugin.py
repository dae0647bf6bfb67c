"""The four roles; each ``open()`` makes a connection of its own, which ``close()`` ends."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from paho.mqtt.client import MQTTMessage

from sinetstream_mqtt.connection import Connection
from sinetstream_mqtt.parameters import Settings
from sinetstream_mqtt.traffic import Publication, Subscription
from sinetstream_sdk import errors
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.promises import SafePromise
from sinetstream_sdk.spi import (
    Plugin,
    PluginAsyncMessageWriter,
    PluginMessageReader,
    PluginMessageWriter,
)

C = TypeVar("C", bound=Connection)
LARGEST = 268_435_455
GRACE_S = 5.0


class Connecting(Plugin, Generic[C]):
    """What the roles have in common: at most one connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings(self.params)
        self._connection: C | None = None

    def _connect(self) -> C:
        raise NotImplementedError

    def open(self) -> None:
        if self._connection is not None:
            raise errors.AlreadyConnectedError("mqtt: this is open; call close() first")
        connection = self._connect()
        connection.open()
        self._connection = connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open_connection(self) -> C:
        if self._connection is None:
            raise errors.ConnectionError("mqtt: this is not open; call open() first")
        return self._connection


class Messages(Iterator[tuple[bytes, str, MQTTMessage]]):
    """Each ``next()`` waits the whole time anew; once over, it is over for good."""

    def __init__(self, subscription: Subscription | None, timeout_s: float | None) -> None:
        self._subscription, self._timeout_s, self._over = subscription, timeout_s, False

    def __next__(self) -> tuple[bytes, str, MQTTMessage]:
        if self._subscription is None:
            raise errors.ConnectionError("mqtt: this reader is not open; call open() first")
        message = None if self._over else self._subscription.take(self._timeout_s)
        if message is None:
            self._over = True
            raise StopIteration
        return bytes(message.payload), message.topic, message


class MqttReader(Connecting[Subscription], PluginMessageReader):
    """Receives from the topics, or filters with wildcards, that ``topics`` or ``topic`` names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topics = self.params.topics()
        for topic in self._topics:
            parts = topic.split("/")
            strays = [part for part in parts if len(part) > 1 and ("+" in part or "#" in part)]
            if strays or "#" in parts[:-1] or len(topic.encode()) > 65535:
                name = "topic" if self.params.get("topics") is None else "topics"
                raise self.params.invalid(name, "topics with '+' and a last '#' as whole levels")
        self._timeout_s = self.params.receive_timeout_s()

    def _connect(self) -> Subscription:
        return Subscription(self._settings, self._topics)

    def __iter__(self) -> Messages:
        return Messages(self._connection, self._timeout_s)


class Publishing(Connecting[Publication]):
    """What the two writers have in common."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()
        if "+" in self._topic or "#" in self._topic or len(self._topic.encode()) > 65535:
            raise self.params.invalid("topic", "a topic of at most 65535 bytes without '+' and '#'")

    def _connect(self) -> Publication:
        return Publication(self._settings, self._topic)

    def _send(self, message: object) -> SafePromise[None]:
        if not isinstance(message, bytes) or len(message) > LARGEST:
            given = f"{len(message)} bytes" if isinstance(message, bytes) else f"{type(message)}"
            text = f"mqtt: publish() takes at most {LARGEST} bytes; {given} was given"
            raise errors.InvalidArgumentError(text, parameter="message")
        return self._open_connection().send(bytes(message))  # a subclass may carry more


class MqttWriter(Publishing, PluginMessageWriter):
    """Sends to the topic named by ``topic``, and waits until the broker has the message."""

    def publish(self, message: bytes) -> None:
        """Send one message.

        :raises ConnectionError: it was not confirmed within ``publish_timeout``
        """
        self._send(message).get(self._settings.publish_timeout + GRACE_S)


class MqttAsyncReader(PollingAsyncReader):
    """Delivers what a :class:`MqttReader` receives to ``on_message``, then confirms it."""

    reader_class = MqttReader


class MqttAsyncWriter(Publishing, PluginAsyncMessageWriter):
    """Sends to the topic named by ``topic`` and returns promises."""

    def publish(self, message: bytes) -> SafePromise[None]:
        return self._send(message)
