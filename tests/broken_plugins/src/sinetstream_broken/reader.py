"""Readers that break the rules of ``rules/reader.py``."""

from __future__ import annotations

from typing import Any

from sinetstream_broken.broker import Letter
from sinetstream_broken.correct import MemoryReader
from sinetstream_broken.marking import breaks


@breaks("READ-TUPLE", role="reader", says="a tuple of three values")
class ReadTuple(MemoryReader):
    """Gives two values."""

    def item(self, letter: Letter) -> Any:
        return letter.payload, letter.topic
