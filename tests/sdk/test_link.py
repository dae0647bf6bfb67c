"""A connection that is kept up, with a socket pair in the broker's place."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    AuthorizationError,
    InvalidArgumentError,
    SinetError,
)
from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.inbox import Inbox
from sinetstream_sdk.linked import (
    LinkedAsyncWriter,
    LinkedReader,
    LinkedWriter,
    ReadingLink,
    WritingLink,
)
from sinetstream_sdk.outbox import Outbox

WITHIN_S = 5.0
HELLO, REFUSAL, END = b"H", b"R", b"E"


class Wire:
    """A broker's side: says hello, unless told otherwise, and sends back what it gets."""

    def __init__(self, hello: bytes = HELLO) -> None:
        self.hello = hello
        self.reachable = True
        self.ends: list[socket.socket] = []

    def connect(self) -> socket.socket:
        if not self.reachable:
            raise BrokerGone("nobody answers")
        mine, theirs = socket.socketpair()
        self.ends.append(mine)
        mine.sendall(self.hello)
        theirs.setblocking(False)
        return theirs

    def cut(self) -> None:
        for end in self.ends:
            end.close()
        self.ends.clear()


class WireLink(WritingLink):
    """A byte is a message: those that come go into the inbox, and are sent from the outbox."""

    drain_s = 3.0

    def __init__(self, wire: Wire, timeout_s: float = 30.0, **settings: Any) -> None:
        outbox: Outbox[bytes] = Outbox(timeout_s)
        super().__init__("the wire", delays_s=(0.02, 0.1), outbox=outbox, **settings)
        self.wire = wire
        self.sock: socket.socket | None = None
        self.left = False
        self.inbox: Inbox[bytes] = Inbox(self.gone)

    def _connect(self, again: bool) -> None:
        self.sock = self.wire.connect()

    def _socket(self) -> socket.socket | None:
        return self.sock

    def _serve(self, readable: bool, writable: bool) -> None:
        if not readable or self.sock is None:
            return
        for byte in self.sock.recv(100) or END:
            kind = bytes([byte])
            if kind == HELLO:
                self._came_up()
            elif kind in (REFUSAL, END):
                refused = kind == REFUSAL
                self._went_down(AuthorizationError("no") if refused else BrokerGone("it ended"))
                self.sock.close()
                self.sock = None
                return
            else:
                self.inbox.put(kind)
                self.outbox.answer(kind)

    def _publish(self, payload: bytes) -> bytes | None:
        if self.sock is not None:
            self.sock.send(payload)
        return payload if self.sock is not None else None

    def _disconnect(self) -> None:
        self.left = True
        if self.sock is not None:
            self.sock.close()

    def unpack(self, message: bytes) -> tuple[bytes, str, Any]:
        return message, "t", message

    def close(self) -> None:
        self.inbox.close()
        super().close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.cut()
    assert not [t for t in threading.enumerate() if "WireLink" in t.name]


