"""A broker that answers CONNECT and SUBSCRIBE as it is told to, and nothing else."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CONNECT, SUBSCRIBE = 1, 8


class FakeMqtt:
    """Serves one connection after another.

    :param connack: what follows the fixed header of CONNACK
    :param granted: the reason codes of SUBACK; None to say nothing
    :param v5: whether SUBACK has properties
    """

    def __init__(
        self, connack: bytes = b"\0\0", granted: bytes | None = b"\1", *, v5: bool = False
    ) -> None:
        self._connack, self._granted, self._v5 = connack, granted, v5
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._link: socket.socket | None = None
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
        for end in (self._listener, self._link):
            with suppress(OSError):
                if end is not None:
                    end.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._link, _ = self._listener.accept()
                with self._link, suppress(OSError):
                    while packet := self._packet(self._link):
                        self._answer(self._link, *packet)

    def _packet(self, link: socket.socket) -> tuple[int, bytes] | None:
        head = link.recv(2)
        if len(head) < 2:
            return None
        body = b""
        while len(body) < head[1]:
            body += link.recv(head[1] - len(body))
        return head[0] >> 4, body

    def _answer(self, link: socket.socket, kind: int, body: bytes) -> None:
        if kind == CONNECT:
            link.sendall(bytes([0x20, len(self._connack)]) + self._connack)
        elif kind == SUBSCRIBE and self._granted is not None:
            answer = body[:2] + (b"\0" if self._v5 else b"") + self._granted
            link.sendall(bytes([0x90, len(answer)]) + answer)
