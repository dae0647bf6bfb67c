"""How outcomes come about: what a rule's function does, and what the kit makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from sinetstream_conformance import Capabilities, Harness, NotOffered, Verdict
from sinetstream_conformance.render import failure_block
from sinetstream_conformance.rule import MUST, Rule
from sinetstream_conformance.session import Check, Session
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.subject import load_subject
from sinetstream_conformance.verdict import NotDeclared, Outcome, Unjudged, Violation
from sinetstream_sdk.roles import Role


def judge(
    check: Callable[[Stage], None],
    harness: Harness | None = None,
    params: Mapping[str, Any] | None = None,
) -> Outcome:
    """The outcome of a rule made of one function, for the queue plugin's reader."""
    rule = Rule("X-RULE", MUST, (Role.READER,), "a sentence", "a source", "a hint", check)
    with Session(load_subject("queue"), harness or Harness(), params=params) as session:
        return session.run(Check(rule, Role.READER))


def test_a_check_that_observed_nothing_never_passes() -> None:
    """A function that comes to its end without an observation is inconclusive."""
    outcome = judge(lambda stage: None)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "nothing was observed" in outcome.reason


def test_an_observation_as_expected_passes() -> None:
    """One observation that holds is enough for PASS."""
    outcome = judge(lambda stage: stage.expect(True, expected="a", observed="b"))
    assert (outcome.verdict, outcome.observations) == (Verdict.PASS, 1)


def test_a_violation_fails_with_its_evidence() -> None:
    """A failure's block has the rule, the expectation, the observation, a mend and a replay."""

    def check(stage: Stage) -> None:
        stage.expect(False, expected="blue", observed="red")

    block = failure_block(judge(check))
    for part in ("FAIL  queue::reader::X-RULE  (MUST)", "a sentence [a source]", "blue", "red"):
        assert part in block
    assert "a hint" in block
    assert "pytest --sinetstream-plugin=queue --sinetstream-rule=X-RULE" in block
    assert "--sinetstream-role=reader --sinetstream-seed=0" in block


def test_what_is_not_declared_is_skipped() -> None:
    """NotDeclared is SKIP with its reason."""

    def check(stage: Stage) -> None:
        raise NotDeclared("nobody said so")

    outcome = judge(check)
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIP, "nobody said so")


class Unable(Harness):
    """A harness that finds out only inside its context that it has nothing to offer."""

    @contextmanager
    def stalled(self) -> Iterator[None]:
        raise NotOffered("this broker cannot be stalled")
        yield


def test_what_a_harness_cannot_offer_is_skipped_whenever_it_says_so() -> None:
    """NotOffered from a context of the harness is SKIP, as from the call that made the context."""

    def check(stage: Stage) -> None:
        stage.enter(stage.offered(stage.harness.stalled))

    outcome = judge(check, Unable())
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIP, "this broker cannot be stalled")


class Curious(Harness):
    """A harness that looks at what the user gave before it starts anything."""

    def start(self) -> None:
        self.seen = dict(self.given)


def test_a_harness_is_told_what_the_user_gave_before_it_starts() -> None:
    """It can see whether the user has named a broker; without a run there is nothing."""
    harness = Curious()
    assert harness.given == {}
    judge(lambda stage: None, harness, {"brokers": "mine:1883"})
    assert harness.seen == {"brokers": "mine:1883"}


def test_a_fault_of_the_kit_is_said_to_be_one() -> None:
    """Any other exception in a rule's function is the kit's own, and never the plugin's fault."""

    def check(stage: Stage) -> None:
        raise ZeroDivisionError("kit bug")

    outcome = judge(check)
    assert outcome.verdict is Verdict.KIT_ERROR
    assert "kit bug" in outcome.reason
    assert outcome.verdict.label == "KIT-ERROR"


def test_a_loaded_machine_gets_another_try() -> None:
    """A transient doubt is tried again; a lasting one is inconclusive after three tries."""
    tries: list[int] = []

    def check(stage: Stage) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Unjudged("too loaded", transient=True)
        stage.expect(True, expected="", observed="")

    assert judge(check).verdict is Verdict.PASS
    assert len(tries) == 3

    def hopeless(stage: Stage) -> None:
        tries.append(1)
        raise Unjudged("too loaded", transient=True)

    tries.clear()
    assert judge(hopeless).verdict is Verdict.INCONCLUSIVE
    assert len(tries) == 3


