"""The host: what users of SINETStream program against (guide §2.2), small and fast.

::

    from sinetstream_sdk.host import MessageReader, MessageWriter

It runs plugins, reads the configuration file, and turns values into the published wire format, so
messages cross between it and the published ``sinetstream``. Everything is imported when it is first
asked for. Encryption needs the extra ``crypto``, zstd the extra ``zstd``; ``host`` is both.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinetstream_sdk.host.async_reader import AsyncMessageReader
    from sinetstream_sdk.host.async_writer import AsyncMessageWriter
    from sinetstream_sdk.host.codec import Decoder, Encoder
    from sinetstream_sdk.host.limits import Limits
    from sinetstream_sdk.host.message import Message
    from sinetstream_sdk.host.metrics import Metrics
    from sinetstream_sdk.host.parameters import DEFAULT_CLIENT_ID
    from sinetstream_sdk.host.reader import MessageReader
    from sinetstream_sdk.host.standalone import MessageDecoder, MessageEncoder
    from sinetstream_sdk.host.valuetype import BYTE_ARRAY, TEXT
    from sinetstream_sdk.host.writer import MessageWriter

__all__ = [
    "BYTE_ARRAY",
    "DEFAULT_CLIENT_ID",
    "TEXT",
    "AsyncMessageReader",
    "AsyncMessageWriter",
    "Decoder",
    "Encoder",
    "Limits",
    "Message",
    "MessageDecoder",
    "MessageEncoder",
    "MessageReader",
    "MessageWriter",
    "Metrics",
]

_HOMES = {
    "BYTE_ARRAY": "valuetype",
    "DEFAULT_CLIENT_ID": "parameters",
    "TEXT": "valuetype",
    "AsyncMessageReader": "async_reader",
    "AsyncMessageWriter": "async_writer",
    "Decoder": "codec",
    "Encoder": "codec",
    "Limits": "limits",
    "Message": "message",
    "MessageDecoder": "standalone",
    "MessageEncoder": "standalone",
    "MessageReader": "reader",
    "MessageWriter": "writer",
    "Metrics": "metrics",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
