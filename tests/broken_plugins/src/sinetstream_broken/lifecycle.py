"""Classes that break the rules of ``rules/lifecycle.py`` in the synchronous roles."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from sinetstream_broken.broker import Subscription
from sinetstream_broken.correct import MemoryReader, MemoryWriter
from sinetstream_broken.marking import breaks
from sinetstream_broken.tcp import Connection, TcpReader
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    SinetError,
)

LONG_S = 8.0
"""Longer than any check waits, so that what lasts so long counts as lasting for ever."""


def linger() -> None:
    """Last for ever, as far as a check can tell."""
    time.sleep(LONG_S)


# -- LIFE-OPEN -----------------------------------------------------------------------------------


@breaks("LIFE-OPEN", role="reader", says=("open() returns", "could not connect"))
class OpenGivesUp(MemoryReader):
    """Fails although the broker is there."""

    def open(self) -> None:
        raise ConnectionError("could not connect")


@breaks("LIFE-OPEN", role="reader", says=("works after open()", "this reader is not open"))
class OpenForgotten(MemoryReader):
    """Leaves the connecting to nobody."""

    def open(self) -> None:
        pass


@breaks("LIFE-OPEN", role="reader", says=("works after open()", "probe messages arrived within"))
class SubscribesElsewhere(MemoryReader):
    """Is connected, but not to its topic."""

    def open(self) -> None:
        self.subscription = self.broker.subscribe(tuple(f"{topic}/#" for topic in self.topics))


@breaks("LIFE-OPEN", role="writer", says=("works after open()", "probe messages arrived within"))
class SendsNowhere(MemoryWriter):
    """Takes messages and does nothing with them."""

    def send(self, message: bytes) -> None:
        pass


@breaks("LIFE-OPEN", role="writer", says=("open() returns", "still running"))
class OpenHangs(MemoryWriter):
    """Waits for an acknowledgement that does not come."""

    def open(self) -> None:
        threading.Event().wait(LONG_S)


# -- LIFE-CLOSE ----------------------------------------------------------------------------------


@breaks("LIFE-CLOSE", role="reader", says=("close() returns", "'NoneType'"))
class CloseStumbles(MemoryReader):
    """Joins a thread that it never had."""

    thread: threading.Thread | None = None

    def close(self) -> None:
        if self.subscription is not None:
            super().close()
            self.thread.join()  # type: ignore[union-attr]


@breaks("LIFE-CLOSE", role="writer", says=("close() returns", "still running"))
class CloseWaits(MemoryWriter):
    """Waits for a flush that nobody confirms."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.flushed = threading.Event()

    def close(self) -> None:
        if self.is_open:
            self.flushed.wait(LONG_S)
            super().close()


# -- LIFE-CLOSE-TWICE and LIFE-CLOSE-UNOPENED ----------------------------------------------------


@breaks("LIFE-CLOSE-TWICE", role="reader", says=("a second close() returns", "closed already"))
class OnceClosed(MemoryReader):
    """Complains of a second ``close()``."""

    ended = False

    def close(self) -> None:
        if self.ended:
            raise SinetError("this reader is closed already")
        self.ended = self.subscription is not None
        super().close()


@breaks("LIFE-CLOSE-TWICE", role="writer", says=("a second close() returns", "AttributeError"))
class ClosesNothing(MemoryWriter):
    """Stops a client that it has already thrown away."""

    client: Any = None

    def open(self) -> None:
        super().open()
        self.client = threading.Event()

    def close(self) -> None:
        if self.is_open or self.ever_open:
            self.client.set()
            self.client = None
        super().close()

    @property
    def ever_open(self) -> bool:
        """Whether ``open()`` was called at any time."""
        return "client" in vars(self)


@breaks("LIFE-CLOSE-UNOPENED", role="reader", says=("without open() returns", "AttributeError"))
class MadeInOpen(MemoryReader):
    """Looks at what only ``open()`` makes."""

    def open(self) -> None:
        super().open()
        self.stop = threading.Event()

    def close(self) -> None:
        self.stop.set()
        super().close()


@breaks("LIFE-CLOSE-UNOPENED", role="writer", says=("without open() returns", "not open"))
class InsistsOnOpen(MemoryWriter):
    """Complains of a ``close()`` without ``open()``."""

    opened = False

    def open(self) -> None:
        super().open()
        self.opened = True

    def close(self) -> None:
        if not self.opened:
            raise ConnectionError("this writer is not open")
        super().close()


