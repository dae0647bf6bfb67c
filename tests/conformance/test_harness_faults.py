"""Mistakes in a harness: each is said to be the harness's, with the method and its place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sinetstream_conformance import Harness, HarnessError, NotOffered, Verdict, check
from sinetstream_conformance.brokers.process import NotInstalled
from sinetstream_conformance.harness_faults import GuardedHarness
from sinetstream_conformance.render import failure_block
from sinetstream_conformance.rule import MUST, Rule
from sinetstream_conformance.session import Check, Session
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.subject import load_subject
from sinetstream_conformance.verdict import Outcome, Violation
from sinetstream_sdk.roles import Role

ONE = ["READ-TUPLE"]


class Breaking(Harness):
    """Every optional method raises, when it is called or in its context."""

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        raise KeyError("port")

    def publish(self, topic: str, payload: bytes) -> None:
        raise ValueError("no publish today")

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        sys.exit("no receive today")

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        raise OSError("no failing today")
        yield

    @contextmanager
    def stalled(self) -> Iterator[None]:
        yield
        raise OSError("no end today")


def judge(function: Callable[[Stage], None], harness: Harness) -> Outcome:
    """The outcome of a rule made of one function, for the queue plugin's reader."""
    rule = Rule("X-RULE", MUST, (Role.READER,), "a sentence", "a source", "a hint", function)
    with Session(load_subject("queue"), harness) as session:
        return session.run(Check(rule, Role.READER))


def in_context(name: str) -> Callable[[Stage], None]:
    """A check that enters a context of the harness."""

    def function(stage: Stage) -> None:
        with stage.offered(getattr(stage.harness, name)):
            stage.expect(True, expected="", observed="")

    return function


CALLS: dict[str, tuple[Callable[[Stage], object], str]] = {
    "unreachable": (lambda stage: stage.harness.unreachable(stage.role), "KeyError: 'port'"),
    "publish": (lambda stage: stage.harness.publish("t", b""), "ValueError: no publish today"),
    "receive": (lambda stage: stage.harness.receive("t", 0.0), "SystemExit: no receive today"),
    "failing_sends": (in_context("failing_sends"), "OSError: no failing today on entering"),
    "stalled": (in_context("stalled"), "OSError: no end today on leaving"),
}


@pytest.mark.parametrize("method", list(CALLS))
def test_a_method_that_raises_in_a_check_is_the_harness_s_fault(method: str) -> None:
    """The block names the harness, its method, the error, the line, and what to do."""
    function, raised = CALLS[method]
    outcome = judge(lambda stage: function(stage) and None, Breaking())
    assert outcome.verdict is Verdict.HARNESS_ERROR
    assert f"the harness is at fault, and not the plugin: Breaking.{method}()" in outcome.reason
    assert f"raised {raised}" in outcome.reason
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = int(outcome.reason.partition(f"{__file__}:")[2].partition(";")[0])
    assert source[line - 1].strip().startswith(("raise ", "sys.exit("))
    assert "which no distribution registers" in outcome.reason
    assert f"mend Breaking.{method}()" in outcome.mend
    assert "leave the method out" in outcome.mend
    assert "Breaking" in failure_block(outcome)
    assert "kit itself" not in failure_block(outcome)


def test_the_distribution_that_registers_the_harness_is_named() -> None:
    """Whoever judges somebody else's plugin learns whom to tell."""
    registered = type("Registered", (Breaking,), {"__module__": "sinetstream_queue.conformance"})
    outcome = judge(lambda stage: stage.harness.publish("t", b""), registered())
    assert "registered by sinetstream-plugin-queue 0.1.0" in outcome.reason


def test_parameters_that_fail_later_are_the_harness_s_fault() -> None:
    """What worked at the start and raises in a check is not the kit's error."""

    class Once(Harness):
        calls = 0

        def params(self, role: Role) -> Mapping[str, Any]:
            self.calls += 1
            if self.calls > 4:
                raise LookupError("asked too often")
            return {}

    outcome = judge(lambda stage: None, Once())
    assert outcome.verdict is Verdict.HARNESS_ERROR
    assert "Once.params() raised LookupError: asked too often" in outcome.reason


GIVEN: dict[str, tuple[str, Any, str]] = {
    "topic": ("topic", None, "gave a NoneType, where str is needed"),
    "receive": ("receive", "text", "gave a str, where bytes or None is needed"),
    "unreachable": ("unreachable", ["x"], "gave a list, where Mapping is needed"),
    "stalled": ("stalled", None, "gave a NoneType, where a context manager is needed"),
}


