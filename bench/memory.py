"""The in-memory plugin under both hosts, and the loops that are measured."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

waiting: deque[bytes] = deque()


class MemoryPlugin:
    """Reader and writer over one deque; it does as little as a plugin can."""

    def __init__(self, confver: Any, params: Any) -> None:
        """Take what both hosts pass, and keep nothing of it."""

    def open(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def metrics(self) -> None:
        """Return nothing."""

    def reset_metrics(self) -> None:
        """Do nothing."""

    def publish(self, message: bytes) -> None:
        """Keep one message."""
        waiting.append(message)

    def __iter__(self) -> Iterator[tuple[bytes, str, Any]]:
        return self

    def __next__(self) -> tuple[bytes, str, Any]:
        message = waiting.popleft()
        return message, "t", message


class _EntryPoint:
    @staticmethod
    def load() -> type:
        return MemoryPlugin


def host(name: str) -> tuple[Any, Any]:
    """The writer and the reader class of a host, with the plugin registered as ``memory``."""
    if name == "published":
        import sinetstream

        sinetstream.MessageReader.registry.register("memory", _EntryPoint)
        sinetstream.MessageWriter.registry.register("memory", _EntryPoint)
        return sinetstream.MessageWriter, sinetstream.MessageReader
    from sinetstream_sdk.host import MessageReader, MessageWriter
    from sinetstream_sdk.registry import default_registry
    from sinetstream_sdk.roles import Role

    registry = default_registry()
    registry.register(Role.READER, "memory", MemoryPlugin)
    registry.register(Role.WRITER, "memory", MemoryPlugin)
    return MessageWriter, MessageReader


def round_trip(
    classes: tuple[Any, Any], params: dict[str, Any], payload: bytes
) -> Callable[[], Any]:
    """One publish and one read through a host."""
    writer_class, reader_class = classes
    common = {"type": "memory", "no_config": True, **params}
    writer = writer_class(topic="t", **common).open()
    reader = iter(reader_class(topics="t", **common).open())
    publish = writer.publish

    def once() -> Any:
        publish(payload)
        return next(reader)

    assert once().value == payload
    return once


def plugin_alone(payload: bytes) -> Callable[[], Any]:
    """The plugin's own part of a round trip."""
    plugin = MemoryPlugin(None, None)

    def once() -> Any:
        plugin.publish(payload)
        return next(plugin)

    return once


HEAD = bytes.fromhex("df0300000000c3011f9c0c91eb33664f")


def by_hand(payload: bytes) -> Callable[[], Any]:
    """The same bytes put together and taken apart with no host, as plainly as anybody would."""

    def varint(value: int) -> bytes:
        value = value << 1
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
        return bytes(out)

    def read_varint(data: bytes, at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value >> 1, at
            shift += 7

    def once() -> Any:
        data = HEAD + varint(time.time_ns() // 1000) + varint(len(payload)) + payload
        struct.unpack_from(">IH", data)
        if data[:16] != HEAD:
            raise ValueError(data[:16])
        timestamp, at = read_varint(data, 16)
        length, at = read_varint(data, at)
        return data[at : at + length], timestamp

    assert once()[0] == payload
    return once
