"""A stand-in for a client library that somebody else wrote, with the habits that such things have.

It raises errors of its own, blocks without a way to be woken, is used by one thread at a time, and
knows nothing of SINETStream. Its servers live in this process.
"""

# REPLACE: leave this module out, and import the library that you wrap in `plugin.py`.
#
# No library, but a device or a pipe that blocks whoever reads it? Put in place of this module
# what opens, reads and writes it. The kind 'in-process' is simpler where nothing blocks, as with a
# directory; 'network' is for a protocol that you speak yourself.

import queue
import threading
from dataclasses import dataclass
from typing import ClassVar


class VendorError(Exception):
    """Anything that goes wrong in the library."""


class NotReachableError(VendorError):
    """There is no server, or it is gone."""


class NotTakenError(VendorError):
    """The server did not take a message."""


@dataclass(frozen=True)
class Record:
    """A message as the library hands it out."""

    subject: str
    number: int
    body: bytes


class Server:
    """Gives each message to every client that has subscribed to its subject by then."""

    running: ClassVar[dict[str, "Server"]] = {}

    def __init__(self, address: str) -> None:
        self.address = address
        self.refuses = False
        self.takes = threading.Event()
        self.takes.set()
        self._lock = threading.Lock()
        self._count = 0
        self._clients: list[tuple[str, queue.SimpleQueue[Record]]] = []

    def start(self) -> None:
        """Be there for clients."""
        self.running[self.address] = self

    def stop(self) -> None:
        """Be gone."""
        del self.running[self.address]

    def add(self, subject: str, inbox: queue.SimpleQueue[Record]) -> None:
        """Have the messages of a subject put into an inbox."""
        with self._lock:
            self._clients.append((subject, inbox))

    def remove(self, inbox: queue.SimpleQueue[Record]) -> None:
        """Put no more messages into an inbox."""
        with self._lock:
            self._clients = [pair for pair in self._clients if pair[1] is not inbox]

    def spread(self, subject: str, body: bytes) -> None:
        """Put a message into the inboxes of its subject."""
        with self._lock:
            self._count += 1
            for wanted, inbox in self._clients:
                if wanted == subject:
                    inbox.put(Record(subject, self._count, body))


class Client:
    """A connection to one server; not for several threads at once."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._inbox: queue.SimpleQueue[Record] = queue.SimpleQueue()

    def connect(self) -> None:
        """Connect, or raise :class:`NotReachableError`."""
        self._server()

    def disconnect(self) -> None:
        """Receive no more."""
        server = Server.running.get(self._address)
        if server is not None:
            server.remove(self._inbox)

    def subscribe(self, subject: str) -> None:
        """Receive the messages of one more subject."""
        self._server().add(subject, self._inbox)

    def poll(self, seconds: float) -> Record | None:
        """The next message, or None if none comes in time."""
        self._server()
        try:
            return self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None

    def send(self, subject: str, body: bytes, seconds: float) -> None:
        """Return when the server has the message, or raise :class:`NotTakenError`."""
        server = self._server()
        if not server.takes.wait(seconds):
            raise NotTakenError(f"no answer in {seconds:g} s")
        if server.refuses:
            raise NotTakenError("refused")
        server.spread(subject, body)

    def _server(self) -> Server:
        server = Server.running.get(self._address)
        if server is None:
            raise NotReachableError("nobody answers")
        return server
