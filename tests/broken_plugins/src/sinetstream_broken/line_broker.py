"""A broker on loopback that speaks lines: publish/subscribe that keeps nothing.

A client says ``SUB topic ...`` or ``PUB topic`` and gets ``OK``. After that a subscriber gets lines
``topic base64``; a publisher sends lines of base64 and gets ``OK`` or ``NO`` for each.
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

LIMIT = 1 << 20


@dataclass
class Client:
    """One connection."""

    link: socket.socket
    subscribed: frozenset[str] = frozenset()
    publishes: str = ""
    unread: bytes = b""
    unsent: bytearray = field(default_factory=bytearray)


class LineBroker:
    """Owns one thread, which serves all connections, from :meth:`start` to :meth:`stop`."""

    def __init__(self) -> None:
        self.refusing = False
        self._stopping = threading.Event()

    def start(self) -> int:
        """Begin to listen; gives the port."""
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="line broker")
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def stop(self) -> None:
        """Cut every connection and end the thread."""
        self._stopping.set()
        self._waker.send(b".")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._waker.close()
        self._selector.close()

    def _serve(self) -> None:
        while True:
            for key, events in self._selector.select():
                if self._stopping.is_set():
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.data, Client):
                    self._attend(key.data, events)

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        link.setblocking(False)
        self._selector.register(link, selectors.EVENT_READ, Client(link))

    def _attend(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._flush(client)
            if events & selectors.EVENT_READ:
                got = client.link.recv(LIMIT)
                if not got:
                    raise ConnectionResetError
                *lines, client.unread = (client.unread + got).split(b"\n")
                for line in lines:
                    self._heed(client, line)
        except OSError:
            self._drop(client)

    def _heed(self, client: Client, line: bytes) -> None:
        if client.publishes:
            if not self.refusing:
                letter = client.publishes.encode() + b" " + line + b"\n"
                for other in self._clients():
                    if client.publishes in other.subscribed:
                        self._send(other, letter)
            self._send(client, b"NO\n" if self.refusing else b"OK\n")
            return
        verb, *topics = line.decode().split()
        if verb == "SUB":
            client.subscribed = frozenset(topics)
        else:
            (client.publishes,) = topics
        self._send(client, b"OK\n")

    def _clients(self) -> list[Client]:
        data = [key.data for key in self._selector.get_map().values()]
        return [client for client in data if isinstance(client, Client)]

    def _send(self, client: Client, data: bytes) -> None:
        client.unsent += data
        with suppress(OSError):  # its own turn will tell that it has gone
            self._flush(client)

    def _flush(self, client: Client) -> None:
        with suppress(BlockingIOError):
            while client.unsent:
                del client.unsent[: client.link.send(client.unsent)]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.modify(client.link, wanted, client)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.link)
        client.link.close()
