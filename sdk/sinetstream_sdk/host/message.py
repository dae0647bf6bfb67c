"""What a reader yields."""

from __future__ import annotations

from typing import Any

__all__ = ["Message"]


class Message:
    """One message: its value, where it came from, and when it was sent."""

    __slots__ = ("raw", "timestamp_us", "topic", "value")

    NOTSTAMP = 0
    """The time stamp of a message that has none."""

    def __init__(self, value: Any, topic: str, timestamp_us: int, raw: Any) -> None:
        self.value = value
        self.topic = topic
        self.timestamp_us = timestamp_us
        self.raw = raw

    @property
    def timestamp(self) -> float:
        """When it was sent, in seconds since the epoch; 0 if that is not known."""
        return self.timestamp_us / 1_000_000

    def __repr__(self) -> str:
        return (
            f"Message(value={self.value!r}, topic={self.topic!r}, "
            f"timestamp_us={self.timestamp_us}, raw={self.raw!r})"
        )
