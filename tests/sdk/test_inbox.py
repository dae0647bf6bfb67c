"""Messages between a client's callback and the reader's caller."""

from __future__ import annotations

import threading
import time

import pytest

from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.inbox import Inbox, Messages

WITHIN_S = 5.0


def messages(inbox: Inbox[bytes] | None, timeout_s: float | None = 0.05) -> Messages:
    return Messages(inbox, timeout_s, lambda payload: (payload, "t", payload))


def in_thread(function: object) -> threading.Thread:
    thread = threading.Thread(target=function)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_messages_come_out_in_the_order_in_which_they_went_in() -> None:
    """An iterator gives payload, topic and raw message, oldest first."""
    inbox = Inbox[bytes]()
    for payload in (b"a", b"b"):
        inbox.put(payload)
    found = messages(inbox)
    assert iter(found) is found
    assert [next(found), next(found)] == [(b"a", "t", b"a"), (b"b", "t", b"b")]


def test_an_iteration_ends_after_the_time_and_stays_ended() -> None:
    """StopIteration comes not before the time-out, and again although a message has come."""
    inbox = Inbox[bytes]()
    found = messages(inbox, 0.1)
    began = time.monotonic()
    assert list(found) == []
    assert time.monotonic() - began >= 0.1
    inbox.put(b"late")
    assert list(found) == []
    assert [payload for payload, _, _ in messages(inbox)] == [b"late"]


def test_each_next_waits_the_whole_time_anew() -> None:
    """What the caller does between two calls does not count."""
    inbox = Inbox[bytes]()
    inbox.put(b"a")
    found = messages(inbox, 0.1)
    next(found)
    time.sleep(0.15)
    began = time.monotonic()
    assert list(found) == []
    assert time.monotonic() - began >= 0.1


def test_without_a_time_it_waits_for_a_message() -> None:
    """None means for ever."""
    inbox = Inbox[bytes]()
    thread = in_thread(lambda: (time.sleep(0.1), inbox.put(b"a")))
    assert inbox.take(None) == b"a"
    thread.join(WITHIN_S)


def test_close_wakes_whoever_waits_and_gives_out_no_more() -> None:
    """A waiting take() ends, and what is left is not given out."""
    inbox = Inbox[bytes]()
    ended: list[bytes | None] = []
    thread = in_thread(lambda: ended.append(inbox.take(None)))
    time.sleep(0.05)
    inbox.close()
    thread.join(WITHIN_S)
    assert ended == [None]
    inbox.put(b"left")
    assert inbox.take(0) is None


def test_a_reader_that_is_not_open_says_so() -> None:
    """Without an inbox next() raises, and does not wait."""
    with pytest.raises(BrokerGone, match="call open"):
        next(messages(None, None))


def test_what_is_gone_is_raised_to_the_reader() -> None:
    """An error that ``gone`` gives is raised where nothing is waiting, and only there."""
    error: list[Exception] = []
    inbox = Inbox[bytes](gone=lambda: error[0] if error else None)
    inbox.put(b"a")
    error.append(BrokerGone("lost"))
    assert inbox.take(0) == b"a"
    with pytest.raises(BrokerGone, match="lost"):
        inbox.take(None)


def test_a_message_is_released_once_the_next_one_is_asked_for_or_on_close() -> None:
    """``release`` is called once for each message that was taken, and for no other."""
    released: list[bytes] = []
    inbox = Inbox[bytes](release=released.append)
    for payload in (b"a", b"b", b"c"):
        inbox.put(payload)
    inbox.take(0)
    assert (released, inbox.unreleased()) == ([], [b"a", b"b", b"c"])
    inbox.take(0)
    assert (released, inbox.unreleased()) == ([b"a"], [b"b", b"c"])
    inbox.close()
    inbox.close()
    assert (released, inbox.unreleased()) == ([b"a", b"b"], [b"c"])


def test_several_threads_share_an_inbox() -> None:
    """Each message is given to exactly one of them."""
    inbox = Inbox[int]()
    taken: list[int] = []

    def take() -> None:
        while (number := inbox.take(WITHIN_S)) is not None and number >= 0:
            taken.append(number)

    threads = [in_thread(take) for _ in range(4)]
    for number in range(500):
        inbox.put(number)
    for _ in threads:
        inbox.put(-1)
    for thread in threads:
        thread.join(WITHIN_S)
    assert sorted(taken) == list(range(500))
