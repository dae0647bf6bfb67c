"""Writers that break the rules of ``rules/writer.py``."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from sinetstream_broken.correct import MEMORY, MemoryAsyncWriter, MemoryWriter
from sinetstream_broken.full_queue import ROOM, UnhurriedClient
from sinetstream_broken.handmade import GuideAsyncWriter, HandmadeAsyncWriter
from sinetstream_broken.marking import breaks
from sinetstream_sdk.promises import SafePromise


@breaks(
    "WRITE-DELIVER",
    role="writer",
    says=("publish() raised UnicodeDecodeError", "no text encoding"),
)
class SendsText(MemoryWriter):
    """Takes every payload for text."""

    def send(self, message: bytes) -> None:
        super().send(message.decode().encode())


@breaks("WRITE-DELIVER", role="writer", says="it did not arrive")
class Strips(MemoryWriter):
    """Takes line ends off."""

    def send(self, message: bytes) -> None:
        super().send(message.strip())


@breaks("WRITE-DELIVER", role="writer", says="a payload of 0 bytes arrives")
class SkipsEmpty(MemoryWriter):
    """Takes an empty payload for none."""

    def send(self, message: bytes) -> None:
        if message:
            super().send(message)


@breaks("WRITE-DELIVER", role="writer", says=("a payload of 65536 bytes", "arrived instead"))
class CutsLong(MemoryWriter):
    """Has a length field of two bytes."""

    def send(self, message: bytes) -> None:
        super().send(message[: len(message) & 0xFFFF] if len(message) > 0xFFFF else message)


@breaks("WRITE-DELIVER", role="writer", says="it did not arrive")
class EndsAtNul(MemoryWriter):
    """Passes the payload through a C string."""

    def send(self, message: bytes) -> None:
        super().send(message.split(b"\0")[0])


@breaks(
    "AWRITE-DELIVER",
    role="async_writer",
    says=("it did not arrive", "promises were rejected: UnicodeDecodeError"),
)
class SendsTextLater(MemoryAsyncWriter):
    """Takes every payload for text."""

    writer_class = SendsText


@breaks("AWRITE-DELIVER", role="async_writer", says="a payload of 0 bytes arrives")
class SkipsEmptyLater(MemoryAsyncWriter):
    """Takes an empty payload for none."""

    writer_class = SkipsEmpty


@breaks(
    "WRITE-SUBCLASS",
    role="writer",
    says=("publish() raised TypeError: bytes are needed", "isinstance(message, bytes)"),
)
class WantsExactType(MemoryWriter):
    """Compares types."""

    def send(self, message: bytes) -> None:
        if type(message) is not bytes:
            raise TypeError("bytes are needed")
        super().send(message)


@breaks("AWRITE-SUBCLASS", role="async_writer", says=("bytes are needed", "isinstance"))
class WantsExactTypeLater(MemoryAsyncWriter):
    """Compares types."""

    writer_class = WantsExactType


class Careless(MemoryWriter):
    """Turns whatever comes into bytes, somehow."""

    def publish(self, message: Any) -> None:
        super().publish(self.encoded(message))

    def encoded(self, message: Any) -> bytes:
        """The payload made of anything."""
        return bytes(message)


@breaks("WRITE-TYPE", role="writer", says=("publish(5) raises or rejects", "bytes(5)"))
class ZeroBytes(Careless):
    """Publishes five zero bytes for the number 5."""


@breaks("WRITE-TYPE", role="writer", says="publish('text') raises or rejects")
class EncodesText(Careless):
    """Is kind to text."""

    def encoded(self, message: Any) -> bytes:
        return message.encode() if isinstance(message, str) else message  # type: ignore[no-any-return]


@breaks("WRITE-TYPE", role="writer", says="publish(None) raises or rejects")
class TakesNone(Careless):
    """Takes None for an empty message."""

    def encoded(self, message: Any) -> bytes:
        return b"" if message is None else message


@breaks("WRITE-TYPE", role="writer", says=("nothing of 'text' is delivered", "received"))
class RaisesTooLate(MemoryWriter):
    """Complains after it has sent."""

    def publish(self, message: Any) -> None:
        if self.is_open and isinstance(message, str):
            self.send(message.encode())
        super().publish(message)


@breaks("AWRITE-TYPE", role="async_writer", says="raises or rejects")
class TakesAnything(HandmadeAsyncWriter):
    """Sends whatever it is given."""

    def publish(self, message: Any) -> Any:
        if isinstance(message, (int, list, str)):
            message = str(message).encode()
        return super().publish(message)


@breaks("WRITE-ORDER", role="writer", says=("in the order of publishing", "after a later one"))
class SendsInPool(MemoryWriter):
    """Sends on several threads, so as not to keep the caller waiting."""

    def open(self) -> None:
        super().open()
        self.executor = ThreadPoolExecutor()

    def close(self) -> None:
        if self.is_open:
            self.executor.shutdown()
        super().close()

    def send(self, message: bytes) -> None:
        self.executor.submit(super().send, message)


@breaks("WRITE-ORDER", role="writer", says="after a later one")
class SendsLatestFirst(MemoryWriter):
    """Collects messages and sends them in batches, from the end of the list."""

    def open(self) -> None:
        super().open()
        self.batch: list[bytes] = []
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.flush, daemon=True)
        self.thread.start()

    def close(self) -> None:
        if self.is_open:
            self.stopped.set()
            self.thread.join()
        super().close()

    def send(self, message: bytes) -> None:
        with self.lock:
            self.batch.append(message)

    def flush(self) -> None:
        """Send now and then what has been collected."""
        while not self.stopped.wait(0.02):
            with self.lock:
                while self.batch:
                    super().send(self.batch.pop())


@breaks(
    "AWRITE-ORDER", role="async_writer", says=("in the order of publishing", "send from one thread")
)
class PublishesInPool(GuideAsyncWriter):
    """Publishes on a pool of threads, as the guide's example does."""


