"""Races are found every time, whatever the seed; and a plugin without them is never blamed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from promise import Promise

from sinetstream_conformance import Verdict, check, promise_races
from sinetstream_conformance.deadline import Caller
from sinetstream_conformance.meetings import arranged
from sinetstream_conformance.races import TURNS, provoked
from sinetstream_conformance.settlements import count_settlements
from sinetstream_sdk.promises import SafePromise

ROLE = "async_writer"
SEEDS = (1, 2, 3)


@pytest.fixture
def caller() -> Iterator[Caller]:
    """Threads to make calls on."""
    caller = Caller()
    yield caller
    caller.close()


def verdicts(name: str, rule: str, seed: int, role: str = ROLE) -> dict[str | None, Verdict]:
    """The verdicts by case."""
    report = check(name, rules=[rule], roles=[role], seed=seed)
    return {outcome.case: outcome.verdict for outcome in report.outcomes}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["plain-promise", "plain-promise-with-value", "casts-future"])
def test_a_plain_promise_fails_the_race_in_both_cases(name: str, seed: int, plugins: Path) -> None:
    """Settled from another thread, it fails ``then`` and ``get``, be its value None or not."""
    found = verdicts(name, "AWRITE-RACE", seed)
    assert found == {"then": Verdict.FAIL, "get": Verdict.FAIL}


@pytest.mark.parametrize("name", ["memory", "locked"])
def test_a_safe_promise_is_not_blamed_however_late_its_acknowledgement(
    name: str, monkeypatch: pytest.MonkeyPatch, plugins: Path
) -> None:
    """The kit settles some of its class itself, which does not count where a lock is left out."""
    monkeypatch.setattr(promise_races, "_LONGEST_S", 0.05)
    report = check(name, rules=["AWRITE-RACE"], roles=[ROLE], seed=1)
    assert {o.verdict for o in report.outcomes} == {Verdict.PASS}, str(report)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["plain-promise", "plain-promise-with-value", "casts-future"])
def test_a_plain_promise_settled_correctly_is_not_blamed_for_settling(
    name: str, seed: int, plugins: Path
) -> None:
    """The kit's own waiting does not set off the race."""
    assert set(verdicts(name, "AWRITE-SETTLE", seed).values()) == {Verdict.PASS}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["registers-too-late", "registers-in-one-line"])
def test_an_early_acknowledgement_is_found(name: str, seed: int, plugins: Path) -> None:
    """Registration after the send is found, also within one line."""
    assert set(verdicts(name, "AWRITE-SETTLE", seed).values()) == {Verdict.FAIL}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["shares-buffer", "shares-buffer-with-all"])
def test_a_shared_buffer_is_found(name: str, seed: int, plugins: Path) -> None:
    """A writer that keeps the message in an attribute between two steps is found."""
    assert Verdict.FAIL in verdicts(name, "WRITE-COUNT", seed, "writer").values()


@pytest.mark.parametrize("seed", SEEDS)
def test_overtaking_in_a_pool_of_threads_is_found(seed: int, plugins: Path) -> None:
    """The guide's pool of threads does not keep the order."""
    assert verdicts("publishes-in-pool", "AWRITE-ORDER", seed) == {None: Verdict.FAIL}


