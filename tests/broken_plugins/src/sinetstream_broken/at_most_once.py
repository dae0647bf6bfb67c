"""A correct plugin whose broker acknowledges nothing: it refuses every greater guarantee."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sinetstream_broken.correct import MemoryHarness, MemoryReader, MemoryWriter
from sinetstream_broken.handmade import HandmadeAsyncWriter
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.promises import SafePromise


class AtMostOnceHarness(MemoryHarness):
    """Declares what there is."""

    capabilities = replace(MemoryHarness.capabilities, consistencies=(Consistency.AT_MOST_ONCE,))


class _Refusing:
    """Refuses what its broker cannot give."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        asked = args[-1].get("consistency", Consistency.AT_MOST_ONCE)
        if asked.name != Consistency.AT_MOST_ONCE.name:
            raise InvalidArgumentError(
                f"this broker cannot do {asked.name}; use AT_MOST_ONCE", parameter="consistency"
            )


class AtMostOnceReader(_Refusing, MemoryReader):
    """Reads from the shared queue."""


class AtMostOnceWriter(_Refusing, MemoryWriter):
    """Writes to the shared queue."""


class AtMostOnceAsyncReader(_Refusing, PollingAsyncReader):
    """Reads from the shared queue."""

    reader_class = AtMostOnceReader


class AtMostOnceAsyncWriter(_Refusing, HandmadeAsyncWriter):
    """Fulfils a promise when the message is on its way, since nobody says what becomes of it."""

    def publish(self, message: bytes) -> Any:
        self.check(message).send(message)
        return SafePromise.resolve(None)
