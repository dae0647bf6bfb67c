"""Any plugin, ours or an official one, through the interface that hosts call: bytes in, bytes out.

No host is in between; what that costs is measured by ``python -m bench``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from bench.brokers.counting import Arrivals, Measured


class Version3:
    """What hosts pass first: parameters of the plugin's own stand under ``type_spec``."""

    def type_spec(self) -> bool:
        """They do."""
        return True


class Contender:
    """The plugin that this environment has under a name.

    :param name: ``mqtt`` or ``kafka``
    :param broker: ``host:port``
    :param consistency: ``AT_LEAST_ONCE``, as the host of the plugin has it
    :param own: what stands under ``type_spec``, by role: reads (True) or writes (False)
    """

    def __init__(
        self, name: str, broker: str, consistency: object, own: Mapping[bool, Mapping[str, Any]]
    ) -> None:
        self._name, self._broker = name, broker
        self._consistency, self._own = consistency, own

    def _make(self, role: str, topic: str, client_id: str) -> Any:
        reads = role.endswith("reader")
        (found,) = entry_points(group=f"sinetstream.{role}", name=self._name)
        params = {
            "type": self._name,
            "service": "bench",
            "brokers": [self._broker],
            **({"client_id": client_id} if client_id else {}),
            "consistency": self._consistency,
            "receive_timeout_ms": 10_000,
            **({"topics": [topic]} if reads else {"topic": topic}),
            "type_spec": dict(self._own[reads]),
        }
        return found.load()(Version3(), params)

    @contextmanager
    def _opened(self, role: str, topic: str, client_id: str) -> Iterator[Any]:
        plugin = self._make(role, topic, client_id)
        plugin.open()
        try:
            yield plugin
        finally:
            plugin.close()

    def writer(self, topic: str, payload: bytes, count: int) -> Measured:
        """One message after the other, each confirmed."""
        with self._opened("writer", topic, "") as plugin:
            publish = plugin.publish
            publish(payload)
            start = time.perf_counter()
            for _ in range(count):
                publish(payload)
            return Measured(count, time.perf_counter() - start)

    def async_writer(self, topic: str, payload: bytes, count: int, window: int) -> Measured:
        """All of them, at most ``window`` of them unconfirmed, with a callback on each promise."""
        told = Arrivals()
        with self._opened("async_writer", topic, "") as plugin:
            publish = plugin.publish
            ready = Arrivals()
            publish(payload).then(ready.one, ready.fail)
            ready.wait(1)
            start = time.perf_counter()
            for number in range(count):
                if number - told.count >= window:
                    told.wait(number - window // 2)
                publish(payload).then(told.one, told.fail)
            told.wait(count)
            return told.since(start, count)

    def reader(self, topic: str, count: int, client_id: str) -> Measured:
        """Messages that wait at the broker, one ``next()`` after the other."""
        with self._opened("reader", topic, client_id) as plugin:
            messages = iter(plugin)
            next(messages)
            start = time.perf_counter()
            for _ in range(count - 1):
                next(messages)
            return Measured(count - 1, time.perf_counter() - start)

    def async_reader(self, topic: str, count: int, client_id: str) -> Measured:
        """Messages that wait at the broker, given to ``on_message``."""
        told = Arrivals(count)
        plugin = self._make("async_reader", topic, client_id)
        plugin.on_message = told.one
        plugin.open()
        try:
            told.wait(count)
        finally:
            plugin.close()
        return told.between(count)
