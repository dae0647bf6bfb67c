"""Plugins that do not work under their host: the rules of ``rules/host.py``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, ClassVar

from sinetstream_broken.broker import Letter
from sinetstream_broken.correct import (
    MemoryAsyncReader,
    MemoryAsyncWriter,
    MemoryReader,
    MemoryWriter,
)
from sinetstream_broken.marking import breaks
from sinetstream_sdk.promises import Deferred


@breaks("HOST-READ", role="reader", says="the loop `for message in reader` ends")
class HostRead(MemoryReader):
    """Ends the iteration the way that PEP 479 has outlawed, so that the user's loop raises."""

    def __iter__(self) -> Iterator[Any]:
        while self.subscription is not None:
            letter = self.take(self.subscription)
            if letter is None:
                raise StopIteration
            yield self.item(letter)


@breaks("HOST-WRITE", role="writer", says=("none of", "the host refused", "InvalidMessageError"))
class HostWrite(MemoryWriter):
    """Ends each message with a newline, as for a text protocol."""

    def send(self, message: bytes) -> None:
        super().send(bytes(message) + b"\n")


class _TwoArguments(MemoryReader):
    def item(self, letter: Letter) -> Any:
        return letter.payload, letter.topic


@breaks("HOST-AREAD", role="async_reader", says="a message published after open()")
class HostAread(MemoryAsyncReader):
    """Calls on_message without the raw message."""

    reader_class = _TwoArguments


@breaks("HOST-AWRITE", role="async_writer", says="must return a promise")
class HostAwriteNone(MemoryAsyncWriter):
    """Sends, and returns nothing."""

    def publish(self, message: bytes) -> Any:
        super().publish(message)


@breaks("HOST-AWRITE", role="async_writer", says="on_publish is called once")
class HostAwriteSilent(MemoryAsyncWriter):
    """Sends, and forgets to settle the promise."""

    def publish(self, message: bytes) -> Any:
        super().publish(message)
        return Deferred[None]().promise


@breaks("HOST-TIMESTAMP", role="writer", says="timestamp_us between the microseconds")
class HostTimestamp(MemoryWriter):
    """Reuses the last buffer of the same size, and with it the time stamp that is in it."""

    buffers: ClassVar[dict[int, bytes]] = {}

    def send(self, message: bytes) -> None:
        super().send(self.buffers.setdefault(len(message), bytes(message)))


@breaks("HOST-VALUE", role="writer", says="text: ")
class HostValue(MemoryWriter):
    """Normalises the text; what stands before it, the time among others, stays as it is."""

    def send(self, message: bytes) -> None:
        head, mark, text = bytes(message).partition(b"text: ")
        tidy = unicodedata.normalize("NFKC", text.decode())
        super().send(head + mark + tidy.encode())


@breaks("HOST-CRYPT", role="writer", says="a message published after open()")
class HostCrypt(MemoryWriter):
    """Cuts messages at a size that plain ones keep to and encrypted ones exceed."""

    def send(self, message: bytes) -> None:
        super().send(bytes(message)[:100])
