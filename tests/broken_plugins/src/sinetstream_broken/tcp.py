"""A correct plugin over real connections, to a broker on loopback.

Its classes take ``(confver, params)`` alone, as the published host calls them; the harness says so.
"""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sinetstream_broken.line_broker import LIMIT, LineBroker
from sinetstream_conformance import Capabilities, Delivery, Harness
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
)
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter
from sinetstream_sdk.roles import Role
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter

CONNECT_WITHIN_S = 3.0


class Connection:
    """A connection that sends and receives lines; one thread receives, any may close it."""

    def __init__(self, host: str, port: int, greeting: str) -> None:
        try:
            self.link = socket.create_connection((host, port), CONNECT_WITHIN_S)
        except OSError as error:
            raise ConnectionError(f"tcp: no broker at {host}:{port}: {error}") from error
        self._receiving = threading.Lock()
        self._unread = b""
        self.closed = False
        try:
            self.send(greeting.encode())
            if self.line(CONNECT_WITHIN_S) != b"OK":
                raise ConnectionError(f"tcp: the broker at {host}:{port} does not answer")
        except ConnectionError:
            self.close()
            raise

    def send(self, line: bytes) -> None:
        """Send a line."""
        try:
            self.link.settimeout(CONNECT_WITHIN_S)
            self.link.sendall(line + b"\n")
        except OSError as error:
            raise ConnectionError(f"tcp: the connection is lost: {error}") from error

    def line(self, timeout_s: float | None) -> bytes | None:
        """Receive a line; None when the time is up."""
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        with self._receiving:
            while b"\n" not in self._unread:
                left = None if ends is None else ends - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._receive(left)
            line, self._unread = self._unread.split(b"\n", 1)
            return line

    def _receive(self, left: float | None) -> None:
        try:
            self.link.settimeout(left)
            got = self.link.recv(LIMIT)
        except TimeoutError:
            return
        except OSError as error:
            raise ConnectionError(f"tcp: the connection is lost: {error}") from error
        if not got:
            raise ConnectionError("tcp: the connection has ended")
        self._unread += got

    def close(self) -> None:
        """End a receiving that waits, then give the descriptor back."""
        self.closed = True
        with suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)
        with self._receiving:
            self.link.close()


class TcpReader(PluginMessageReader):
    """Subscribes over one connection."""

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        self.topics = self.params.topics()
        self.timeout_s = self.params.receive_timeout_s()
        self.host = self.params.string("host", "127.0.0.1")
        self.port = self.params.integer("port", minimum=1, maximum=65535)
        self.connection: Connection | None = None

    def open(self) -> None:
        if self.connection is not None:
            raise AlreadyConnectedError("tcp: this reader is open; call close() first")
        self.connection = self.connect()

    def connect(self) -> Connection:
        """A connection that gets the messages."""
        return Connection(self.host, self.port, f"SUB {' '.join(self.topics)}")

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def __iter__(self) -> Iterator[Any]:
        return TcpIterator(self)


class TcpIterator:
    """The iterator of a :class:`TcpReader`."""

    def __init__(self, reader: TcpReader) -> None:
        self.connection, self.timeout_s = reader.connection, reader.timeout_s
        self.ended = False

    def __iter__(self) -> TcpIterator:
        return self

    def __next__(self) -> Any:
        if self.connection is None:
            raise ConnectionError("tcp: this reader is not open; call open() first")
        line = None if self.ended or self.connection.closed else self.receive(self.connection)
        if line is None:
            self.ended = True
            raise StopIteration
        topic, payload = line.split(b" ")
        return b64decode(payload), topic.decode(), line

    def receive(self, connection: Connection) -> bytes | None:
        """Wait for one line; None when the time is up or the reader was closed meanwhile."""
        try:
            return connection.line(self.timeout_s)
        except ConnectionError:
            if connection.closed:
                return None
            raise


class TcpWriter(PluginMessageWriter):
    """Publishes over one connection, a message at a time."""

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        self.topic = self.params.topic()
        self.host = self.params.string("host", "127.0.0.1")
        self.port = self.params.integer("port", minimum=1, maximum=65535)
        self.connection: Connection | None = None
        self._sending = threading.Lock()

    def open(self) -> None:
        if self.connection is not None:
            raise AlreadyConnectedError("tcp: this writer is open; call close() first")
        self.connection = self.connect()

    def connect(self) -> Connection:
        """A connection that takes messages."""
        return Connection(self.host, self.port, f"PUB {self.topic}")

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def publish(self, message: bytes) -> None:
        if not isinstance(message, bytes):
            raise InvalidArgumentError(f"tcp: a payload is bytes, not {type(message).__name__}")
        connection = self.connection
        if connection is None:
            raise ConnectionError("tcp: this writer is not open; call open() first")
        with self._sending:
            connection.send(b64encode(message))
            if connection.line(CONNECT_WITHIN_S) != b"OK":
                raise ConnectionError("tcp: the broker did not take the message")


class TcpAsyncReader(PollingAsyncReader):
    """A reader with a thread of its own."""

    reader_class = TcpReader


class TcpAsyncWriter(PublishingAsyncWriter):
    """A writer with a thread of its own."""

    writer_class = TcpWriter


class TcpHarness(Harness):
    """Runs the broker, and holds a port on which nobody listens."""

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=True,
        guide_constructor=False,
        ready_within_s=1.5,
        delivered_within_s=1.5,
        call_within_s=4.0,
    )

    def start(self) -> None:
        self.broker = LineBroker()
        self.port = self.broker.start()
        self.nowhere = socket.socket()
        self.nowhere.bind(("127.0.0.1", 0))

    def stop(self) -> None:
        self.broker.stop()
        self.nowhere.close()

    def describe(self) -> str:
        return "a line broker on loopback"

    def params(self, role: Role) -> Mapping[str, Any]:
        return {"host": "127.0.0.1", "port": self.port}

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        return {"port": self.nowhere.getsockname()[1]}

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the broker refuses every message."""
        self.broker.refusing = True
        try:
            yield
        finally:
            self.broker.refusing = False