@breaks("WRITE-ISOLATION", role="writer", says=("sees nothing of what", "it sees"))
class IgnoresCase(MemoryWriter):
    """Takes topics that differ in case for the same."""

    names: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.names.setdefault(self.topic, self.topic)

    def send(self, message: bytes) -> None:
        for name in list(self.names):
            if name.lower() == self.topic.lower():
                MEMORY.put(name, bytes(message))


@breaks("WRITE-ISOLATION", role="writer", says="it sees")
class MatchesBeginnings(IgnoresCase):
    """Takes a topic for all those whose names begin with its own."""

    def send(self, message: bytes) -> None:
        for name in list(self.names):
            if name.startswith(self.topic):
                MEMORY.put(name, bytes(message))


@breaks("WRITE-ISOLATION", role="writer", says="it sees")
class SendsToLatestTopic(MemoryWriter):
    """Keeps the topic in the class, where the latest writer overwrites it."""

    also: ClassVar[list[str]] = []

    def open(self) -> None:
        super().open()
        self.also[:] = [self.topic]

    def send(self, message: bytes) -> None:
        for topic in {self.topic, *self.also}:
            MEMORY.put(topic, bytes(message))


@breaks("WRITE-ISOLATION", role="writer", says=("-2' sees nothing of what", "it sees"))
class LeaksLater(MemoryWriter):
    """Gives a copy of every message, some time later, to a topic with a similar name."""

    def send(self, message: bytes) -> None:
        super().send(message)
        leak = threading.Timer(0.4, MEMORY.put, (f"{self.topic}-2", bytes(message)))
        leak.daemon = True
        leak.start()


@breaks("AWRITE-ISOLATION", role="async_writer", says="it sees")
class IgnoresCaseLater(MemoryAsyncWriter):
    """Takes topics that differ in case for the same."""

    writer_class = IgnoresCase


@breaks("WRITE-COUNT", role="writer", says=("among them", "if it is not thread-safe"))
class SharesBuffer(MemoryWriter):
    """Keeps the message in an attribute between two steps."""

    def send(self, message: bytes) -> None:
        self.pending = message
        super().send(self.pending)