def wait_until(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + WITHIN_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def test_open_waits_for_the_brokers_consent(wire: Wire) -> None:
    """The link is up when open() returns, and over after close()."""
    link = WireLink(wire)
    link.open()
    assert link.up
    wire.ends[0].sendall(b"a")
    assert link.inbox.take(WITHIN_S) == b"a"
    link.close()
    assert link.left
    assert not link.up
    link.close()


def test_a_silent_broker_fails_open_in_time(wire: Wire) -> None:
    """The error names the broker and what did not come."""
    wire.hello = b""
    link = WireLink(wire, open_timeout_s=0.1)
    link.awaited = "no hello"
    with pytest.raises(BrokerGone, match=r"cannot connect to the wire: no hello came within 0.1 s"):
        link.open()
    assert link.left


@pytest.mark.parametrize(("hello", "error"), [(REFUSAL, AuthorizationError), (END, BrokerGone)])
def test_a_refusal_fails_open_at_once(wire: Wire, hello: bytes, error: type[SinetError]) -> None:
    """What the broker said is raised, and it is not asked again."""
    wire.hello = hello
    with pytest.raises(error):
        WireLink(wire).open()
    assert len(wire.ends) == 1


def test_an_unreachable_broker_fails_open(wire: Wire) -> None:
    """What connecting raised is raised, and close() afterwards is harmless."""
    wire.reachable = False
    link = WireLink(wire)
    with pytest.raises(BrokerGone, match="nobody answers"):
        link.open()
    link.close()


def test_a_broken_connection_is_made_again(wire: Wire) -> None:
    """It comes up by itself, however many attempts that takes, and messages go on."""
    link = WireLink(wire)
    link.open()
    wire.reachable = False
    wire.cut()
    assert wait_until(lambda: isinstance(link.failure, BrokerGone))
    assert not link.up
    time.sleep(0.1)
    wire.reachable = True
    assert wait_until(lambda: link.up)
    assert link.failure is None
    assert link.gone() is None
    wire.ends[0].sendall(b"a")
    assert link.inbox.take(WITHIN_S) == b"a"
    link.close()


def test_it_is_not_made_again_where_that_is_not_wanted(wire: Wire) -> None:
    """With ``reconnects=False`` a break is the end, which a reader is told."""
    link = WireLink(wire, reconnects=False)
    link.open()
    wire.cut()
    with pytest.raises(BrokerGone, match=r"the connection to the wire was lost .* it ended"):
        link.inbox.take(None)
    link.close()


def test_a_break_is_told_once_it_has_lasted_too_long(wire: Wire) -> None:
    """Not before ``recovery_timeout_s``, and with the reason of the last attempt."""
    link = WireLink(wire, recovery_timeout_s=0.2)
    link.open()
    wire.reachable = False
    began = time.monotonic()
    wire.cut()
    with pytest.raises(BrokerGone, match=r"lost .*: nobody answers"):
        link.inbox.take(None)
    assert time.monotonic() - began >= 0.2
    link.close()


def test_close_gives_what_is_under_way_its_time(wire: Wire) -> None:
    """Promises are settled when close() returns: those in time are fulfilled, the rest rejected."""
    link = WireLink(wire)
    link.open()
    promises = [link.outbox.send(payload) for payload in (b"a", b"b")]
    assert wait_until(lambda: link.outbox.deadline() < float("inf"))
    answering = threading.Thread(target=lambda: (time.sleep(0.05), wire.ends[0].sendall(b"a")))
    answering.start()
    link.close()
    answering.join(WITHIN_S)
    assert promises[0].is_fulfilled
    with pytest.raises(BrokerGone, match="closed before"):
        promises[1].get(0)


def test_close_inside_a_callback_does_not_wait_for_itself(wire: Wire) -> None:
    """The thread ends once the callback has returned."""
    link = WireLink(wire)
    link.open()
    promise = link.outbox.send(b"a").then(lambda _: link.close())
    wire.ends[0].sendall(b"a")
    promise.get(WITHIN_S)
    link.close()
    assert link.left


def test_a_mistake_on_the_thread_ends_the_link_and_is_told(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """What the implementation raises is logged, rejects promises and reaches readers."""

    class Wrong(WireLink):
        def _serve(self, readable: bool, writable: bool) -> None:
            super()._serve(readable, writable)
            if not self.inbox.unreleased():
                return
            raise KeyError("a mistake")

    link = Wrong(wire)
    link.open()
    promise = link.outbox.send(b"x")
    wire.ends[0].sendall(b"a")
    with pytest.raises(BrokerGone, match="a mistake"):
        promise.get(WITHIN_S)
    link.inbox.take(0)
    with pytest.raises(BrokerGone, match="a mistake"):
        link.inbox.take(None)
    assert "the thread ends early" in caplog.text
    link.close()


def test_what_the_client_raises_becomes_an_error_that_names_the_broker(wire: Wire) -> None:
    """OSError and ValueError of a client are connection errors; a certificate is told apart."""
    for raised, says in (
        (OSError("no route"), "cannot connect to the wire: no route"),
        (ValueError("no such name"), "cannot connect to the wire: no such name"),
        (certificate_error("self-signed"), "its certificate is not accepted: self-signed"),
    ):

        class Failing(WireLink):
            def _connect(self, again: bool, error: Exception = raised) -> None:
                raise error

        with pytest.raises(BrokerGone, match=says):
            Failing(wire).open()


def certificate_error(reason: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("unreadable")
    error.verify_message = reason
    return error


class AcknowledgingLink(ReadingLink, WireLink):
    """A reading link that notes what it acknowledges."""

    unpack = WireLink.unpack

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, acknowledges=True)
        self.acknowledged: list[bytes] = []

    def _acknowledge(self, message: bytes) -> None:
        assert self.up
        self.acknowledged.append(message)


def test_a_message_is_acknowledged_once_the_caller_has_done_with_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is when the next one is asked for, or at close(); at once, but only while it is up."""
    monkeypatch.setattr("sinetstream_sdk.link.IDLE_S", 60.0)
    link = AcknowledgingLink(wire)
    link.open()
    wire.ends[-1].sendall(b"abc")
    assert link.inbox.take(WITHIN_S) == b"a"
    assert link.inbox.take(WITHIN_S) == b"b"
    assert wait_until(lambda: link.acknowledged)
    assert link.acknowledged == [b"a"]
    wire.reachable = False
    wire.cut()
    assert wait_until(lambda: not link.up)
    assert link.inbox.take(WITHIN_S) == b"c"
    assert link.acknowledged == [b"a"]
    wire.reachable = True
    assert wait_until(lambda: link.acknowledged == [b"a", b"b"])
    link.close()
    assert link.acknowledged == [b"a", b"b", b"c"]


# ---- roles


class Linking:
    """Makes wire links for the roles below."""

    wire: Wire

    def _make_link(self) -> WireLink:
        return WireLink(self.wire)


def role(cls: type[Any], wire: Wire, **params: Any) -> Any:
    made = type(cls.__name__, (Linking, cls), {"wire": wire})
    return made({"topic": "t", "receive_timeout_ms": 100, **params})


def test_a_reader_reads_from_its_link(wire: Wire) -> None:
    """It can be opened again, is opened once at a time, and says when it is not open."""
    reader = role(LinkedReader, wire)
    with pytest.raises(BrokerGone, match="call open"):
        next(iter(reader))
    for payload in (b"a", b"b"):
        reader.open()
        with pytest.raises(AlreadyConnectedError, match="call close"):
            reader.open()
        wire.ends[-1].sendall(payload)
        assert wait_until(lambda: reader._link.inbox.unreleased())
        assert list(reader) == [(payload, "t", payload)]
        reader.close()
        reader.close()


@pytest.mark.parametrize("cls", [LinkedWriter, LinkedAsyncWriter])
def test_a_writer_checks_what_it_is_given(wire: Wire, cls: type[Any]) -> None:
    """Anything but bytes, too many of them, or a writer that is not open raise at once."""
    writer = role(cls, wire)
    writer.largest_payload = 3
    with pytest.raises(BrokerGone, match="call open"):
        writer.publish(b"x")
    writer.open()
    with pytest.raises(InvalidArgumentError, match="takes bytes; a str was given"):
        writer.publish("x")
    with pytest.raises(InvalidArgumentError, match="at most 3 bytes; 4 were given"):
        writer.publish(b"1234")
    writer.close()
    with pytest.raises(BrokerGone, match="call open"):
        writer.publish(b"x")


def test_a_writer_waits_for_the_confirmation(wire: Wire) -> None:
    """publish() of the synchronous one returns when the broker has answered."""

    class Payload(bytes):
        pass

    writer = role(LinkedWriter, wire)
    writer.open()
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(writer.publish(Payload(b"a"))))
    thread.start()
    wire.ends[0].settimeout(WITHIN_S)
    assert wire.ends[0].recv(1) == b"a"
    assert done == []
    wire.ends[0].sendall(b"a")
    thread.join(WITHIN_S)
    assert done == [None]
    writer.close()


def test_an_asynchronous_writer_returns_promises(wire: Wire) -> None:
    """They are fulfilled in whatever order the broker answers."""
    writer = role(LinkedAsyncWriter, wire)
    writer.open()
    promises = [writer.publish(payload) for payload in (b"a", b"b")]
    wire.ends[0].settimeout(WITHIN_S)
    received = b""
    while len(received) < 2:
        received += wire.ends[0].recv(2)
    assert received == b"ab"
    wire.ends[0].sendall(b"ba")
    for promise in promises:
        assert promise.get(WITHIN_S) is None
    with suppress(SinetError):
        writer.close()
