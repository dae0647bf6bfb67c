"""What a history of numbered messages is judged to hold."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetstream_conformance.history import Fault, History
from sinetstream_sdk.consistency import Consistency

AT_MOST, AT_LEAST, EXACTLY = (
    Consistency.AT_MOST_ONCE,
    Consistency.AT_LEAST_ONCE,
    Consistency.EXACTLY_ONCE,
)


def faults(history: History, guarantee: Consistency, *, ordered: bool = True) -> set[Fault]:
    """The kinds of fault that the judgement names."""
    return {finding.fault for finding in history.judge(guarantee, ordered=ordered)}


def acknowledged(history: History, count: int) -> list[bytes]:
    """The payloads of messages that were published and acknowledged one after another."""
    payloads = []
    for _ in range(count):
        number, payload = history.publish()
        history.acknowledge(number)
        payloads.append(payload)
    return payloads


@pytest.mark.parametrize("guarantee", list(Consistency))
def test_all_is_well(guarantee: Consistency) -> None:
    """Each message once and in order breaks no guarantee."""
    history = History()
    for payload in acknowledged(history, 5):
        history.deliver(payload)
    assert not history.judge(guarantee, ordered=True)
    assert history.summary() == "5 published, 5 acknowledged, 0 refused, 5 delivered"


@pytest.mark.parametrize(("guarantee", "wrong"), [(AT_MOST, set()), (AT_LEAST, {Fault.LOST})])
def test_lost(guarantee: Consistency, wrong: set[Fault]) -> None:
    """An acknowledged message that never came is lost, which AT_MOST_ONCE allows."""
    history = History()
    acknowledged(history, 1)
    assert faults(history, guarantee) == wrong
    assert history.missing() == [1]


@pytest.mark.parametrize("delivered", [False, True])
def test_refused(delivered: bool) -> None:
    """A message whose publishing failed may have arrived or not."""
    history = History()
    number, payload = history.publish()
    history.refuse(number, "gone")
    if delivered:
        history.deliver(payload)
    assert not history.judge(EXACTLY, ordered=True)


@pytest.mark.parametrize(
    ("guarantee", "wrong"),
    [(AT_MOST, {Fault.DUPLICATED}), (AT_LEAST, set()), (EXACTLY, {Fault.DUPLICATED})],
)
def test_duplicated(guarantee: Consistency, wrong: set[Fault]) -> None:
    """A message that came twice is what AT_LEAST_ONCE alone allows, also if it was refused."""
    history = History()
    number, payload = history.publish()
    history.refuse(number, "gone")
    history.deliver(payload)
    history.deliver(payload)
    assert faults(history, guarantee) == wrong


def test_phantom() -> None:
    """What nobody published is named, be it garbage or a message of another history."""
    history, other = History(), History()
    history.publish()
    history.deliver(b"garbage")
    history.deliver(other.publish()[1])
    (finding,) = history.judge(AT_MOST)
    assert finding.fault is Fault.PHANTOM
    assert len(finding.numbers) == 2
    assert "garbage" in finding.evidence


def test_reordered() -> None:
    """A message overtaken by one sent after its acknowledgement is out of order."""
    history = History()
    first, second = acknowledged(history, 2)
    history.deliver(second)
    history.deliver(first)
    assert faults(history, AT_LEAST) == {Fault.REORDERED}
    assert not faults(history, AT_LEAST, ordered=False)
    assert not faults(history, AT_MOST)


def test_no_order_among_what_was_under_way_together() -> None:
    """Two messages neither of which was acknowledged before the other was sent have no order."""
    history = History()
    (one, first), (two, second) = history.publish(), history.publish()
    history.acknowledge(one)
    history.acknowledge(two)
    history.deliver(second)
    history.deliver(first)
    assert not history.judge(EXACTLY, ordered=True)


def test_no_order_across_partitions() -> None:
    """Order is kept within a partition only."""
    history = History()
    first, second = acknowledged(history, 2)
    history.deliver(second, partition=1)
    history.deliver(first, partition=0)
    assert not history.judge(EXACTLY, ordered=True)


def test_the_first_delivery_counts_for_order() -> None:
    """A repetition that comes late is no matter of order."""
    history = History()
    first, second = acknowledged(history, 2)
    for payload in (first, second, first):
        history.deliver(payload)
    assert not history.judge(AT_LEAST, ordered=True)


def test_evidence() -> None:
    """The evidence tells the message's story beside what happened to the broker."""
    history = History()
    acknowledged(history, 1)
    history.event("the broker is restarted")
    (finding,) = history.judge(AT_LEAST)
    story, event = finding.evidence.splitlines()
    assert story.startswith("message 1: published 0.")
    assert event.endswith(": the broker is restarted")
    assert finding.describe() == "1 lost (1)"


def test_under_way() -> None:
    """A message is under way from its publishing to its answer."""
    history = History()
    number, _ = history.publish()
    published = history.began
    assert history.under_way(published, published + 10) == 1
    history.acknowledge(number)
    assert history.under_way(published + 10, published + 20) == 0


def test_unanswerable() -> None:
    """Under way to a broker that is silent is what waits, and what was wrongly acknowledged."""
    history = History()
    answered, waiting = history.publish()[0], history.publish()[0]
    history.acknowledge(answered)
    silent = time.monotonic()
    time.sleep(0.001)
    hasty, refused = history.publish()[0], history.publish()[0]
    history.acknowledge(hasty)
    history.refuse(refused, "no room")
    assert history.unanswerable(silent) == 2
    history.refuse(waiting, "too late")
    assert history.unanswerable(silent) == 1


@given(st.lists(st.integers(0, 9)))
def test_any_deliveries(order: list[int]) -> None:
    """Whatever is delivered how often, what is lost and what is repeated is counted right."""
    history = History()
    payloads = acknowledged(history, 10)
    for index in order:
        history.deliver(payloads[index])
    found = {f.fault: set(f.numbers) for f in history.judge(EXACTLY)}
    assert found.get(Fault.LOST, set()) == {n + 1 for n in range(10) if n not in order}
    assert found.get(Fault.DUPLICATED, set()) == {n + 1 for n in order if order.count(n) > 1}
