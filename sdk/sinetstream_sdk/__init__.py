"""Write, run and share plugins for SINETStream.

Start from :mod:`sinetstream_sdk.spi` to write a plugin, and from :mod:`sinetstream_sdk.host` to run
one. The names of the host can be had from here too. Nothing is imported before it is asked for, so
that each part costs what it needs and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinetstream_sdk.consistency import (
        AT_LEAST_ONCE,
        AT_MOST_ONCE,
        EXACTLY_ONCE,
        Consistency,
    )
    from sinetstream_sdk.host import (
        BYTE_ARRAY,
        DEFAULT_CLIENT_ID,
        TEXT,
        AsyncMessageReader,
        AsyncMessageWriter,
        Message,
        MessageReader,
        MessageWriter,
        Metrics,
    )

__version__ = "0.1.0"

__all__ = [
    "AT_LEAST_ONCE",
    "AT_MOST_ONCE",
    "BYTE_ARRAY",
    "DEFAULT_CLIENT_ID",
    "EXACTLY_ONCE",
    "TEXT",
    "AsyncMessageReader",
    "AsyncMessageWriter",
    "Consistency",
    "Message",
    "MessageReader",
    "MessageWriter",
    "Metrics",
]

_GUARANTEES = ("AT_LEAST_ONCE", "AT_MOST_ONCE", "EXACTLY_ONCE", "Consistency")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = "consistency" if name in _GUARANTEES else "host"
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
