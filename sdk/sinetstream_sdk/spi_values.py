"""The interfaces of the two smaller kinds of plugin: value types and compressions.

They are found under the entry-point groups ``sinetstream.value_type`` and
``sinetstream.compression``, by the name that the parameters ``value_type`` and
``compression.algorithm`` give. Inheriting is optional: the check is structural.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

__all__ = ["PluginCompression", "PluginMessage", "PluginValueType"]


class PluginMessage(bytes):
    """The payload that the host hands to a writer's ``publish``: bytes that know their time."""

    timestamp: int
    """When the message was published, in microseconds since the epoch."""

    def set_timestamp(self, timestamp: int) -> None:
        """Set :attr:`timestamp`, in microseconds since the epoch."""
        self.timestamp = timestamp


class _Structural(metaclass=ABCMeta):
    members: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __subclasshook__(cls, subclass: type) -> bool:
        if not cls.__dict__.get("members"):
            return NotImplemented
        return (
            all(any(name in each.__dict__ for each in subclass.__mro__) for name in cls.members)
            or NotImplemented
        )


class PluginValueType(_Structural):
    """Turns values into bytes and back. It is built with ``value_type.args`` as keywords."""

    members = ("serializer", "deserializer")

    @property
    @abstractmethod
    def serializer(self) -> Callable[[Any], bytes] | None:
        """Turns one value into bytes; None where values are bytes already."""

    @property
    @abstractmethod
    def deserializer(self) -> Callable[[bytes], Any] | None:
        """Turns bytes into a value; None where values are bytes already."""


class PluginCompression(_Structural):
    """Compresses payloads. It is built with the keywords ``level`` and ``params``.

    A class that also has ``bounded_decompressor``, a property yielding a function of the data and
    the largest number of bytes it may return, is asked for that one by this SDK's host. Otherwise
    the host can only measure what came out after the memory has been taken.
    """

    members = ("compressor", "decompressor")

    @abstractmethod
    def __init__(self, level: Any = None, params: Any = None) -> None: ...

    @property
    @abstractmethod
    def compressor(self) -> Callable[[bytes], bytes]:
        """Compresses one payload."""

    @property
    @abstractmethod
    def decompressor(self) -> Callable[[bytes], bytes]:
        """Restores one payload."""
