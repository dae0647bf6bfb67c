"""From values to the bytes on the wire and back, as the parameters of one service say.

Everything that depends on the parameters is decided when an :class:`Encoder` or :class:`Decoder`
is built, so that a message costs its own bytes only. Both may be used by several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sinetstream_sdk.errors import InvalidArgumentError, InvalidMessageError
from sinetstream_sdk.host import avro, packet, valuetype
from sinetstream_sdk.host.limits import Limits

if TYPE_CHECKING:
    from sinetstream_sdk.host.crypto import Opener
    from sinetstream_sdk.host.keys import Budget

__all__ = ["Decoder", "Encoder"]


class _Layout:
    """Which envelope the messages of a service have."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.encrypted = _switch(params, "data_encryption")
        self.bare = _switch(params, "user_data_only")
        self.compressed = _switch(params, "data_compression")
        version = params.get("message_format", 3)
        if version not in (2, 3) or isinstance(version, bool):
            raise InvalidArgumentError(
                f"message_format must be 2 or 3; {version!r} was given. Formats 0 and 1 are had "
                "with user_data_only: true, without and with data_encryption",
                parameter="message_format",
            )
        self.headed = not self.bare and version == 3


def _switch(params: Mapping[str, Any], name: str) -> bool:
    value = params.get(name, False)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidArgumentError(
            f"{name} must be true or false; {type(value).__name__} {value!r:.40} was given",
            parameter=name,
        )
    return value


class Encoder:
    """Turns values into messages."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Prepare everything, a derived key included.

        :raises InvalidArgumentError: a wrong parameter, or an optional library is missing
        """
        layout = _Layout(params)
        self._serialize = valuetype.serializer(params)
        self._compress: Callable[[bytes], bytes] | None = None
        if layout.compressed:
            from sinetstream_sdk.host.compression import compressor

            self._compress = compressor(params)
        self._seal: Callable[[bytes], bytes] | None = None
        version = packet.NOT_ENCRYPTED
        if layout.encrypted:
            from sinetstream_sdk.host.crypto import Sealer

            sealer = Sealer(params)
            self._seal, version = sealer.seal, sealer.key_version
        self._head = packet.head(version) if layout.headed else b""
        # An encrypted message has its head outside of what is encrypted.
        before = b"" if layout.encrypted else self._head
        self._pack = None if layout.bare else avro.packer(before)

    def encode(self, value: Any, timestamp_us: int) -> bytes:
        """The message for ``value``.

        :param timestamp_us: microseconds since the epoch
        :raises InvalidMessageError: ``value`` cannot be serialised
        """
        return self.encode_sized(value, timestamp_us)[0]

    def encode_sized(self, value: Any, timestamp_us: int) -> tuple[bytes, int, int]:
        """The message, and how many bytes its payload has with and without compression.

        :raises InvalidMessageError: ``value`` cannot be serialised
        """
        if self._serialize is not None:
            value = self._serialized(value)
        elif not isinstance(value, bytes):
            raise InvalidMessageError(
                f"a value of the type byte_array must be bytes; a {type(value).__name__} was "
                "given. Set value_type, or value_serializer"
            )
        size = compressed_size = len(value)
        if self._compress is not None:
            value = self._compressed(value)
            compressed_size = len(value)
        if self._pack is not None:
            value = self._pack(value, timestamp_us)
        if self._seal is not None:
            value = self._head + self._seal(value)
        return value, compressed_size, size

    def _serialized(self, value: Any) -> bytes:
        assert self._serialize is not None
        try:
            data = self._serialize(value)
        except Exception as error:
            raise InvalidMessageError(
                f"the value, a {type(value).__name__}, cannot be serialised: "
                f"{type(error).__name__}; its value_type or value_serializer refused it"
            ) from error
        if not isinstance(data, bytes):
            raise InvalidMessageError(
                f"the serialiser must return bytes; it returned a {type(data).__name__}"
            )
        return data

    def _compressed(self, data: bytes) -> bytes:
        assert self._compress is not None
        try:
            result = self._compress(data)
        except Exception as error:
            raise InvalidMessageError(
                f"the payload of {len(data)} bytes cannot be compressed: {error}"
            ) from error
        if not isinstance(result, bytes):
            raise InvalidMessageError(
                f"the compressor must return bytes; it returned a {type(result).__name__}"
            )
        return result


