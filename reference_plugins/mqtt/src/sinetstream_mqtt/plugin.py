"""The four roles; each ``open()`` makes a connection of its own, which ``close()`` ends."""

from typing import Any

from sinetstream_mqtt.links import Publication, Subscription
from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk.linked import LinkedAsyncWriter, LinkedReader, LinkedSender, LinkedWriter
from sinetstream_sdk.polling import PollingAsyncReader


class MqttReader(LinkedReader):
    """Receives from the topics, or filters with wildcards, that ``topics`` or ``topic`` names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings.of(self.params, reads=True)

    def _make_link(self) -> Subscription:
        return Subscription(self._settings, self._topics)


class MqttAsyncReader(PollingAsyncReader):
    """Delivers what a :class:`MqttReader` receives to ``on_message``, then acknowledges it."""

    reader_class = MqttReader


class MqttSender(LinkedSender):
    """What the two writers have in common."""

    largest_payload = 268_435_455

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings.of(self.params, reads=False)

    def _make_link(self) -> Publication:
        return Publication(self._settings, self._topic)


class MqttWriter(MqttSender, LinkedWriter):
    """Sends to the topic named by ``topic``, and waits until the broker has the message."""


class MqttAsyncWriter(MqttSender, LinkedAsyncWriter):
    """Sends to the topic named by ``topic`` and returns promises."""
