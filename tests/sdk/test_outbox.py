"""Messages between publish() and the broker's confirmation."""

from __future__ import annotations

import time

import pytest

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.errors import InvalidArgumentError, SinetError
from sinetstream_sdk.outbox import Outbox


class Client:
    """Takes what it is given, and hands out keys."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.connected = True

    def publish(self, payload: bytes) -> int | None:
        if not self.connected:
            return None
        self.given.append(payload)
        return len(self.given)


def test_a_promise_is_fulfilled_when_the_broker_has_answered_and_it_is_settled() -> None:
    """answer() alone settles nothing: it may be called where the client holds a lock."""
    outbox, client = Outbox[int](10), Client()
    promise = outbox.send(b"a")
    outbox.pass_on(client.publish)
    outbox.answer(1)
    assert promise.is_pending
    outbox.settle()
    assert promise.get(0) is None
    assert outbox.drained


def test_a_refusal_rejects() -> None:
    """The error that the broker's answer comes to is the promise's reason."""
    outbox, client = Outbox[int](10), Client()
    promise = outbox.send(b"a")
    outbox.pass_on(client.publish)
    outbox.answer(1, SinetError("no room"))
    outbox.settle()
    with pytest.raises(SinetError, match="no room"):
        promise.get(0)


def test_an_answer_may_come_before_the_key_is_known() -> None:
    """A client that confirms inside publish() is right, too."""
    outbox = Outbox[int](10)

    def publish(payload: bytes) -> int:
        outbox.answer(7)
        return 7

    promise = outbox.send(b"a")
    outbox.pass_on(publish)
    outbox.settle()
    assert promise.is_fulfilled


def test_no_more_are_in_flight_than_allowed_and_the_order_stays() -> None:
    """The client gets the next one when an earlier one is confirmed, and less if told so."""
    outbox, client = Outbox[int](10, in_flight=2), Client()
    for number in range(5):
        outbox.send(b"%d" % number)
    outbox.pass_on(client.publish)
    assert client.given == [b"0", b"1"]
    assert not outbox.sendable
    outbox.answer(1)
    outbox.settle()
    assert outbox.sendable
    outbox.pass_on(client.publish)
    assert client.given == [b"0", b"1", b"2"]
    outbox.in_flight = 1
    outbox.answer(2)
    outbox.settle()
    outbox.pass_on(client.publish)
    assert client.given == [b"0", b"1", b"2"]


def test_a_message_that_cannot_be_sent_keeps_its_place() -> None:
    """Where the client has no connection the message waits, and goes first afterwards."""
    outbox, client = Outbox[int](10), Client()
    for payload in (b"a", b"b"):
        outbox.send(payload)
    client.connected = False
    outbox.pass_on(client.publish)
    client.connected = True
    outbox.pass_on(client.publish)
    assert client.given == [b"a", b"b"]


def test_what_publish_raises_rejects_that_message_alone() -> None:
    """The others go on."""
    outbox, client = Outbox[int](10), Client()

    def publish(payload: bytes) -> int | None:
        if payload == b"bad":
            raise InvalidArgumentError("bad")
        return client.publish(payload)

    bad, good = outbox.send(b"bad"), outbox.send(b"good")
    outbox.pass_on(publish)
    assert client.given == [b"good"]
    assert good.is_pending
    with pytest.raises(InvalidArgumentError):
        bad.get(0)


def test_what_takes_too_long_is_rejected_and_says_whether_it_may_arrive() -> None:
    """Unsent it is never sent; sent and unconfirmed it keeps its place in flight."""
    outbox, client = Outbox[int](0.05, in_flight=1), Client()
    sent, waiting = outbox.send(b"sent"), outbox.send(b"waiting")
    outbox.pass_on(client.publish)
    assert outbox.deadline() <= time.monotonic() + 0.05
    while time.monotonic() < outbox.deadline():
        time.sleep(0.01)
    time.sleep(0.02)
    outbox.settle("it rains")
    with pytest.raises(BrokerGone, match=r"may yet arrive, within 0.05 s: it rains"):
        sent.get(0)
    with pytest.raises(BrokerGone, match=r"could not be sent within 0.05 s: it rains"):
        waiting.get(0)
    assert outbox.deadline() == float("inf")
    assert outbox.drained
    outbox.send(b"next")
    outbox.pass_on(client.publish)
    assert client.given == [b"sent"]
    outbox.answer(1)
    outbox.settle()
    outbox.pass_on(client.publish)
    assert client.given == [b"sent", b"next"]


def test_beyond_the_limit_promises_are_rejected_at_once() -> None:
    """Those that wait stay."""
    outbox = Outbox[int](10, limit=2)
    promises = [outbox.send(b"x") for _ in range(3)]
    assert [p.is_pending for p in promises] == [True, True, False]
    with pytest.raises(SinetError, match="2 messages are waiting"):
        promises[2].get(0)


def test_close_takes_no_more_and_abandon_rejects_the_rest() -> None:
    """Reasons say whether a message was sent."""
    outbox, client = Outbox[int](10, in_flight=1), Client()
    sent, waiting = outbox.send(b"a"), outbox.send(b"b")
    outbox.pass_on(client.publish)
    outbox.close()
    with pytest.raises(BrokerGone, match="call open"):
        outbox.send(b"c")
    assert sent.is_pending
    outbox.abandon("the end")
    with pytest.raises(BrokerGone, match=r"before the message was confirmed; it may .*: the end"):
        sent.get(0)
    with pytest.raises(BrokerGone, match="before the message was sent: the end"):
        waiting.get(0)


def test_there_is_something_to_do_for_each_message() -> None:
    """``wake`` is called when one can be sent, and not when it was rejected."""
    calls: list[int] = []
    outbox = Outbox[int](10, limit=1, wake=lambda: calls.append(1))
    outbox.send(b"a")
    outbox.send(b"b").catch(lambda _: None)
    assert len(calls) == 1


def test_a_callback_that_ends_the_program_does_not_lose_the_other_promises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SystemExit inside a then() is logged."""
    outbox, client = Outbox[int](10), Client()

    def leave(_: object) -> None:
        raise SystemExit

    first, second = outbox.send(b"a"), outbox.send(b"b")
    first.done(leave)
    outbox.pass_on(client.publish)
    outbox.answer(1)
    outbox.answer(2)
    outbox.settle()
    assert second.is_fulfilled
    assert "callback of a promise raised" in caplog.text
