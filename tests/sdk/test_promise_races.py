"""SafePromise among threads that pause at random lines of it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promise import Promise
from provoking import Background, held_up

from sinetstream_sdk import following, promises, trampoline
from sinetstream_sdk.promises import Deferred, SafePromise

SEEDS = range(12)
MODULES = promises, trampoline, following


@pytest.mark.parametrize("seed", SEEDS)
def test_every_callback_runs_once_and_in_order(seed):
    """Whoever registers while others settle: each callback once, in its thread's order."""
    deferred: Deferred = Deferred()
    seen: list = []
    start = threading.Barrier(5)

    def register(name):
        start.wait(10)
        return [
            deferred.promise.then(lambda v, i=i: seen.append((name, i)) or (name, i, v))
            for i in range(10)
        ]

    def settle(value):
        start.wait(10)
        return deferred.resolve(value)

    with held_up(seed, *MODULES):
        registering = [Background(register, name) for name in "abc"]
        settling = [Background(settle, value) for value in (1, 2)]
        decided = [settler.result() for settler in settling]
        children = [thread.result() for thread in registering]
    assert sorted(decided) == [False, True]
    value = deferred.promise.get(0)
    assert value == decided.index(True) + 1
    for name, promises_of_thread in zip("abc", children, strict=True):
        assert [entry for entry in seen if entry[0] == name] == [(name, i) for i in range(10)]
        assert [p.get(5) for p in promises_of_thread] == [(name, i, value) for i in range(10)]


@pytest.mark.parametrize("seed", SEEDS)
def test_callbacks_run_one_at_a_time(seed):
    """Callbacks of one promise never overlap, whichever threads run them."""
    deferred: Deferred = Deferred()
    inside = threading.Lock()
    overlaps: list = []

    def callback(_):
        if not inside.acquire(blocking=False):
            overlaps.append(threading.get_ident())
            return
        threading.Event().wait(0.0005)
        inside.release()

    with held_up(seed, *MODULES):
        threads = [
            Background(lambda: [deferred.promise.then(callback) for _ in range(5)])
            for _ in range(3)
        ]
        deferred.resolve(1)
        children = [child for thread in threads for child in thread.result()]
        assert [child.get(5) for child in children] == [None] * 15
    assert overlaps == []


@pytest.mark.parametrize("seed", SEEDS)
def test_get_is_woken(seed):
    """get() returns in every thread, whenever it began to wait."""
    deferred: Deferred = Deferred()
    with held_up(seed, *MODULES):
        waiters = [Background(deferred.promise.get, 15) for _ in range(4)]
        settler = Background(deferred.resolve, None)
        assert settler.result() is True
        assert [waiter.result() for waiter in waiters] == [None] * 4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_outcome_is_there_when_the_state_is(seed):
    """Who sees a promise settled sees its value or reason too."""
    good: Deferred = Deferred()
    bad: Deferred = Deferred()

    def look(promise):
        while promise.is_pending:
            pass
        return promise.value

    with held_up(seed, *MODULES, rate=0.5):
        looking = [Background(look, deferred.promise) for deferred in (good, bad)]
        reason = OSError()
        good.resolve("v")
        bad.reject(reason)
        assert [thread.result() for thread in looking] == ["v", reason]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [Promise, SafePromise])
def test_following_while_the_other_settles(kind, seed):
    """A promise that begins to follow another at the moment it settles gets its value."""
    for value in (None, 0, "value"):
        other = kind()
        deferred: Deferred = Deferred()
        start = threading.Barrier(2)

        def settle(other=other, value=value, start=start):
            start.wait(10)
            other.do_resolve(value)

        with held_up(seed, *MODULES):
            settler = Background(settle)
            start.wait(10)
            deferred.resolve(other)
            settler.result()
        assert deferred.promise.get(5) == value


@pytest.mark.parametrize("seed", SEEDS)
def test_two_promises_that_get_each_others_children(seed):
    """Callbacks on two threads that wait for what the other thread has to run do not deadlock."""
    left: Deferred = Deferred()
    right: Deferred = Deferred()
    met = threading.Barrier(2)

    def cross(mine, other):
        def callback(_):
            met.wait(10)
            return other.promise.then(lambda v: v).get(15)

        child = mine.promise.then(callback)
        mine.resolve(id(mine))
        return child.get(15)

    with held_up(seed, *MODULES):
        threads = Background(cross, left, right), Background(cross, right, left)
        assert [thread.result() for thread in threads] == [id(right), id(left)]


@pytest.mark.parametrize("seed", SEEDS)
def test_await_is_woken(seed):
    """Await returns in every loop, whenever it began to wait."""
    deferred: Deferred = Deferred()

    async def wait():
        return await deferred.promise

    with held_up(seed, *MODULES):
        loops = [Background(asyncio.run, wait()) for _ in range(2)]
        deferred.resolve("v")
        assert [loop.result() for loop in loops] == ["v", "v"]


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.sampled_from(["then", "catch", "resolve", "reject", "follow", "settle the other"]),
        max_size=12,
    )
)
def test_as_a_model_has_it(steps):
    """Any order of calls gives the state, the callbacks and the answers of a simple model."""
    deferred: Deferred = Deferred()
    other: Deferred = Deferred()
    seen: list = []
    registered: list = []
    decided = outcome = None
    other_settled = False
    for number, step in enumerate(steps):
        if step in ("then", "catch"):
            registered.append((number, step))
            callback = lambda v, n=number: seen.append((n, v))  # noqa: E731
            getattr(deferred.promise, step)(callback)
        elif step == "settle the other":
            assert other.resolve("other") is not other_settled
            other_settled = True
        else:
            reason = OSError()
            settlements = {
                "resolve": lambda n=number: deferred.resolve(n),
                "reject": lambda r=reason: deferred.reject(r),
                "follow": lambda: deferred.resolve(other.promise),
            }
            assert settlements[step]() is (decided is None)
            if decided is None:
                decided = step
                outcome = {"resolve": number, "reject": reason, "follow": "other"}[step]
    settled = decided is not None and (decided != "follow" or other_settled)
    assert deferred.promise.is_pending is not settled
    if settled:
        assert deferred.promise.is_rejected is (decided == "reject")
        assert deferred.promise.value == outcome
        wanted = "catch" if decided == "reject" else "then"
        assert seen == [(n, outcome) for n, kind in registered if kind == wanted]
    else:
        assert seen == []
