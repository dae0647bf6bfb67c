"""Encoding and decoding messages without a messaging system, as ``SINETStreamMessageEncoder`` does.

The official MQTT plugin, for one, encodes its last will this way.
"""

from __future__ import annotations

import time
from typing import Any, Self

from sinetstream_sdk.host.avro import timestamp_us
from sinetstream_sdk.host.codec import Decoder, Encoder
from sinetstream_sdk.host.message import Message
from sinetstream_sdk.host.parameters import settle
from sinetstream_sdk.roles import Role

__all__ = ["MessageDecoder", "MessageEncoder"]


class _Standalone:
    """Open from the start; ``open``, ``close`` and ``with`` are there for the published API."""

    def open(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MessageEncoder(_Standalone):
    """Turns values into the bytes that a writer with these parameters would publish."""

    def __init__(self, **params: Any) -> None:
        """Take the keywords of a ``MessageWriter``; no file is read.

        :raises InvalidArgumentError: a parameter is wrong
        """
        given = {"type": "none", **params}
        self._encoder = Encoder(_settle(Role.WRITER, given))

    def encode(self, value: Any, timestamp: float | None = None) -> bytes:
        """The message for ``value``.

        :param timestamp: in seconds since the epoch; by default now
        :raises InvalidMessageError: ``value`` cannot be serialised
        """
        sent = time.time_ns() // 1000 if timestamp is None else timestamp_us(timestamp)
        return self._encoder.encode(value, sent)


class MessageDecoder(_Standalone):
    """Turns bytes into the messages that a reader with these parameters would yield."""

    def __init__(self, **params: Any) -> None:
        """Take the keywords of a ``MessageReader``; no file is read.

        :raises InvalidArgumentError: a parameter is wrong
        """
        given = {"type": "none", **params}
        self._decoder = Decoder(_settle(Role.READER, given))

    def decode(self, data: bytes) -> Message:
        """The message in ``data``; its topic is empty and its raw message is ``data``.

        :raises InvalidMessageError: it is malformed, altered, too large, or of another format
        """
        value, sent = self._decoder.decode(data)
        return Message(value, "", sent, data)


def _settle(role: Role, params: dict[str, Any]) -> dict[str, Any]:
    return settle(role, None, None, None, None, True, params).params
