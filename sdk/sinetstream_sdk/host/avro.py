"""The Avro part of a message: a time stamp and a payload in Avro's single-object encoding.

The schema has two fields only, a ``long`` (microseconds since the epoch) and ``bytes``, so both
directions are written out here. See ``docs/wire-format.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct

from sinetstream_sdk.errors import InvalidMessageError

MARKER = b"\xc3\x01"
"""The two bytes with which Avro's single-object encoding starts."""

FINGERPRINT = bytes.fromhex("1f9c0c91eb33664f")
"""CRC-64-AVRO of the schema, least significant byte first."""

HEAD = MARKER + FINGERPRINT
"""What every message begins with, before its two fields."""

_HEAD_LENGTH = len(HEAD)
_LONG_MIN, _LONG_MAX = -(1 << 63), (1 << 63) - 1
_MICROSECONDS = 1_000_000
# A time stamp of our days takes eight bytes. The last five hold everything above 2**20
# microseconds, so they change about once a second and are worth remembering.
_LOW_BITS = 21
_HIGH_BYTES = 5
_HIGH_MIN, _HIGH_MAX = 1 << 28, 1 << 35


def timestamp_us(seconds: float) -> int:
    """The Avro value of a time in seconds since the epoch.

    :raises InvalidMessageError: no number, not finite, or too far from the epoch for 64 bits
    """
    try:
        value = round(seconds * _MICROSECONDS)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidMessageError(
            f"timestamp must be a finite number of seconds since the epoch: {error}"
        ) from error
    if not _LONG_MIN <= value <= _LONG_MAX:
        raise InvalidMessageError("timestamp does not fit into 64 bits of microseconds")
    return value


def packer(before: bytes = b"") -> Callable[[bytes, int], bytes]:
    """A function that puts a payload and a time stamp (microseconds, within 64 bits) together.

    :param before: what every message begins with, ahead of its Avro part
    """
    start = before + HEAD
    usual = Struct(f">{len(start)}s3B{_HIGH_BYTES}s").pack

    def pack(payload: bytes, timestamp_us: int) -> bytes:
        zigzag = timestamp_us << 1
        high = zigzag >> _LOW_BITS
        if not _HIGH_MIN <= high < _HIGH_MAX:
            zigzag ^= timestamp_us >> 63
            return start + _encode_varint(zigzag) + _long(len(payload)) + payload
        return (
            usual(
                start,
                zigzag & 127 | 128,
                zigzag >> 7 & 127 | 128,
                zigzag >> 14 & 127 | 128,
                _high_bytes(high),
            )
            + _long(len(payload))
            + payload
        )

    return pack


def quick_unpacker(before: bytes = b"") -> Callable[[bytes], tuple[bytes, int] | None]:
    """A function that takes the messages of our days apart, which are nearly all.

    It returns None for any other, which :func:`unpack` then handles, or says what is wrong.

    :param before: what such a message begins with, ahead of its Avro part
    """
    start = before + HEAD
    fields = Struct(f">{len(start)}s3B{_HIGH_BYTES}s3B")
    take = fields.unpack_from
    minimum = fields.size
    after_time = minimum - 3

    def quick(data: bytes) -> tuple[bytes, int] | None:
        if len(data) < minimum:
            return None
        found, low, middle, upper, high_bytes, size, size2, size3 = take(data)
        high = _high_part(high_bytes)
        if found != start or high is None or not low & middle & upper & 128:
            return None
        if size < 128:
            payload = data[after_time + 1 :]
        elif size2 < 128:
            size += (size2 << 7) - 128
            payload = data[after_time + 2 :]
        elif size3 < 128:
            size += (size2 << 7) + (size3 << 14) - 16512
            payload = data[after_time + 3 :]
        else:
            return None
        if len(payload) << 1 != size or low & 1:
            return None
        # The top bits of the three low bytes are taken off with the high part.
        return payload, low + (middle << 7) + (upper << 14) + high >> 1

    return quick


def unpack(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """The payload and the time stamp (microseconds) of the message that starts at ``at``.

    :raises InvalidMessageError: it is none of this schema, cut short, or followed by other bytes
    """
    fields = at + _HEAD_LENGTH
    if data[at:fields] != HEAD:
        raise InvalidMessageError(_head_problem(data[at:fields]))
    try:
        timestamp, at = _read_long(data, fields)
        length, at = _read_long(data, at)
    except IndexError:
        raise InvalidMessageError("the message ends inside its Avro fields") from None
    payload = data[at:]
    if len(payload) != length:
        raise InvalidMessageError(
            f"the message says that its payload has {length} bytes, but {len(payload)} follow"
        )
    return payload, timestamp


def _head_problem(head: bytes) -> str:
    if len(head) < _HEAD_LENGTH:
        return f"the message is too short: {len(head)} bytes where an Avro head has {_HEAD_LENGTH}"
    what = "schema fingerprint" if head.startswith(MARKER) else "marker"
    return (
        f"the Avro {what} is not SINETStream's: {head.hex()} instead of {HEAD.hex()}. Do writer "
        "and reader agree on user_data_only, message_format and data_encryption?"
    )


@lru_cache(maxsize=1024)
def _long(value: int) -> bytes:
    return _encode_varint((value << 1) ^ (value >> 63))


@lru_cache(maxsize=16)
def _high_bytes(value: int) -> bytes:
    return _encode_varint(value)


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


@lru_cache(maxsize=16)
def _high_part(data: bytes) -> int | None:
    """What a number's last five bytes add to it; None if they are not that.

    Taken off it are the top bits of the three bytes before them, which say that more follows.
    """
    if data[-1] > 127 or any(byte < 128 for byte in data[:-1]):
        return None
    value = sum((byte & 127) << (7 * index) for index, byte in enumerate(data)) << _LOW_BITS
    return value - (128 + (128 << 7) + (128 << 14))


def _read_long(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift > 63:
            raise InvalidMessageError("a number in the message has more than 64 bits")
    if value >> 64:
        raise InvalidMessageError("a number in the message has more than 64 bits")
    return (value >> 1) ^ -(value & 1), at