# -- LIFE-REOPEN ---------------------------------------------------------------------------------


@breaks("LIFE-REOPEN", role="reader", says="works after it was opened again")
class StaysClosed(MemoryReader):
    """Does not take its flag back."""

    closed = False

    def close(self) -> None:
        self.closed = self.subscription is not None
        super().close()

    def take(self, subscription: Subscription) -> Any:
        return None if self.closed else super().take(subscription)


@breaks("LIFE-REOPEN", role="writer", says=("open() after close() returns", "cannot be opened"))
class OneLife(MemoryWriter):
    """Refuses to be opened again."""

    spent = False

    def open(self) -> None:
        if self.spent:
            raise SinetError("a writer cannot be opened again; make a new one")
        super().open()

    def close(self) -> None:
        self.spent = self.spent or self.is_open
        super().close()


# -- LIFE-OPEN-TWICE -----------------------------------------------------------------------------


@breaks("LIFE-OPEN-TWICE", role="reader", says=("returns or raises AlreadyConnected", "Runtime"))
class SecondOpenRaises(MemoryReader):
    """Raises an error of Python's."""

    def open(self) -> None:
        try:
            super().open()
        except AlreadyConnectedError as error:
            raise RuntimeError("already open") from error


@breaks("LIFE-OPEN-TWICE", role="reader", says="works after a second open()")
class SecondOpenLoses(MemoryReader):
    """Throws the subscription away when asked for another."""

    def open(self) -> None:
        if self.subscription is None:
            super().open()
        else:
            self.close()


@breaks(
    "LIFE-OPEN-TWICE",
    role="reader",
    says=("leaks no descriptor", "socket 127.0.0.1"),
    model="tcp",
)
class SecondConnection(TcpReader):
    """Connects again, and closes only the last connection."""

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        self.connections: list[Connection] = []

    def open(self) -> None:
        self.connection = self.connect()
        self.connections.append(self.connection)


@breaks("LIFE-OPEN-TWICE", role="writer", says=("leaks no thread", "keep-alive"))
class SecondKeepAlive(MemoryWriter):
    """Starts another thread, and stops only that one."""

    def open(self) -> None:
        self.stop = threading.Event()
        threading.Thread(
            target=self.stop.wait, args=(LONG_S,), name="keep-alive", daemon=True
        ).start()
        self.is_open = True

    def close(self) -> None:
        if self.is_open:
            self.stop.set()
        super().close()


# -- LIFE-UNOPENED -------------------------------------------------------------------------------


@breaks("LIFE-UNOPENED", role="reader", says=("[before-open]", "'NoneType' object"))
class NextOfNone(MemoryReader):
    """Takes from a subscription that is not there."""

    def __iter__(self) -> Iterator[Any]:
        while True:
            subscription: Any = self.subscription
            if not subscription.topics:
                return
            letter = self.take(subscription)
            if letter is None:
                return
            yield self.item(letter)


@breaks("LIFE-UNOPENED", role="reader", says=("[before-open]", "still running after 3.0 s"))
class WaitsForOpen(MemoryReader):
    """Waits until somebody opens it."""

    def __iter__(self) -> Iterator[Any]:
        ends = time.monotonic() + LONG_S
        while self.subscription is None and time.monotonic() < ends:
            time.sleep(0.01)
        return super().__iter__()


@breaks("LIFE-UNOPENED", role="reader", says=("[after-close]", "still running after 3.0 s"))
class WaitsAfterClose(MemoryReader):
    """Keeps its subscription, on which nothing comes any more."""

    last: Subscription | None = None

    def open(self) -> None:
        super().open()
        self.last = self.subscription

    def __iter__(self) -> Iterator[Any]:
        if self.subscription is None and self.last is not None:
            linger()
        return super().__iter__()


@breaks("LIFE-UNOPENED", role="writer", says=("[before-open]", "AttributeError"))
class PublishOnNone(MemoryWriter):
    """Uses a client that is not there."""

    client: Any = None

    def open(self) -> None:
        super().open()
        self.client = self.broker

    def publish(self, message: bytes) -> None:
        self.client.put(self.topic, bytes(message))


@breaks("LIFE-UNOPENED", role="writer", says=("[after-close]", "publish() returned None"))
class PublishAfterClose(MemoryWriter):
    """Drops in silence what comes after ``close()``."""

    closed = False

    def close(self) -> None:
        self.closed = self.is_open
        super().close()

    def publish(self, message: bytes) -> None:
        if not self.closed:
            super().publish(message)
