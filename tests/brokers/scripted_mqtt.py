"""A broker that follows a script, in which each connection has its number."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK = 8, 9

Script = Callable[[int, "Connection"], None]


class Connection:
    """A client's connection as the broker sees it."""

    def __init__(self, number: int, sock: socket.socket, log: list[tuple[int, int]]) -> None:
        self._number, self._sock, self._log = number, sock, log

    def receive(self) -> tuple[int, bytes]:
        """Kind and body of the next packet, which is noted.

        :raises EOFError: the client has gone
        """
        kind, size, shift = self._exactly(1)[0] >> 4, 0, 0
        while True:
            digit = self._exactly(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        body = self._exactly(size)
        self._log.append((self._number, kind))
        return kind, body

    def send(self, kind: int, body: bytes, flags: int = 0) -> None:
        """Send a packet, however wrong; of less than 128 bytes."""
        self._sock.sendall(bytes([kind << 4 | flags, len(body)]) + body)

    def accept(self, *, session: bool = False, code: int = 0) -> None:
        """Take CONNECT, and answer it."""
        self.greet(bytes([session, code]))

    def greet(self, connack: bytes) -> None:
        """Take CONNECT, and answer it with these bytes."""
        assert self.receive()[0] == CONNECT
        self.send(CONNACK, connack)

    def grant(self, subscribe: bytes, code: int = 1) -> None:
        """Answer a SUBSCRIBE."""
        self.send(SUBACK, subscribe[:2] + bytes([code]))

    def publish(self, mid: int, payload: bytes, *, again: bool = False) -> None:
        """Send a message of QoS 1 on topic ``t``."""
        self.send(PUBLISH, b"\0\x01t" + struct.pack("!H", mid) + payload, 2 | again << 3)

    def serve(self) -> None:
        """Grant what the client asks for, until it has gone."""
        while True:
            kind, body = self.receive()
            if kind == SUBSCRIBE:
                self.grant(body)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._sock.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


class ScriptedMqtt:
    """Runs the script for each connection, one after another; closes it when the script returns."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.log: list[tuple[int, int]] = []
        """The number of the connection and the kind of each packet that has come."""
        self._sock: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for end in (self._listener, self._sock):
            with suppress(OSError):
                if end is not None:
                    end.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        number = 0
        with suppress(OSError):
            while True:
                self._sock, _ = self._listener.accept()
                number += 1
                with self._sock, suppress(OSError, EOFError):
                    self._script(number, Connection(number, self._sock, self.log))
