"""Correct asynchronous writers that let a few messages wait, and refuse what comes on top."""

from __future__ import annotations

import time
from typing import Any

from sinetstream_broken.correct import MemoryWriter
from sinetstream_broken.handmade import Client, HandmadeAsyncWriter
from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.promises import Deferred
from sinetstream_sdk.publishing import PublishingAsyncWriter

ROOM = 8
ACKNOWLEDGED_S = 0.01


class UnhurriedWriter(MemoryWriter):
    """Sends to a broker that is not next door."""

    def send(self, message: bytes) -> None:
        time.sleep(ACKNOWLEDGED_S)
        super().send(message)


class RejectingAsyncWriter(PublishingAsyncWriter):
    """Rejects the promise."""

    writer_class = UnhurriedWriter
    queue_size = ROOM


class UnhurriedClient(Client):
    """Sends to a broker that is not next door."""

    def _send(self, number: int, message: bytes) -> None:
        time.sleep(ACKNOWLEDGED_S)
        super()._send(number, message)


class RaisingAsyncWriter(HandmadeAsyncWriter):
    """Raises an error of the library."""

    client_class = UnhurriedClient

    def publish(self, message: bytes) -> Any:
        if len(self.outstanding) >= ROOM:
            self.check(message)
            raise SinetError(f"handmade: {ROOM} messages are waiting; the queue is full")
        return super().publish(message)


class RejectingClient(UnhurriedClient):
    """Sends no more than it has room for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refused: set[int] = set()

    def _send(self, number: int, message: bytes) -> None:
        if number in self.refused:
            self._on_confirmed(number, BlockingIOError("the queue was full"))
        else:
            super()._send(number, message)


class RejectingLaterAsyncWriter(HandmadeAsyncWriter):
    """Rejects the promise, but only when those of the messages before it have settled."""

    client_class = RejectingClient

    def publish(self, message: bytes) -> Any:
        client = self.check(message)
        number, deferred = client.number(), Deferred[Any]()
        if len(self.outstanding) >= ROOM:
            client.refused.add(number)  # type: ignore[attr-defined]
        self.outstanding[number] = deferred
        client.send(message, number)
        return deferred.promise
