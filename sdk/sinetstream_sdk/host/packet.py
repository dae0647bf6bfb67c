"""The head of a message of format 3: six bytes that tell the version of its key."""

from __future__ import annotations

from sinetstream_sdk.errors import InvalidArgumentError

MARKER = b"\xdf\x03\x00\x00"
"""The four bytes with which a message of format 3 begins."""

HEAD_LENGTH = 6
"""The marker and two bytes of key version, most significant first."""

NOT_ENCRYPTED = 0
"""The key version that says there is none."""

MAX_KEY_VERSION = 0xFFFF


def head(key_version: int) -> bytes:
    """The six bytes before a message whose key has that version.

    :raises InvalidArgumentError: the version does not fit into two bytes
    """
    if not 0 <= key_version <= MAX_KEY_VERSION:
        raise InvalidArgumentError(
            f"crypto: a key version is a number from 1 to {MAX_KEY_VERSION}; {key_version} is not",
            parameter="crypto",
        )
    return MARKER + key_version.to_bytes(2, "big")


def key_version(data: bytes) -> int | None:
    """The key version that a message names, or None if it has no such head.

    A message without it is taken for one of format 2, as the published host does.
    """
    if len(data) <= HEAD_LENGTH or not data.startswith(MARKER):
        return None
    return int.from_bytes(data[4:6], "big")