@pytest.mark.parametrize(("method", "value", "says"), GIVEN.values(), ids=list(GIVEN))
def test_what_cannot_be_used_is_the_harness_s_fault(method: str, value: Any, says: str) -> None:
    """A method that gives something of the wrong type is told what is needed."""
    harness = type("Odd", (Harness,), {method: lambda self, *_: value})()
    arguments: dict[str, tuple[Any, ...]] = {"receive": ("t", 0.0), "unreachable": (Role.READER,)}
    with pytest.raises(HarnessError, match=says):
        getattr(GuardedHarness(harness, "queue"), method)(*arguments.get(method, ()))


def test_a_forgotten_contextmanager_is_recognised() -> None:
    """A generator in place of a context is the commonest slip; the decorator is named."""

    class Forgetful(Harness):
        def stalled(self) -> Any:
            yield

    with pytest.raises(HarnessError, match=r"decorate the method with @contextlib\.contextmanager"):
        GuardedHarness(Forgetful(), "queue").stalled()


def test_a_missing_argument_names_the_method_s_own_line() -> None:
    """Where no line of the harness ran, the place is that of the method."""

    class Short(Harness):
        def params(self) -> Mapping[str, Any]:  # type: ignore[override]
            return {}

    with pytest.raises(HarnessError, match=r"Short\.params\(\) raised TypeError") as told:
        check("queue", harness=Short, rules=ONE)
    line = Short.params.__code__.co_firstlineno
    assert f"{__file__}:{line}" in str(told.value)


def test_capabilities_of_the_wrong_type_are_the_harness_s_fault() -> None:
    """A dict in place of Capabilities is refused by name."""

    class Loose(Harness):
        capabilities: ClassVar = {"ordered": True}  # type: ignore[assignment]

    with pytest.raises(HarnessError, match=r"Loose\.capabilities is .*give capabilities a Capab"):
        check("queue", harness=Loose, rules=ONE)


def test_a_context_lets_the_check_s_own_errors_through() -> None:
    """What a rule raises inside a context stays a violation, also if the context swallows it."""

    class Swallowing(Harness):
        @contextmanager
        def stalled(self) -> Iterator[None]:
            with suppress(AssertionError):
                yield

    def function(stage: Stage) -> None:
        with stage.harness.stalled():
            raise Violation("blue", "red")

    outcome = judge(function, Swallowing())
    assert (outcome.verdict, outcome.observed) == (Verdict.FAIL, "red")


def test_not_offered_inside_a_context_is_a_skip() -> None:
    """A harness may find out only on entering that it cannot do what it is asked for."""

    class Unable(Harness):
        @contextmanager
        def stalled(self) -> Iterator[None]:
            raise NotOffered("this broker cannot be stalled")
            yield

    outcome = judge(in_context("stalled"), Unable())
    assert (outcome.verdict, outcome.reason) == (Verdict.SKIP, "this broker cannot be stalled")


class Leaking(Harness):
    """Puts its password into every error."""

    def params(self, role: Role) -> Mapping[str, Any]:
        return {"password": "opensesame"}

    def start(self) -> None:
        raise OSError("login with opensesame failed")


def test_secrets_are_taken_out_of_a_start_that_failed() -> None:
    """Neither the message nor what is kept with it has the password of the harness's parameters."""
    with pytest.raises(HarnessError) as told:
        check("queue", harness=Leaking, rules=ONE)
    assert "Leaking.start() raised OSError: login with <hidden> failed" in str(told.value)
    assert "opensesame" not in str(told.value) + told.value.trace


def test_a_broker_that_is_not_installed_is_nobodys_fault() -> None:
    """How to get it is passed on, and neither plugin nor harness is blamed."""

    class Lacking(Harness):
        def start(self) -> None:
            raise NotInstalled("there is no program 'mosquitto'; install it")

    with pytest.raises(HarnessError) as told:
        check("queue", harness=Lacking, rules=ONE)
    assert "no broker to judge 'queue' on: there is no program 'mosquitto'" in told.value.problem
    assert "at fault" not in str(told.value)
    assert "--sinetstream-param brokers=" in told.value.mend


def test_secrets_are_taken_out_in_a_check() -> None:
    """A fault in a check is scrubbed like every other outcome."""

    class InACheck(Leaking):
        def start(self) -> None:
            pass

        def publish(self, topic: str, payload: bytes) -> None:
            raise OSError("login with opensesame failed")

    outcome = judge(lambda stage: stage.harness.publish("t", b""), InACheck())
    assert "login with <hidden> failed" in outcome.reason
    assert "opensesame" not in str(outcome.to_dict())


def test_a_harness_that_is_up_is_taken_down_when_its_parameters_fail() -> None:
    """A broker is not left running when the run ends before the first check."""
    done: list[str] = []

    class Started(Harness):
        def start(self) -> None:
            done.append("start")

        def stop(self) -> None:
            done.append("stop")

        def params(self, role: Role) -> Mapping[str, Any]:
            raise LookupError("none")

    with pytest.raises(HarnessError, match=r"Started\.params\(\)"):
        check("queue", harness=Started, rules=ONE)
    assert done == ["start", "stop"]


