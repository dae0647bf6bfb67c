"""The interfaces of the two smaller kinds of plugin: value types and compressions.

They are found under the entry-point groups ``sinetstream.value_type`` and
``sinetstream.compression``, by the name that the parameters ``value_type`` and
``compression.algorithm`` give. Inheriting is optional: the check is structural.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any

__all__ = ["PluginCompression", "PluginMessage", "PluginValueType"]


class PluginMessage(bytes):
    """The payload that the host hands to a writer's ``publish``: bytes that know their time."""

    timestamp: int
    """When the message was published, in microseconds since the epoch."""

    def set_timestamp(self, timestamp: int) -> None:
        """Set :attr:`timestamp`, in microseconds since the epoch."""
        self.timestamp = timestamp


def _has(subclass: type, *members: str) -> bool:
    return all(any(name in each.__dict__ for each in subclass.__mro__) for name in members)


class PluginValueType(metaclass=ABCMeta):
    """Turns values into bytes and back. It is built with ``value_type.args`` as keywords."""

    @property
    @abstractmethod
    def serializer(self) -> Callable[[Any], bytes] | None:
        """Turns one value into bytes; None where values are bytes already."""

    @property
    @abstractmethod
    def deserializer(self) -> Callable[[bytes], Any] | None:
        """Turns bytes into a value; None where values are bytes already."""

    @classmethod
    def __subclasshook__(cls, subclass: type) -> Any:
        if cls is not PluginValueType:
            return NotImplemented
        if _has(subclass, "serializer", "deserializer"):
            return True
        return NotImplemented


class PluginCompression(metaclass=ABCMeta):
    """Compresses payloads. It is built with the keywords ``level`` and ``params``.

    A class that also has ``bounded_decompressor``, a property yielding a function of the data and
    the largest number of bytes it may return, is asked for that one by this SDK's host. Otherwise
    the host can only measure what came out after the memory has been taken.
    """

    @property
    @abstractmethod
    def compressor(self) -> Callable[[bytes], bytes]:
        """Compresses one payload."""

    @property
    @abstractmethod
    def decompressor(self) -> Callable[[bytes], bytes]:
        """Restores one payload."""

    @classmethod
    def __subclasshook__(cls, subclass: type) -> Any:
        if cls is not PluginCompression:
            return NotImplemented
        if _has(subclass, "compressor", "decompressor"):
            return True
        return NotImplemented
