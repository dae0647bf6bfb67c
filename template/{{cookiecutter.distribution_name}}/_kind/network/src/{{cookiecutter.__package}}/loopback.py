"""A broker for the harness: it listens on this machine alone, and each topic is a shared queue.

A subscriber gets one message at a time; what it has not acknowledged when its connection ends goes
to the next one.
"""

# REPLACE: leave this module out once your harness starts a real broker.

import json
import socket
import socketserver
import threading
from collections import defaultdict, deque
from contextlib import suppress
from itertools import count
from typing import Any

Entry = dict[str, Any]

STALL_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0


class Session(socketserver.StreamRequestHandler):
    """One client's connection, served by a thread of its own."""

    server: "LoopbackBroker"

    def setup(self) -> None:
        super().setup()
        self.topics: list[str] = []
        self.under_way: Entry | None = None
        self.server.came(self)

    def handle(self) -> None:
        with suppress(OSError):  # the client, or the broker, has ended the connection
            for text in self.rfile:
                self._serve(json.loads(text))

    def finish(self) -> None:
        self.server.left(self)
        super().finish()

    def send(self, line: Entry) -> None:
        """Send a line to the client."""
        self.wfile.write(json.dumps(line).encode() + b"\n")

    def _serve(self, line: Entry) -> None:
        if line["op"] == "connect":
            self.send({"op": "ok"})
        elif line["op"] == "acknowledge":
            self.server.acknowledged(self, line["number"])
        elif line["op"] == "subscribe":
            self.send({"op": "ok"})
            self.server.subscribed(self, line["topics"])
        elif not self.server.answers.wait(STALL_LIMIT_S):
            self.send({"op": "refused", "reason": f"stalled for {STALL_LIMIT_S:g} s"})
        elif self.server.refuses:
            self.send({"op": "refused", "reason": "the harness asked for it"})
        else:
            self.server.put(line["topic"], line["payload"])
            self.send({"op": "ok"})


class LoopbackBroker(socketserver.ThreadingTCPServer):
    """Serves from :meth:`start` to :meth:`stop`; payloads are text in base 64."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        """Take a port, a free one by default."""
        super().__init__(("127.0.0.1", port), Session)
        self.port: int = self.server_address[1]
        self.refuses = False
        self.answers = threading.Event()
        self.answers.set()
        self._changed = threading.Condition()
        self._sessions: deque[Session] = deque()
        self._waiting: defaultdict[str, deque[Entry]] = defaultdict(deque)
        self._numbers = count()
        self._thread = threading.Thread(target=self.serve_forever, args=[0.1], daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """End all connections and wait till their threads have ended."""
        self.answers.set()
        self.shutdown()
        self._thread.join(STOP_LIMIT_S)
        with self._changed:
            for session in self._sessions:
                with suppress(OSError):
                    session.connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._sessions, STOP_LIMIT_S)
        self.server_close()

    def put(self, topic: str, payload: str) -> None:
        """Keep a message for whoever comes for it."""
        with self._changed:
            entry = {"op": "message", "number": next(self._numbers), "topic": topic}
            self._waiting[topic].append(entry | {"payload": payload})
            self._hand_out()
            self._changed.notify_all()

    def take(self, topic: str, timeout_s: float) -> str | None:
        """The oldest message of a topic, past all subscribers; None once the time is up."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._waiting[topic], timeout_s)
            payload: str | None = found.popleft()["payload"] if found else None
            return payload

    def came(self, session: Session) -> None:
        """Note a new connection."""
        with self._changed:
            self._sessions.append(session)

    def left(self, session: Session) -> None:
        """Forget a connection; what was under way on it waits for the next subscriber."""
        with self._changed:
            self._sessions.remove(session)
            if session.under_way is not None:
                self._waiting[session.under_way["topic"]].appendleft(session.under_way)
                self._hand_out()
            self._changed.notify_all()

    def subscribed(self, session: Session, topics: list[str]) -> None:
        """Let a session have the messages of some topics."""
        with self._changed:
            session.topics = topics
            self._hand_out()

    def acknowledged(self, session: Session, number: int) -> None:
        """Let a session have its next message."""
        with self._changed:
            if session.under_way is not None and session.under_way["number"] == number:
                session.under_way = None
                self._sessions.rotate(-1)
                self._hand_out()

    def _hand_out(self) -> None:
        """Send each session that is free the oldest message that it may have."""
        for session in self._sessions:
            if session.under_way is None:
                waiting = [self._waiting[topic] for topic in session.topics if self._waiting[topic]]
                if waiting:
                    oldest = min(waiting, key=lambda queue: queue[0]["number"])
                    session.under_way = oldest.popleft()
                    with suppress(OSError):  # its own thread will find out, and call left()
                        session.send(session.under_way)
