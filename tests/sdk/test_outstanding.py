"""Promises under the keys of a broker client with an interface of its own."""

from __future__ import annotations

import pytest
from provoking import Background, held_up

from sinetstream_sdk import outstanding as module
from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.outstanding import Outstanding


@pytest.fixture
def outstanding():
    return Outstanding()


def test_answered_after_expect(outstanding):
    """An answer settles the promise of its key, and only that."""
    with outstanding.sending():
        ends = [outstanding.expect(key) for key in "abc"]
    reason = OSError()
    assert outstanding.resolve("b", "value") is True
    assert outstanding.reject("c", reason) is True
    assert ends[0].is_pending
    assert ends[1].get(0) == "value"
    assert ends[2].reason is reason
    assert len(outstanding) == 1


def test_answered_before_expect(outstanding):
    """An answer that comes while the message is being sent is kept for its key."""
    with outstanding.sending():
        outstanding.resolve("a", "value")
        outstanding.reject("b", OSError())
        assert outstanding.expect("a").get(0) == "value"
        assert isinstance(outstanding.expect("b").reason, OSError)
    assert len(outstanding) == 0


def test_answers_to_nothing(outstanding, caplog):
    """An answer that nobody waits for is told apart, and not kept for a later message."""
    assert outstanding.resolve("a", 1) is False
    assert outstanding.reject("a", OSError()) is False
    with outstanding.sending(), outstanding.sending():
        outstanding.resolve("b", 1)
    with outstanding.sending():
        assert outstanding.expect("a").is_pending
        assert outstanding.expect("b").is_pending


def test_answered_twice(outstanding):
    """The first answer counts, whether it comes before or after expect()."""
    with outstanding.sending():
        assert outstanding.resolve("a", 1) is True
        assert outstanding.resolve("a", 2) is False
        early = outstanding.expect("a")
        late = outstanding.expect("b")
    assert outstanding.resolve("b", 1) is True
    assert outstanding.resolve("b", 2) is False
    assert [early.get(0), late.get(0)] == [1, 1]


def test_a_key_in_use(outstanding):
    """A key that still waits for its answer cannot be used again; afterwards it can."""
    outstanding.expect("a")
    with pytest.raises(SinetError, match="'a'"):
        outstanding.expect("a")
    outstanding.resolve("a", 1)
    assert outstanding.expect("a").is_pending


def test_close(outstanding):
    """close() rejects what waits and what is still to be expected, and counts the former."""
    ends = [outstanding.expect(key) for key in "ab"]
    reason = OSError("closed")
    with outstanding.sending():
        outstanding.resolve("early", 1)
        assert outstanding.close(reason) == 2
        assert outstanding.expect("early").get(0) == 1
        ends.append(outstanding.expect("c"))
    assert [promise.reason for promise in ends] == [reason] * 3
    assert len(outstanding) == 0


def test_callbacks_may_use_it(outstanding):
    """Callbacks run under no lock of the registry."""
    first = outstanding.expect("a").then(lambda _: outstanding.expect("b"))
    Background(outstanding.resolve, "a", 1).result()
    outstanding.resolve("b", 2)
    assert first.get(5) == 2


@pytest.mark.parametrize("seed", range(8))
def test_acknowledged_at_once_by_another_thread(seed, outstanding):
    """However early the answers of another thread come, every promise gets its own."""

    def send(name):
        ends = []
        for number in range(20):
            with outstanding.sending():
                key = (name, number)
                acknowledging.append(Background(outstanding.resolve, key, key))
                ends.append((key, outstanding.expect(key)))
        return ends

    acknowledging: list = []
    with held_up(seed, module):
        sending = [Background(send, name) for name in "ab"]
        ends = [entry for sender in sending for entry in sender.result()]
        assert all(thread.result() for thread in acknowledging)
    assert [promise.get(5) for _, promise in ends] == [key for key, _ in ends]
    assert not outstanding._early