@breaks("WRITE-COUNT", role="writer", says=("among them", "[own]"))
class SharesBufferWithAll(MemoryWriter):
    """Keeps it in the class, so that writers of their own do not help."""

    buffer: ClassVar[list[bytes]] = [b""]

    def send(self, message: bytes) -> None:
        self.buffer[0] = message
        super().send(self.buffer[0])


@breaks("WRITE-COUNT", role="writer", says="are lost")
class DropsWhenBusy(MemoryWriter):
    """Does not wait for a thread that is sending."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lock = threading.Lock()

    def send(self, message: bytes) -> None:
        if self.lock.acquire(blocking=False):
            try:
                super().send(message)
            finally:
                self.lock.release()


@breaks("WRITE-COUNT", role="writer", says=("no message arrives twice", "do not publish again"))
class SendsAgain(MemoryWriter):
    """Takes a slow acknowledgement for none and sends again."""

    def send(self, message: bytes) -> None:
        began = time.monotonic()
        super().send(message)
        if message.endswith(b"7") or time.monotonic() - began > 1.0:
            super().send(message)


@breaks("AWRITE-COUNT", role="async_writer", says=("among them", "if it is not thread-safe"))
class SharesBufferLater(HandmadeAsyncWriter):
    """Keeps the message in an attribute between two steps."""

    def publish(self, message: bytes) -> Any:
        self.pending = message
        return super().publish(self.pending)


@breaks("AWRITE-COUNT", role="async_writer", says="are lost")
class FulfilsWhenFull(HandmadeAsyncWriter):
    """Does not say that there was no room for a message."""

    client_class = UnhurriedClient

    def publish(self, message: bytes) -> Any:
        if len(self.outstanding) < ROOM:
            return super().publish(message)
        self.check(message)
        return SafePromise.resolve(None)


@breaks("AWRITE-COUNT", role="async_writer", says="no message arrives twice")
class SendsAgainLater(MemoryAsyncWriter):
    """Takes a slow acknowledgement for none and sends again."""

    writer_class = SendsAgain


@breaks(
    "WRITE-CLOSED",
    role="writer",
    says=("publish() returned None", "raise ConnectionError when the writer is not open"),
)
class SilentWhenClosed(MemoryWriter):
    """Ignores what cannot be sent."""

    def publish(self, message: bytes) -> None:
        if self.is_open:
            super().publish(message)


@breaks("WRITE-CLOSED", role="writer", says="publish() raised AttributeError: 'NoneType'")
class TripsWhenClosed(MemoryWriter):
    """Finds no connection where it expects one."""

    def publish(self, message: bytes) -> None:
        connection: Any = MEMORY if self.is_open else None
        connection.put(self.topic, bytes(message))


@breaks("WRITE-CLOSED", role="writer", says=("publish() ends at once", "time.sleep(0.05)"))
class WaitsToBeOpened(MemoryWriter):
    """Waits until somebody opens it."""

    def publish(self, message: bytes) -> None:
        while not self.is_open:
            time.sleep(0.05)
        super().publish(message)


@breaks("AWRITE-CLOSED", role="async_writer", says="AttributeError: 'NoneType'")
class TripsWhenClosedLater(HandmadeAsyncWriter):
    """Finds no connection where it expects one."""

    def check(self, message: bytes) -> Any:
        return self.client


@breaks("AWRITE-CLOSED", role="async_writer", says="publish() returned")
class FulfilsWhenClosed(HandmadeAsyncWriter):
    """Says that all went well."""

    def publish(self, message: bytes) -> Any:
        return SafePromise.resolve(None) if self.client is None else super().publish(message)


@breaks("AWRITE-CLOSED", role="async_writer", says="is still pending")
class KeepsForLater(HandmadeAsyncWriter):
    """Promises what it does not keep."""

    def publish(self, message: bytes) -> Any:
        return SafePromise() if self.client is None else super().publish(message)
