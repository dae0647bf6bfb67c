"""The Avro part of a message: a time stamp and a payload in Avro's single-object encoding.

The schema has two fields only, a ``long`` (microseconds since the epoch) and ``bytes``, so both
directions are written out here. See ``docs/wire-format.md``.
"""

from __future__ import annotations

from functools import lru_cache

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
_LOW_BYTES = 3
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


def pack(payload: bytes, timestamp_us: int, before: bytes = b"") -> bytes:
    """The single-object encoding of one message, after the bytes ``before``.

    :param timestamp_us: microseconds since the epoch, within 64 bits
    """
    zigzag = timestamp_us << 1
    high = zigzag >> _LOW_BITS
    if _HIGH_MIN <= high < _HIGH_MAX:
        low = (zigzag & 127 | 128, zigzag >> 7 & 127 | 128, zigzag >> 14 & 127 | 128)
        parts = (before, HEAD, bytes(low), _varint(high), _long(len(payload)), payload)
    else:
        parts = (
            before,
            HEAD,
            b"",
            _encode_varint(zigzag ^ (timestamp_us >> 63)),
            _long(len(payload)),
            payload,
        )
    return b"".join(parts)


def unpack(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """The payload and the time stamp (microseconds) of the message that starts at ``at``.

    :raises InvalidMessageError: it is none of this schema, cut short, or followed by other bytes
    """
    fields = at + _HEAD_LENGTH
    if data[at:fields] != HEAD:
        raise InvalidMessageError(_head_problem(data[at:fields]))
    try:
        middle = fields + _LOW_BYTES
        high = _high_part(data[middle : middle + _HIGH_BYTES])
        if high is not None and data[fields] & data[fields + 1] & data[fields + 2] & 128:
            low = (
                data[fields] & 127 | (data[fields + 1] & 127) << 7 | (data[fields + 2] & 127) << 14
            )
            timestamp = (low | high) >> 1 if not low & 1 else ~((low | high) >> 1)
            at = middle + _HIGH_BYTES
        else:
            timestamp, at = _read_long(data, fields)
        length = data[at]
        if length < 128 and not length & 1:
            length >>= 1
            at += 1
        else:
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
def _varint(value: int) -> bytes:
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
    """The value of a number's last five bytes, shifted to its place; None if they are not that."""
    if len(data) != _HIGH_BYTES or data[-1] > 127 or any(byte < 128 for byte in data[:-1]):
        return None
    return sum((byte & 127) << (7 * index) for index, byte in enumerate(data)) << _LOW_BITS


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
