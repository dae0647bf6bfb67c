{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
"""The client of the messaging system; of SINETStream it knows nothing but the errors.

Client and broker send each other lines, each a JSON object. The broker answers ``connect``,
``subscribe`` and ``publish`` with ``ok`` or ``refused``. It sends a subscriber the next message
when that has acknowledged the one before.
"""

# REPLACE: this module by the client library of your messaging system, and see that you have from it
# what this one does: connecting within a deadline,
{% if reads %}
# subscribing and acknowledging,
{% endif %}
{% if writes %}
# waiting for the answer to each message,
{% endif %}
# connecting again once the connection is lost, and closing while another thread waits.
#
# Where there is a client library whose calls block, the kind 'wrap' is nearer to what you need.
# Where there is no server to connect to, but a directory, a pipe or a device, it is 'in-process'.

import base64
import json
import socket
import threading
import time
from contextlib import suppress
{% if reads %}
from dataclasses import dataclass
{% endif %}
from typing import Any

from sinetstream_sdk import errors
from sinetstream_sdk.params import Broker

from {{ cookiecutter.__package }} import TYPE

Line = dict[str, Any]
{% if reads %}


@dataclass(frozen=True)
class Message:
    """A message as the broker sends it; its number tells it from every other."""

    topic: str
    number: int
    payload: bytes
{% endif %}


class Connection:
    """Lines to one broker and back. One thread at a time uses it; any may close it."""

    def __init__(self, broker: Broker, timeout_s: float) -> None:
        """Connect, and wait till the broker says that it is ready.

        :raises ConnectionError: no broker answers within ``timeout_s``
        """
        self._broker = broker
        self._timeout_s = timeout_s
        self._using = threading.Lock()
        self._unread = bytearray()
        try:
            self._socket = socket.create_connection((broker.host, broker.port), timeout_s)
        except OSError as error:
            raise errors.ConnectionError(
                f"{TYPE}: no broker answers at {broker}: {error}; see that it runs, and that "
                "'brokers' names it"
            ) from error
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            self.ask(op="connect")
        except errors.SinetError:
            self.close()
            raise

    def ask(self, **line: Any) -> None:
        """Send a line and wait for the broker's ``ok``.

        :raises SinetError: the broker refuses
        :raises ConnectionError: no answer came in time, or the connection is lost
        """
        with self._using:
            self._send(line)
            answer = self._receive(self._timeout_s)
        if answer is None:
            raise errors.ConnectionError(
                f"{TYPE}: the broker at {self._broker} did not answer within {self._timeout_s:g} s"
            )
        if answer.get("op") != "ok":
            raise errors.SinetError(
                f"{TYPE}: the broker at {self._broker} refused to {line['op']}: "
                f"{answer.get('reason', 'no reason given')}"
            )
{% if reads %}

    def next_message(self, timeout_s: float | None) -> Message | None:
        """The next message, acknowledged, or None once the time is up.

        :raises ConnectionError: the connection is lost; the broker sends the message again
        """
        with self._using:
            line = self._receive(timeout_s)
            if line is None:
                return None
            self._send({"op": "acknowledge", "number": line["number"]})
            return Message(line["topic"], line["number"], base64.b64decode(line["payload"]))
{% endif %}

    def close(self) -> None:
        """Disconnect; a thread that waits here is woken with a ``ConnectionError``."""
        with suppress(OSError):  # the broker may have been quicker
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._using:  # a thread that was woken lets go of it at once
            self._socket.close()

    def _send(self, line: Line) -> None:
        self._socket.settimeout(self._timeout_s)
        try:
            self._socket.sendall(json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise self._lost(error) from error

    def _receive(self, timeout_s: float | None) -> Line | None:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            left = None if deadline is None else deadline - time.monotonic()
            self._socket.settimeout(left if left is None else max(left, 0.001))
            try:
                received = self._socket.recv(65536)
            except TimeoutError:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
                continue
            except OSError as error:
                raise self._lost(error) from error
            if not received:
                raise self._lost("the broker closed it")
            self._unread += received
        text, _, self._unread = self._unread.partition(b"\n")
        try:
            line = json.loads(text)
        except ValueError as error:
            raise self._lost(error) from error
        return line if isinstance(line, dict) else {}

    def _lost(self, why: object) -> errors.ConnectionError:
        return errors.ConnectionError(
            f"{TYPE}: the connection to the broker at {self._broker} is lost: {why}"
        )


class Client:
    """One connection at a time, which is made again after it was lost, until :meth:`close`.

    :param brokers: tried in this order
    :param timeout_s: how long to wait for a broker, each time
    """

    def __init__(self, brokers: tuple[Broker, ...], timeout_s: float) -> None:
        self._brokers = brokers
        self._timeout_s = timeout_s
        self._changing = threading.Lock()
        self._connection: Connection | None = None
        self.is_closed = False

    def connection(self) -> Connection:
        """The connection, made now if there is none.

        :raises ConnectionError: no broker can be reached, or the client is closed
        """
        if self._connection is not None:
            return self._connection
        connection = self._connect()
        with self._changing:
            if not self.is_closed:
                self._connection = connection
                return connection
        connection.close()
        raise errors.ConnectionError(f"{TYPE}: closed while it was connecting")

    def drop(self, connection: Connection) -> None:
        """Forget a connection that is of no use any more."""
        with self._changing:
            if self._connection is connection:
                self._connection = None
        connection.close()

    def close(self) -> None:
        """Disconnect for good; a thread that waits for the broker is woken."""
        with self._changing:
            self.is_closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> Connection:
        *others, last = self._brokers
        for broker in others:
            try:
                return Connection(broker, self._timeout_s)
            except errors.ConnectionError:
                continue  # the error for the last one is the one to show
        return Connection(last, self._timeout_s)
{% if reads %}


class Subscriber(Client):
    """Receives what is published to some topics."""

    def __init__(
        self, brokers: tuple[Broker, ...], timeout_s: float, topics: tuple[str, ...]
    ) -> None:
        super().__init__(brokers, timeout_s)
        self._topics = topics
        self._receiving = threading.Lock()

    def _connect(self) -> Connection:
        connection = super()._connect()
        try:
            connection.ask(op="subscribe", topics=list(self._topics))
        except errors.SinetError:
            connection.close()
            raise
        return connection

    def receive(self, timeout_s: float | None) -> Message | None:
        """The next message, or None once the time is up or the client is closed.

        A lost connection is made again once a call, within the client's own deadline.

        :raises ConnectionError: the broker is gone; the next call tries again
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._receiving:
            for is_last_try in (False, True):
                try:
                    connection = self.connection()
                    left = None if deadline is None else max(0.0, deadline - time.monotonic())
                    try:
                        return connection.next_message(left)
                    except errors.ConnectionError:
                        self.drop(connection)
                        raise
                except errors.ConnectionError:
                    if self.is_closed:
                        return None
                    if is_last_try:
                        raise
        return None
{% endif %}
{% if writes %}


class Publisher(Client):
    """Sends messages, one at a time, and waits for the broker's word on each."""

    def __init__(self, brokers: tuple[Broker, ...], timeout_s: float, *, again: bool) -> None:
        """Prepare; ``again`` tells to repeat a message of which nobody knows whether it arrived."""
        super().__init__(brokers, timeout_s)
        self._tries = 2 if again else 1
        self._publishing = threading.Lock()

    def publish(self, topic: str, payload: bytes) -> None:
        """Return once the broker has the message.

        :raises SinetError: the broker refuses it
        :raises ConnectionError: the broker is gone, and may or may not have it
        """
        text = base64.b64encode(payload).decode("ascii")
        with self._publishing:
            for tries_left in reversed(range(self._tries)):
                connection = self.connection()
                try:
                    connection.ask(op="publish", topic=topic, payload=text)
                    return
                except errors.ConnectionError:
                    self.drop(connection)
                    if self.is_closed or not tries_left:
                        raise
{% endif %}