def test_check_goes_on_and_gives_exit_code_3() -> None:
    """One check that the harness spoils does not keep the others from being made."""
    report = check("queue", harness=Breaking, rules=["LIFE-UNREACHABLE", *ONE], roles=["reader"])
    verdicts = {outcome.rule: outcome.verdict for outcome in report.outcomes}
    assert verdicts == {"LIFE-UNREACHABLE": Verdict.HARNESS_ERROR, "READ-TUPLE": Verdict.PASS}
    assert report.exit_code == 3
    assert "HARNESS-ERROR  queue::reader::LIFE-UNREACHABLE" in report.to_text()


def test_a_harness_that_cannot_stop_is_told_of() -> None:
    """The report is there all the same, with exit code 3 and the reason."""

    class Clinging(Harness):
        def stop(self) -> None:
            raise OSError("still in use")

    report = check("queue", harness=Clinging, rules=ONE)
    assert report.exit_code == 3
    assert "could not be taken down: " in report.to_text()
    assert (
        "Clinging.stop() raised OSError: still in use" in json.loads(report.to_json())["stop_fault"]
    )


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("unreachable(self, role): raise KeyError('port')", "HARNESS-ERROR  queue::reader::LIFE"),
        ("stop(self): raise KeyError('port')", "could not be taken down: "),
        ("start(self): raise KeyError('port')", "the harness of 'queue' cannot be used: "),
        ("describe(self): raise KeyError('port')", "the harness of 'queue' cannot be used: "),
    ],
)
def test_pytest_ends_with_exit_code_3(tmp_path: Path, method: str, says: str) -> None:
    """Whenever the harness is at fault, at the start, in a check or at the end."""
    (tmp_path / "mine.py").write_text(
        f"from sinetstream_conformance import Harness\nclass Mine(Harness):\n    def {method}\n",
        encoding="utf-8",
    )
    options = ["--sinetstream-harness=mine:Mine", "--sinetstream-role=reader"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options),
            *("--sinetstream-plugin=queue", "--sinetstream-rule=LIFE-UNREACHABLE"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, told
    assert " ".join(says.split()) in told
    name = method.partition("(")[0]
    assert f"the harness is at fault, and not the plugin: Mine.{name}() raised KeyError" in told
    assert "mine.py:3" in told


def test_unreachable_parameters_that_change_nothing_are_the_harness_s_fault() -> None:
    """A broker that is there proves nothing of one that is not."""

    class Reachable(Harness):
        def params(self, role: Role) -> Mapping[str, Any]:
            return {"brokers": "here:1", "type_spec": {"a": 1}}

        def unreachable(self, role: Role) -> Mapping[str, Any]:
            return {"type_spec": {"a": 1}}

    rules = ["LIFE-UNREACHABLE", "CTOR-NOCONNECT"]
    report = check("queue", harness=Reachable, rules=rules, roles=["reader"])
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.HARNESS_ERROR] * 2
    for outcome in report.outcomes:
        assert "Reachable.unreachable() changes nothing" in outcome.reason
        assert "(brokers, type_spec)" in outcome.reason


def test_sends_that_succeed_while_they_should_fail_may_be_the_harness_s_fault() -> None:
    """Where the message arrives and the synchronous writer gets through, the block says so."""

    class Harmless(Harness):
        @contextmanager
        def failing_sends(self) -> Iterator[None]:
            yield

    rules = ["AWRITE-REJECT", "AWRITE-FULFIL"]
    report = check("queue", harness=Harmless, rules=rules, roles=["async_writer"])
    failed = [outcome for outcome in report.outcomes if outcome.verdict is Verdict.FAIL]
    assert {outcome.rule for outcome in failed} == set(rules)
    for outcome in failed:
        assert "the harness may be to blame: inside its failing_sends()" in outcome.observed
        assert "the message arrives" in outcome.observed
        assert "publish() of the plugin's synchronous writer succeeds" in outcome.observed


@pytest.mark.parametrize("late", [False, True], ids=["when-asked", "on-entering"])
def test_what_a_harness_has_not_offered_is_not_expected_of_it_again(late: bool) -> None:
    """Its reason is known before much is done for nothing; what else it offers is not in doubt."""

    class Refusing(Breaking):
        @contextmanager
        def _refused(self) -> Iterator[None]:
            raise NotOffered("not this broker")
            yield

        def disconnected(self) -> Any:
            if late:
                return self._refused()
            raise NotOffered("not this broker")

    guarded = GuardedHarness(Refusing(), "queue")
    guarded.expect_offer("disconnected")
    with pytest.raises(NotOffered), guarded.disconnected():
        pytest.fail("the context was entered")
    with pytest.raises(NotOffered, match="not this broker"):
        guarded.expect_offer("disconnected")
    guarded.expect_offer("stalled")
