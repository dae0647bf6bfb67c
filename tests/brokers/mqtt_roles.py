"""Opening roles of the MQTT plugin, and waiting for what comes of them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.spi import Plugin

WITHIN_S = 10.0

R = TypeVar("R", bound=Plugin)


def fresh(name: str = "topic") -> str:
    """A topic, or a client id, that nobody has used yet."""
    return f"test-{name}-{uuid.uuid4().hex[:8]}"


def given(broker: object, topic: str, **specific: Any) -> dict[str, Any]:
    """Parameters as a host passes them, in version 3; quick to give up."""
    return {
        "service": "test",
        "type": "mqtt",
        "brokers": str(broker),
        "topic": topic,
        "consistency": "AT_LEAST_ONCE",
        "receive_timeout_ms": 5000,
        "type_spec": {
            "connection_timeout": 5,
            "publish_timeout": 5,
            "reconnect_delay": {"min_delay": 0.05, "max_delay": 0.5},
            **specific,
        },
    }


def build(cls: type[R], params: dict[str, Any], version: int = 3) -> R:
    """An instance, made as the published host makes it."""
    return cls(ConfigVersion(version), params)


@contextmanager
def opened(cls: type[R], params: dict[str, Any], version: int = 3) -> Iterator[R]:
    """An open instance, closed in the end."""
    role = build(cls, params, version)
    role.open()
    try:
        yield role
    finally:
        role.close()


def threads() -> list[str]:
    """Names of the threads of the plugin's links."""
    return [t.name for t in threading.enumerate() if t.name.startswith("sinetstream Mqtt")]


def wait_until(condition: Callable[[], object], within_s: float = WITHIN_S) -> bool:
    """Whether a condition comes to hold in time."""
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())