class Decoder:
    """Turns messages into values. Whatever arrives, it raises nothing else than it says."""

    def __init__(self, params: Mapping[str, Any], budget: Budget | None = None) -> None:
        """Prepare everything but the keys, which depend on the messages' salts.

        :raises InvalidArgumentError: a wrong parameter, or an optional library is missing
        """
        layout = _Layout(params)
        limits = Limits.of(params)
        self._deserialize = valuetype.deserializer(params)
        self._decompress: Callable[[bytes], bytes] | None = None
        if layout.compressed:
            from sinetstream_sdk.host.compression import decompressor

            self._decompress = decompressor(params, limits.uncompressed_bytes)
        self._opener: Opener | None = None
        if layout.encrypted:
            from sinetstream_sdk.host.crypto import Opener

            self._opener = Opener(params, limits, budget)
        self._bare = layout.bare
        self._headed = layout.headed
        self._quick = self._quick_inner = None
        if layout.encrypted:
            self._quick_inner = avro.quick_unpacker()
        elif not layout.bare:
            head = packet.head(packet.NOT_ENCRYPTED) if layout.headed else b""
            self._quick = avro.quick_unpacker(head)

    def decode(self, data: bytes) -> tuple[Any, int]:
        """The value of a message and its time stamp, in microseconds since the epoch.

        A message without a time stamp (``user_data_only``) has that of ``data``, where the
        messaging system kept one, or 0.

        :raises InvalidMessageError: it is malformed, altered, too large, or of another format
        """
        return self.decode_sized(data)[:2]

    def decode_sized(self, data: bytes) -> tuple[Any, int, int, int]:
        """The value, the time stamp, and the payload's bytes with and without compression.

        :raises InvalidMessageError: it is malformed, altered, too large, or of another format
        """
        if not isinstance(data, bytes):
            raise InvalidMessageError(
                f"a payload must be bytes; the plugin delivered a {type(data).__name__}"
            )
        unpacked = None if self._quick is None else self._quick(data)
        payload, timestamp = unpacked or self._unwrap(data)
        size = compressed_size = len(payload)
        if self._decompress is not None:
            payload = self._decompress(payload)
            size = len(payload)
        if self._deserialize is not None:
            return self._deserialized(payload), timestamp, compressed_size, size
        return payload, timestamp, compressed_size, size

    def _unwrap(self, data: bytes) -> tuple[bytes, int]:
        """The payload, still compressed, and the time stamp of any message."""
        opener = self._opener
        version = packet.key_version(data) if self._headed else None
        at = 0
        if version is not None:
            at = packet.HEAD_LENGTH
            if (version == packet.NOT_ENCRYPTED) is (opener is not None):
                raise InvalidMessageError(_encryption_problem(version))
        if opener is None:
            if self._bare:
                return bytes(data), getattr(data, "timestamp", 0)
            return avro.unpack(data, at)
        body = opener.open(data[at:], opener.max_version if version is None else version)
        if self._bare:
            return body, getattr(data, "timestamp", 0)
        assert self._quick_inner is not None
        return self._quick_inner(body) or avro.unpack(body)

    def _deserialized(self, payload: bytes) -> Any:
        assert self._deserialize is not None
        try:
            return self._deserialize(payload)
        except Exception as error:
            raise InvalidMessageError(
                f"the payload of {len(payload)} bytes cannot be deserialised: "
                f"{type(error).__name__}; its value_type or value_deserializer refused it"
            ) from error


def _encryption_problem(version: int) -> str:
    if version == packet.NOT_ENCRYPTED:
        return "the message is not encrypted, and this reader takes encrypted messages only"
    return (
        f"the message is encrypted (key version {version}), and data_encryption is off in this "
        "reader"
    )