def test_each_point_of_the_way_has_its_turn(caller: Caller) -> None:
    """A stop comes at the n-th point and nowhere else; past the last point there is none."""
    with provoked(caller, [], 1, rate=0.0) as races:

        def settled(at: int) -> tuple[str, int, int]:
            held: list[int] = []
            with races.stop(at, lambda: held.append(at)) as stop:
                Promise.resolve(None).then(lambda value: value)
            return stop.where, stop.passed, len(held)

        for _ in range(2):  # the way is longer when a thread goes it for the first time
            _, points, _ = caller.run("measure", lambda: settled(0), 5.0).value
        assert points > 20
        for at in (1, points // 2, points):
            where, passed, held = caller.run("stop", lambda at=at: settled(at), 5.0).value
            assert where.startswith("line ")
            assert (passed, held) == (points, 1)
        assert caller.run("beyond", lambda: settled(points + 1), 5.0).value == ("", points, 0)


@pytest.mark.parametrize("safe", [False, True])
def test_meetings_tell_a_safe_promise_from_a_plain_one(safe: bool, caller: Caller) -> None:
    """At some point a plain promise loses the callback; at none does a safe one."""
    lost = 0
    with provoked(caller, [], 1, rate=0.0) as races, arranged() as meetings:
        for at in range(1, 40):
            promise: Promise[None] = SafePromise() if safe else Promise()
            calls: list[object] = []
            meeting = meetings.arrange(races, 0.1, at, settler_stops=False)
            settler = threading.Thread(target=promise.do_resolve, args=(None,))

            def attach(promise: Promise[None] = promise, calls: list[object] = calls) -> None:
                promise.then(calls.append, calls.append)

            def meet(
                meeting: object = meeting,
                promise: Promise[None] = promise,
                settler: threading.Thread = settler,
                attach: object = attach,
            ) -> None:
                with meeting:  # type: ignore[attr-defined]
                    settler.start()
                    meeting.attach(promise, attach)  # type: ignore[attr-defined]

            assert caller.run("meet", meet, 5.0).returned
            settler.join(5.0)
            lost += not calls
            if not meeting.stop.where:
                break
    assert (lost == 0) is safe


def test_settlements_are_counted_and_watched_until_they_are_at_rest() -> None:
    """Each settlement of a plain promise counts; at rest means that none is under way."""
    with count_settlements() as seen:
        promise: Promise[int] = Promise()
        assert seen.of(promise) == 0
        promise.then(lambda _: resting.append(seen.at_rest))
        resting: list[bool] = []
        promise.do_resolve(1)
        promise.do_resolve(2)
        assert seen.of(promise) == 2
        assert resting == [False]
        assert seen.at_rest


def test_threads_of_the_plugin_fall_behind_and_those_of_the_kit_do_not(caller: Caller) -> None:
    """While they are slowed, a thread of the plugin pauses at every line, and a call does not."""

    def work() -> float:
        began = time.monotonic()
        Promise.resolve(None).then(lambda value: value)
        return time.monotonic() - began

    took: list[float] = []
    with provoked(caller, [], 1, rate=0.0) as races, races.slow(0.01):
        thread = threading.Thread(target=lambda: took.append(work()))
        thread.start()
        ours = caller.run("work", work, 5.0).value
        thread.join(20.0)
    assert took[0] > 0.1
    assert ours < took[0]


def test_a_stop_is_longer_where_timers_are_late(caller: Caller) -> None:
    """It lasts in proportion to how late they are, up to its limit."""
    with provoked(caller, [], 1, rate=0.0) as races:
        began = time.monotonic()
        races.let_others_run(0.01, 5.0, lambda since: 0.02)
        assert time.monotonic() - began >= TURNS * 0.02
        began = time.monotonic()
        races.let_others_run(0.01, 0.1, lambda since: 60.0)
        assert 0.1 <= time.monotonic() - began < TURNS * 60.0


def test_a_stop_outlasts_the_pauses_of_the_plugins_threads(caller: Caller) -> None:
    """A thread that pauses between two lines has not dealt with its acknowledgement yet."""
    begun = threading.Event()

    def work() -> None:
        begun.set()
        Promise.resolve(None).then(lambda value: value)

    with provoked(caller, [], 1, rate=0.0) as races:
        with races.slow(0.1):
            thread = threading.Thread(target=work)
            thread.start()
            assert begun.wait(5.0)
            time.sleep(0.01)
            began = time.monotonic()
            races.let_others_run(0.1, 0.5, lambda since: 0.0)
            took = time.monotonic() - began
        thread.join(20.0)
    assert took >= 0.5
