"""The four roles; each ``open()`` makes a connection of its own, which ``close()`` ends."""

from typing import Any

from sinetstream_mqtt.links import Publication, Subscription
from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk.linked import LinkedAsyncWriter, LinkedReader, LinkedWriter
from sinetstream_sdk.polling import PollingAsyncReader

LARGEST = 268_435_455


class MqttReader(LinkedReader):
    """Receives from the topics, or filters with wildcards, that ``topics`` or ``topic`` names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings(self.params, reads=True)

    def _make_link(self) -> Subscription:
        return Subscription(self._settings, self._topics)


class MqttWriter(LinkedWriter):
    """Sends to the topic named by ``topic``, and waits until the broker has the message."""

    largest_payload = LARGEST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings(self.params, reads=False)

    def _make_link(self) -> Publication:
        return Publication(self._settings, self._topic)


class MqttAsyncReader(PollingAsyncReader):
    """Delivers what a :class:`MqttReader` receives to ``on_message``, then acknowledges it."""

    reader_class = MqttReader


class MqttAsyncWriter(LinkedAsyncWriter):
    """Sends to the topic named by ``topic`` and returns promises."""

    largest_payload = LARGEST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = Settings(self.params, reads=False)

    def _make_link(self) -> Publication:
        return Publication(self._settings, self._topic)
