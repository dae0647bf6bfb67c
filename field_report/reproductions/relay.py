"""A relay through which a script reaches its broker, so that the connection can be lost.

Once there is one, whatever the script's process opens to the broker's port goes through it, also
where a broker tells its clients its own address.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from published import address

CHUNK = 65536


class Relay:
    """Passes everything on, until it is told to hold back or to cut."""

    def __init__(self) -> None:
        host, _, port = address().rpartition(":")
        look_up = socket.getaddrinfo
        self._broker = look_up(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._address = here = self._listener.getsockname()
        self._ends: list[socket.socket] = []
        self._passing = threading.Event()
        self._passing.set()
        self._asking = threading.Event()
        self._asking.set()
        self._left: int | None = None

        def through_here(name: Any, number: Any, *rest: Any, **named: Any) -> Any:
            if str(number) == port:
                return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", here)]
            return look_up(name, number, *rest, **named)

        socket.getaddrinfo = through_here  # type: ignore[assignment]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_requests(self) -> None:
        """Pass on nothing to the broker, and soon take nothing more."""
        self._asking.clear()

    def hold_answers(self, after: int = 0) -> None:
        """Pass on nothing that the broker says from now on, or ``after`` so many bytes."""
        self._left = after
        if not after:
            self._passing.clear()

    def cut_once(self) -> None:
        """End all connections; new ones pass everything on."""
        ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._left = None
        self._passing.set()
        self._asking.set()

    def cut(self) -> None:
        """End all connections, and take no new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_once()

    def take_again(self) -> None:
        """Take new connections after :meth:`cut`, and pass everything on."""
        self._listener = socket.create_server(self._address)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                broker = socket.socket()
                broker.connect(self._broker)
                self._ends += (client, broker)
                for way in ((client, broker, False), (broker, client, True)):
                    threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if answers:
                    self._passing.wait()
                    data = self._allowed(data)
                else:
                    self._asking.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _allowed(self, data: bytes) -> bytes:
        """What of an answer may still pass; the rest is lost with its connection."""
        if self._left is None:
            return data
        allowed, self._left = data[: self._left], max(0, self._left - len(data))
        if not self._left:
            self._passing.clear()
        return allowed
