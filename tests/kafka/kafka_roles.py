"""Opening roles of the Kafka plugin, and waiting for what comes of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.spi import Plugin

WITHIN_S = 15.0
BACK_S = 120
"""How long a broker that was killed may take until it has answered for everything."""

R = TypeVar("R", bound=Plugin)


def fresh(name: str = "topic") -> str:
    """A topic, a group or a client id that nobody has used yet."""
    return f"test-{name}-{uuid.uuid4().hex[:8]}"


def given(broker: Any, topic: str, consistency: str = "AT_LEAST_ONCE", **spec: Any) -> Any:
    """Parameters as a host passes them, in version 3."""
    return {
        "service": "test",
        "type": "kafka",
        "brokers": getattr(broker, "address", broker),
        "topic": topic,
        "consistency": consistency,
        "receive_timeout_ms": 5000,
        "type_spec": {
            "fetch_max_wait_ms": 20,
            "reconnect_backoff_ms": 20,
            "reconnect_backoff_max_ms": 500,
            **spec,
        },
    }


@contextmanager
def opened(cls: type[R], params: Any) -> Iterator[R]:
    """An open instance, closed in the end."""
    role = cls(ConfigVersion(3), params)
    role.open()
    try:
        yield role
    finally:
        role.close()


def wait_until(condition: Callable[[], object], within_s: float = WITHIN_S) -> bool:
    """Whether a condition comes to hold in time."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() >= end:
            return bool(condition())
        time.sleep(0.01)
    return True


def take(reader: Any, count: int) -> list[bytes]:
    """Up to ``count`` payloads; fewer if no further one comes within ``receive_timeout_ms``."""
    found: list[bytes] = []
    messages = iter(reader)
    while len(found) < count:
        message = next(messages, None)
        if message is None:
            break
        found.append(message[0])
    return found
