"""Classes that break the rules of ``rules/left_behind.py``.

Of the synchronous roles: the unreachable broker, threads, descriptors, pairs and many rounds.
"""

from __future__ import annotations

import _thread
import logging
import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import ClassVar

from sinetstream_broken.broker import Subscription
from sinetstream_broken.correct import MemoryReader, MemoryWriter
from sinetstream_broken.lifecycle import LONG_S, linger
from sinetstream_broken.marking import breaks
from sinetstream_broken.tcp import TcpReader, TcpWriter
from sinetstream_sdk.errors import (
    ConnectionError,  # noqa: A004 - the published name
)

# -- LIFE-UNREACHABLE ----------------------------------------------------------------------------


@breaks("LIFE-UNREACHABLE", role="reader", says="open() returned None", model="tcp")
class SwallowsRefusal(TcpReader):
    """Goes on without a connection, and does not say so."""

    def open(self) -> None:
        with suppress(ConnectionError):
            super().open()


@breaks("LIFE-UNREACHABLE", role="reader", says="ConnectionRefusedError", model="tcp")
class RefusalOfSocket(TcpReader):
    """Lets the socket's own error out: Python has a ConnectionError of its own."""

    def open(self) -> None:
        if self.connection is None:
            socket.create_connection((self.host, self.port), 3.0).close()
        super().open()


@breaks(
    "LIFE-UNREACHABLE",
    role="reader",
    says=("leaves no descriptor", "a socket that is not connected"),
    model="tcp",
)
class KeepsSocket(TcpReader):
    """Does not close the socket that could not connect."""

    def open(self) -> None:
        if self.connection is None:
            self.probe = socket.socket()
            try:
                self.probe.connect((self.host, self.port))
            except OSError as error:
                raise ConnectionError(f"no broker at {self.host}:{self.port}") from error
            self.probe.close()
        super().open()


@breaks("LIFE-REOPEN", role="reader", says="works after it was opened again", model="tcp")
class LogsRefusal(TcpReader):
    """Logs why it could not connect, and opens once."""

    opened = False

    def open(self) -> None:
        if self.opened:
            return
        trial = socket.socket()
        try:
            trial.connect((self.host, self.port))
        except OSError as error:
            logging.getLogger(__name__).error("no broker there", exc_info=True)
            raise ConnectionError(f"no broker at {self.host}:{self.port}") from error
        trial.close()
        super().open()
        self.opened = True


@breaks("LIFE-UNREACHABLE", role="writer", says="still running", model="tcp")
class RetriesForEver(TcpWriter):
    """Tries again and again."""

    def open(self) -> None:
        ends = time.monotonic() + LONG_S
        while self.connection is None and time.monotonic() < ends:
            try:
                super().open()
            except ConnectionError:
                time.sleep(0.2)


@breaks(
    "LIFE-UNREACHABLE",
    role="writer",
    says=("leaves no thread", "reconnecting"),
    model="tcp",
)
class GoesOnTrying(TcpWriter):
    """Raises, but goes on trying behind the scenes."""

    def open(self) -> None:
        try:
            super().open()
        except ConnectionError:
            threading.Thread(target=linger, name="reconnecting", daemon=True).start()
            raise


# -- LIFE-THREADS --------------------------------------------------------------------------------


@breaks("LIFE-THREADS", role="reader", says=("no thread is left", "heartbeat"))
class Heartbeat(MemoryReader):
    """Starts a thread that nobody stops."""

    def open(self) -> None:
        super().open()
        threading.Thread(target=linger, name="heartbeat", daemon=True).start()


@breaks("LIFE-THREADS", role="writer", says="no thread of a C library is left")
class NativeHeartbeat(MemoryWriter):
    """Starts a thread that Python does not list, as a C library would."""

    def open(self) -> None:
        super().open()
        _thread.start_new_thread(linger, ())


# -- LIFE-FDS ------------------------------------------------------------------------------------


@breaks(
    "LIFE-FDS",
    role="reader",
    says=("no descriptor is left open", "a socket that is not connected"),
    model="tcp",
)
class SocketForgotten(TcpReader):
    """Has ``close()`` end the conversation, not the connection."""

    def close(self) -> None:
        if self.connection is not None:
            self.connection.link.shutdown(socket.SHUT_RDWR)
            self.ended, self.connection = self.connection, None