def test_an_expected_failure_is_xfail_and_a_surprise_is_noted() -> None:
    """A rule expected to fail is XFAIL with the reason; if it passes, that shows."""

    class Expecting(Harness):
        expected_failures: ClassVar = {"X-RULE": "broker bug 42"}

    def failing(stage: Stage) -> None:
        raise Violation("a", "b")

    outcome = judge(failing, Expecting())
    assert (outcome.verdict, outcome.reason) == (Verdict.XFAIL, "broker bug 42")
    passing = judge(lambda stage: stage.expect(True, expected="", observed=""), Expecting())
    assert passing.verdict is Verdict.PASS
    assert "take it off the list" in passing.notes[0]


def test_cleaning_up_goes_backwards_whatever_happened() -> None:
    """What a check made is closed last-in first-out, also when the check fails."""
    closed: list[str] = []

    def check(stage: Stage) -> None:
        for name in ("first", "second"):
            actor = stage.reader(stage.topic(), 50)
            actor.instance = Closing(actor.instance, name, closed)
        raise Violation("a", "b")

    assert judge(check).verdict is Verdict.FAIL
    assert closed == ["second", "first"]


class Closing:
    """A reader that says when it is closed."""

    def __init__(self, reader: Any, name: str, log: list[str]) -> None:
        self.reader, self.name, self.log = reader, name, log

    def close(self) -> None:
        self.log.append(self.name)
        self.reader.close()


def test_each_check_has_topics_and_instances_of_its_own() -> None:
    """No topic is given twice."""
    topics: list[str] = []

    def check(stage: Stage) -> None:
        topics.extend(stage.topic() for _ in range(5))
        stage.expect(True, expected="", observed="")

    judge(check)
    judge(check)
    assert len(set(topics)) == 10


def test_a_hanging_call_shows_where_it_is_stuck() -> None:
    """A call past its deadline gives the stack of the plugin's thread, and the check goes on."""

    def check(stage: Stage) -> None:
        result = stage.caller.run("reader.close()", sleeping_plugin_code, 1.0)
        stage.expect_returned(result, "close() returns")

    outcome = judge(check)
    assert outcome.verdict is Verdict.FAIL
    assert "reader.close() was still running after 1.0 s" in outcome.observed
    assert "sleeping_plugin_code" in outcome.trace
    assert "sinetstream_conformance" not in outcome.trace


def sleeping_plugin_code() -> None:
    """Stands for a method of a plugin that does not come back in time."""
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        time.sleep(0.05)


def test_secrets_are_scrubbed_from_everything_that_is_kept() -> None:
    """A secret parameter that a plugin puts into its error does not reach the report."""

    def check(stage: Stage) -> None:
        def leak() -> None:
            raise ValueError("cannot log in with opensesame")

        stage.expect_returned(stage.caller.run("open()", leak, 1.0), "open() returns")

    outcome = judge(check, params={"type_spec": {"password": "opensesame"}})
    assert outcome.verdict is Verdict.FAIL
    assert "opensesame" not in failure_block(outcome)
    assert "opensesame" not in str(outcome.to_dict())


def test_a_broken_instrument_is_nobodys_violation() -> None:
    """When only what the check needs fails, nothing is said of the role under test."""

    class Failing(Harness):
        capabilities = Capabilities(ready_within_s=0.3)

    def check(stage: Stage) -> None:
        writer = stage.writer(stage.topic())
        writer.close()
        stage.link(stage.outbox(stage.topic()), stage.inbox(stage.topic()))

    outcome = judge(check, Failing())
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "see LIFE-OPEN" in outcome.reason


def test_an_outcome_survives_the_way_through_plain_values() -> None:
    """to_dict and from_dict are each other's inverse, as reports between processes need."""
    outcome = judge(lambda stage: stage.expect(False, expected="x", observed="y"))
    assert Outcome.from_dict(outcome.to_dict()) == outcome


@pytest.mark.parametrize("role", list(Role))
def test_outcome_ids_read_like_node_ids(role: Role) -> None:
    """An outcome's id is plugin, role and rule, with the case in brackets."""
    outcome = Outcome("queue", role, "READ-TUPLE", MUST, "some-case", Verdict.PASS)
    assert outcome.id == f"queue::{role.value}::READ-TUPLE[some-case]"
