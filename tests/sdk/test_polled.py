"""Clients that work, and call back, while they are polled."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.polled import AwaitedOutbox, LongCall, PolledInbox, PolledOutbox
from sinetstream_sdk.promises import Deferred

WITHIN_S = 5.0


def wait_until(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + WITHIN_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


class Source:
    """A client that has messages in batches, and waits where there are none."""

    def __init__(self, *batches: list[bytes | Exception]) -> None:
        self.batches = deque(batches)
        self.came = threading.Event()
        self.asked_s: list[float] = []

    def fetch(self, within_s: float) -> list[bytes | Exception]:
        self.asked_s.append(within_s)
        if not self.batches:
            self.came.wait(within_s)
        return self.batches.popleft() if self.batches else []


def test_messages_come_in_order_and_batches_are_not_fetched_anew() -> None:
    """What waits here is given before the client is asked again."""
    source = Source([b"a", b"b"], [b"c"])
    inbox = PolledInbox(source.fetch)
    assert [inbox.take(1.0) for _ in range(3)] == [b"a", b"b", b"c"]
    assert len(source.asked_s) == 2


def test_taking_ends_after_the_time_and_not_before() -> None:
    """The client is left to wait a short while at a time, and the whole time in all."""
    source = Source()
    inbox = PolledInbox(source.fetch)
    began = time.monotonic()
    assert inbox.take(0.25) is None
    assert time.monotonic() - began >= 0.25
    assert len(source.asked_s) >= 3


def test_an_error_is_raised_when_its_turn_comes() -> None:
    """What came before it is not lost, nor what comes after."""
    inbox = PolledInbox(Source([b"a", BrokerGone("away"), b"b"]).fetch)
    assert inbox.take(0.0) == b"a"
    with pytest.raises(BrokerGone, match="away"):
        inbox.take(0.0)
    assert inbox.take(0.0) == b"b"


def test_a_message_is_released_when_the_next_one_is_asked_for() -> None:
    """Not before, and be it in vain."""
    released: list[bytes] = []
    inbox = PolledInbox(Source([b"a", b"b"]).fetch, released.append)
    inbox.take(0.0)
    assert released == []
    inbox.take(0.0)
    assert released == [b"a"]
    inbox.take(0.0)
    assert released == [b"a", b"b"]


@pytest.mark.parametrize(("release", "expected"), [(True, [b"a"]), (False, [])])
def test_closing_releases_the_last_message_or_not(release: bool, expected: list[bytes]) -> None:
    """As the caller says; afterwards there is nothing more."""
    released: list[bytes] = []
    inbox = PolledInbox(Source([b"a", b"b"]).fetch, released.append)
    inbox.take(0.0)
    inbox.close(release=release)
    assert released == expected
    assert inbox.take(1.0) is None


def test_closing_ends_a_take_that_waits() -> None:
    """From another thread; nobody fetches once close() has returned."""
    source = Source()
    inbox = PolledInbox(source.fetch)
    found: list[bytes | None] = []
    thread = threading.Thread(target=lambda: found.append(inbox.take(None)))
    thread.start()
    assert wait_until(lambda: source.asked_s)
    inbox.close()
    asked = len(source.asked_s)
    thread.join(WITHIN_S)
    assert found == [None]
    assert len(source.asked_s) == asked


def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    """Some of what waits, or all, and then the message handed out is not released either."""
    released: list[bytes] = []
    source = Source([b"a", b"b", b"c", b"d"], [b"e"])
    inbox = PolledInbox(source.fetch, released.append)
    inbox.take(0.0)
    inbox.keep(lambda message: message != b"b")
    assert inbox.take(0.0) == b"c"
    with inbox.held():
        inbox.clear()
    assert inbox.take(0.0) == b"e"
    assert released == [b"a"]


def test_holding_a_closed_inbox() -> None:
    """It is refused, as the client is gone."""
    inbox = PolledInbox(Source().fetch)
    inbox.close()
    with pytest.raises(BrokerGone), inbox.held():
        pass


def test_what_is_fetched_beforehand_waits_for_its_turn() -> None:
    """The client may be asked for other reasons than somebody's wanting a message."""
    source = Source([b"a"], [b"b"])
    inbox = PolledInbox(source.fetch)
    inbox.fetch(0.0)
    inbox.fetch(0.0)
    assert [inbox.take(0.0) for _ in range(2)] == [b"a", b"b"]
    assert len(source.asked_s) == 2


def test_fetching_into_a_closed_inbox() -> None:
    """It is refused, as the client is gone; so ends a loop that another thread closes under way."""
    source = Source([b"a"])
    inbox = PolledInbox(source.fetch)
    inbox.close()
    with pytest.raises(BrokerGone):
        inbox.fetch(0.0)
    assert source.asked_s == []


def test_a_long_call_can_be_waited_for_again() -> None:
    """It has ended once it has, and not when the time to wait for it is up."""
    may_end = threading.Event()
    call = LongCall(lambda: may_end.wait(WITHIN_S))
    assert not call.ended(0.02)
    may_end.set()
    assert call.ended(WITHIN_S)


def test_what_a_long_call_raises() -> None:
    """Whoever waits for it gets it."""

    def fail() -> None:
        raise BrokerGone("away")

    with pytest.raises(BrokerGone, match="away"):
        LongCall(fail).ended(WITHIN_S)


def test_a_long_call_after_another() -> None:
    """It begins when the other has ended."""
    may_end, done = threading.Event(), list[str]()
    first = LongCall(lambda: done.append(f"first {may_end.wait(WITHIN_S)}"))
    second = LongCall(lambda: done.append("second"), after=first)
    assert not second.ended(0.05)
    may_end.set()
    assert second.ended(WITHIN_S)
    assert done == ["first True", "second"]


