"""The harness of plugins that only read or only write: it sends and receives past the plugin."""

from __future__ import annotations

from sinetstream_broken.broker import Subscription
from sinetstream_broken.correct import MemoryHarness


class OneRoleHarness(MemoryHarness):
    """Stands at the other end of the shared queue."""

    def __init__(self) -> None:
        self._listening: dict[str, Subscription] = {}

    def publish(self, topic: str, payload: bytes) -> None:
        self.broker.put(topic, payload)

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        if topic not in self._listening:
            self._listening[topic] = self.broker.subscribe((topic,))
        letter = self.broker.take(self._listening[topic], timeout_s)
        return None if letter is None else letter.payload

    def stop(self) -> None:
        for subscription in self._listening.values():
            self.broker.unsubscribe(subscription)
        self._listening.clear()