@breaks("LIFE-FDS", role="reader", says=("no ResourceWarning", "unclosed <socket"), model="tcp")
class SocketDropped(TcpReader):
    """Leaves the closing of the socket to the garbage collector."""

    def close(self) -> None:
        self.connection = None


@breaks("LIFE-FDS", role="writer", says=("no descriptor is left open", "eventpoll"), model="tcp")
class SelectorForgotten(TcpWriter):
    """Closes the connection, and not the selector that watches it."""

    def open(self) -> None:
        super().open()
        self.selector = selectors.DefaultSelector()


@breaks("LIFE-FDS", role="writer", says=("no descriptor is left open", "pipe:"))
class PipeForgotten(MemoryWriter):
    """Makes a pipe to wake its loop with, and closes one end."""

    def open(self) -> None:
        super().open()
        self.woken, self.waker = os.pipe()

    def close(self) -> None:
        if self.is_open:
            os.close(self.woken)
        super().close()


@breaks("LIFE-FDS", role="reader", says=("no descriptor is left open", "2 more than before"))
class WakerKept(MemoryReader):
    """Keeps the pair of sockets that wakes its loop until it is opened again, or thrown away."""

    waker: tuple[socket.socket, socket.socket] | None = None

    def open(self) -> None:
        super().open()
        self._drop()
        self.waker = socket.socketpair()

    def __del__(self) -> None:
        self._drop()

    def _drop(self) -> None:
        for one in self.waker or ():
            one.close()


# -- LIFE-PAIR -----------------------------------------------------------------------------------


@breaks("LIFE-PAIR", role="reader", says="works after another instance was closed")
class OneForAll(MemoryReader):
    """Has one list of subscriptions for all readers, and ends them all."""

    every: ClassVar[list[Subscription]] = []

    def open(self) -> None:
        super().open()
        if self.subscription is not None:
            self.every.append(self.subscription)

    def close(self) -> None:
        if self.subscription is not None:
            while self.every:
                self.broker.unsubscribe(self.every.pop())
        super().close()


@breaks("LIFE-PAIR", role="writer", says=("works after another instance", "is not open"))
class StateOfClass(MemoryWriter):
    """Keeps in the class whether it is open."""

    connected = False

    def open(self) -> None:
        type(self).connected = True

    def close(self) -> None:
        type(self).connected = False

    def publish(self, message: bytes) -> None:
        self.is_open = self.connected
        super().publish(message)


# -- LIFE-MANY -----------------------------------------------------------------------------------


@breaks("LIFE-MANY", role="reader", says="bytes more memory per round")
class KeepsBuffers(MemoryReader):
    """Keeps the buffer of each connection."""

    def open(self) -> None:
        super().open()
        vars(self).setdefault("buffers", []).append(bytearray(16 * 1024))


@breaks("LIFE-MANY", role="reader", says=("round 65", "no more connections"))
class RunsOut(MemoryReader):
    """Does not give its place back to the broker, which has 64."""

    places = 64

    def open(self) -> None:
        if self.places == 0:
            raise ConnectionError("the broker takes no more connections")
        self.places -= 1
        super().open()


@breaks("LIFE-MANY", role="writer", says=("the number of descriptors stays", "socket"), model="tcp")
class EveryTenthSocket(TcpWriter):
    """Takes a path now and then on which a connection is not closed."""

    rounds = 0

    def open(self) -> None:
        super().open()
        self.rounds += 1

    def close(self) -> None:
        if self.connection is not None and self.rounds % 10 == 0:
            vars(self).setdefault("kept", []).append(self.connection)
            self.connection = None
        super().close()


@breaks("LIFE-MANY", role="writer", says=("no thread is left", "watchdog"))
class EveryTenthThread(MemoryWriter):
    """Takes a path now and then on which a thread is not stopped."""

    rounds = 0

    def open(self) -> None:
        super().open()
        self.rounds += 1
        if self.rounds % 40 == 0:
            threading.Thread(target=linger, name="watchdog", daemon=True).start()