class Client:
    """Reports on messages while it is polled, as soon as it may."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[bytes, Deferred[bytes]]] = deque()
        self.reports = threading.Event()
        self.full = False
        self.polled_on: set[threading.Thread] = set()
        self.ended_on: threading.Thread | None = None

    def hand_over(self, payload: bytes, outcome: Deferred[bytes]) -> None:
        if self.full:
            raise SinetError("full")
        self.waiting.append((payload, outcome))

    def poll(self, within_s: float) -> None:
        self.polled_on.add(threading.current_thread())
        if not self.waiting or not self.reports.wait(within_s):
            time.sleep(min(within_s, 0.005))
            return
        payload, outcome = self.waiting.popleft()
        outcome.resolve(payload)

    def end(self) -> None:
        self.ended_on = threading.current_thread()
        while self.waiting:
            self.waiting.popleft()[1].reject(BrokerGone("ended"))

    def outbox(self, kind: type[PolledOutbox[bytes] | AwaitedOutbox[bytes]]) -> object:
        return kind(self.hand_over, self.poll, lambda: len(self.waiting), self.end)


@pytest.fixture
def client() -> Client:
    return Client()


class Hasty(PolledOutbox[bytes]):
    """Gives little time to what is under way."""

    drain_s = 0.2


@pytest.fixture
def outbox(client: Client) -> Iterator[Hasty]:
    made = client.outbox(Hasty)
    assert isinstance(made, Hasty)
    made.open()
    yield made
    made.close()


@pytest.fixture
def awaited(client: Client) -> AwaitedOutbox[bytes]:
    made = client.outbox(AwaitedOutbox)
    assert isinstance(made, AwaitedOutbox)
    made.open()
    return made


def test_sending_waits_for_nothing(client: Client, outbox: Hasty) -> None:
    """A promise is settled by the thread, once the client reports."""
    promise = outbox.send(b"a")
    assert promise.is_pending
    client.reports.set()
    assert promise.get(WITHIN_S) == b"a"
    assert threading.current_thread() not in client.polled_on


def test_publishers_poll_and_the_thread_runs_the_callbacks(client: Client, outbox: Hasty) -> None:
    """Who publishes much has reports noted; the promises are settled on the thread alone."""
    client.reports.set()
    ran_on = []
    for number in range(2 * outbox.often):
        outbox.send(b"%d" % number).then(lambda _: ran_on.append(threading.current_thread()))
    assert threading.current_thread() in client.polled_on
    assert wait_until(lambda: len(ran_on) == 2 * outbox.often)
    assert set(ran_on) == client.polled_on - {threading.current_thread()}


def test_what_the_client_does_not_take_is_rejected(client: Client, outbox: Hasty) -> None:
    """The error is the outcome; publish() does not raise it."""
    client.full = True
    promise = outbox.send(b"a")
    with pytest.raises(SinetError, match="full"):
        promise.get(0.0)


def test_closing_waits_for_what_is_under_way(client: Client, outbox: Hasty) -> None:
    """Messages that are reported on in time are delivered; then nothing more is taken."""
    promises = [outbox.send(b"%d" % number) for number in range(5)]
    client.reports.set()
    outbox.close()
    assert [promise.is_fulfilled for promise in promises] == [True] * 5
    with pytest.raises(BrokerGone, match="not open"):
        outbox.send(b"late")


def test_closing_does_not_wait_for_ever(client: Client, outbox: Hasty) -> None:
    """What is not reported on in time is settled by the end, which comes on the thread."""
    promise = outbox.send(b"a")
    outbox.close()
    with pytest.raises(BrokerGone, match="ended"):
        promise.get(0.0)
    assert client.ended_on in client.polled_on


def test_closing_in_a_callback(client: Client, outbox: Hasty) -> None:
    """It waits for nothing, and the thread ends the connection afterwards."""
    outbox.send(b"a").then(lambda _: outbox.close())
    client.reports.set()
    assert wait_until(lambda: client.ended_on is not None)


def test_closing_what_was_never_opened(client: Client) -> None:
    """The client is let go of all the same."""
    made = client.outbox(Hasty)
    assert isinstance(made, Hasty)
    made.close()
    assert client.ended_on is threading.current_thread()


def test_a_callback_that_exits_ends_nothing(
    client: Client, outbox: Hasty, caplog: pytest.LogCaptureFixture
) -> None:
    """The promises of other messages are settled still, and the log has it."""
    with caplog.at_level(logging.ERROR):
        outbox.send(b"a").then(lambda _: sys.exit())
        other = outbox.send(b"b")
        client.reports.set()
        assert other.get(WITHIN_S) == b"b"


def test_an_awaited_message_is_settled_when_sending_returns(
    client: Client, awaited: AwaitedOutbox[bytes]
) -> None:
    """The caller's own thread polls."""
    client.reports.set()
    assert awaited.send(b"a").is_fulfilled
    assert client.polled_on == {threading.current_thread()}
    awaited.close()


def test_closing_ends_an_awaited_message(client: Client, awaited: AwaitedOutbox[bytes]) -> None:
    """From another thread; the promise is settled by the end."""
    promises = []
    thread = threading.Thread(target=lambda: promises.append(awaited.send(b"a")))
    thread.start()
    assert wait_until(lambda: client.polled_on)
    awaited.close()
    thread.join(WITHIN_S)
    with pytest.raises(BrokerGone, match="ended"):
        promises[0].get(WITHIN_S)
    with pytest.raises(BrokerGone, match="not open"):
        awaited.send(b"late")
