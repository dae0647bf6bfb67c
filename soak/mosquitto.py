"""The MQTT plugin on mosquitto, which is stopped in order: it seldom saves its state otherwise."""

from __future__ import annotations

import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_mqtt.plugin import MqttAsyncReader, MqttAsyncWriter, MqttWriter
from sinetstream_sdk.consistency import Consistency
from soak.run import Site

__all__ = ["MosquittoSite"]


class MosquittoSite(Site):
    """One node with persistence, and a reader whose session the broker keeps.

    :param folder: where the broker's data and log stay; without one, they are removed in the end
    :param settings: lines of mosquitto's configuration, instead of ours or beside them
    """

    reader, writer, async_writer = MqttAsyncReader, MqttWriter, MqttAsyncWriter

    def __init__(
        self,
        protocol: str = "MQTTv311",
        folder: str | None = None,
        **settings: str,
    ) -> None:
        where = None if folder is None else Path(folder)
        self._broker = Mosquitto(where, settings={"autosave_interval": "60", **settings})
        self._protocol = protocol
        self._topic = f"soak-{uuid.uuid4().hex[:8]}"

    def describe(self) -> str:
        return f"mosquitto {Mosquitto.version()}, {self._protocol}"

    def params(self, guarantee: Consistency, reads: bool) -> dict[str, Any]:
        specific: dict[str, Any] = {
            "protocol": self._protocol,
            "publish_timeout": 120,
            "recovery_timeout": 60,
            "reconnect_delay": {"min_delay": 0.05, "max_delay": 0.5},
        }
        common = {
            "brokers": self._broker.address,
            "topic": self._topic,
            "consistency": guarantee.name,
            "type_spec": specific,
        }
        return common | ({"client_id": f"{self._topic}-reader"} if reads else {})

    def restart(self) -> None:
        self._broker.restart()

    def __enter__(self) -> Self:
        self._broker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._broker.close()
