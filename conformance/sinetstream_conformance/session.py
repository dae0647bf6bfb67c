"""Judging one plugin: its harness up, its checks one after another, its harness down again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sinetstream_conformance import pitfalls
from sinetstream_conformance.captured_logs import records_let_go
from sinetstream_conformance.clock import Metronome
from sinetstream_conformance.deadline import (
    THREAD_PREFIX,
    Caller,
    describe_error,
    format_error,
)
from sinetstream_conformance.harness import Harness, NotOffered
from sinetstream_conformance.harness_faults import GuardedHarness, HarnessError
from sinetstream_conformance.leniency import warnings_not_raised
from sinetstream_conformance.residue import plugin_threads, put_heap_back, set_heap_apart
from sinetstream_conformance.rule import Rule, catalogue
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.subject import Subject
from sinetstream_conformance.verdict import (
    NotDeclared,
    Outcome,
    Unjudged,
    Verdict,
    Violation,
    scope_name,
)
from sinetstream_sdk.describe import Redactor
from sinetstream_sdk.registry import PluginRecord, default_registry
from sinetstream_sdk.roles import Role

_TRIES = 3
_BROKEN_LINKS = 2
_HUNG_CLOSES = 2
_LATE_S = 3.0
_CHARGEABLE = (Verdict.PASS, Verdict.SKIP, Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Check:
    """One rule for one role, or for the distribution, and one of its cases if it has any."""

    rule: Rule
    role: Role | None
    case: str | None = None

    @property
    def name(self) -> str:
        """The last part of the check's node id."""
        return f"{self.rule.id}[{self.case}]" if self.case else self.rule.id


def plan(
    subject: Subject,
    rules: Mapping[str, Rule] | None = None,
    roles: Iterable[Role] | None = None,
) -> list[Check]:
    """The checks to make, role by role; all rules and all registered roles where none are named."""
    chosen = list((catalogue() if rules is None else rules).values())
    wanted = subject.roles if roles is None else tuple(r for r in subject.roles if r in roles)
    scopes: list[Role | None] = [*([None] if roles is None else []), *wanted]
    return [
        Check(rule, scope, case)
        for scope in scopes
        for rule in chosen
        if scope in rule.scopes
        for case in (rule.cases or (None,))
    ]


class Session:
    """A plugin under judgement; use it as a context manager."""

    def __init__(
        self,
        subject: Subject,
        harness: Harness,
        *,
        params: Mapping[str, Any] | None = None,
        seed: int = 0,
        replay: str = "",
        expected_failures: Mapping[str, str] | None = None,
        host: str = "sdk",
    ) -> None:
        self.subject = subject
        self.harness = GuardedHarness(harness, subject.name)
        self.stop_fault = ""
        """Why the harness could not be taken down."""
        self.params: Mapping[str, Any] = params or {}
        self.seed = seed
        self.expected_failures = {**self.harness.expected_failures, **(expected_failures or {})}
        self.replay = replay
        """The options that a replay needs besides plugin, rule, role and seed."""
        self.host = host
        """Which host the HOST rules run the plugin through: ``sdk`` or ``published``."""
        self.caller = Caller()
        self.outcomes: list[Outcome] = []
        self.charged: list[Outcome] = []
        """Outcomes that became failures because of callbacks after their checks had ended."""
        self._stages: list[tuple[Stage, Outcome]] = []
        self._failed_links = 0
        self._hung_closes = 0
        self._heap_apart = False
        self._threads_before = plugin_threads()
        self._refusals: dict[Role, str] = {}
        self._redactor = Redactor(self.params)

    def __enter__(self) -> Self:
        self.metronome = Metronome()
        is_up = False
        try:
            self.harness.given = self.params
            self.harness.start()
            is_up = True
            secrets = [self.harness.params(role) for role in self.subject.roles]
            self._redactor = Redactor({"given": self.params, "harness": secrets})
        except BaseException as error:
            if is_up:
                self._stop_harness()
            self._stop_threads()
            if isinstance(error, HarnessError):
                raise error.scrubbed(self._redactor_of_what_there_is()) from None
            raise
        self._heap_apart = set_heap_apart()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._await_late_callbacks()
            self._stop_harness()
        finally:
            self.charged = self.charge_late_callbacks()
            self._stop_threads()
            if self._heap_apart:
                put_heap_back()

    def _stop_harness(self) -> None:
        try:
            self.harness.stop()
        except HarnessError as fault:
            self.stop_fault = str(fault.scrubbed(self._redactor))

    def _redactor_of_what_there_is(self) -> Redactor:
        """Takes out the secrets that can be known of a harness that did not come up."""
        found = []
        for role in self.subject.roles:
            with suppress(HarnessError):
                found.append(self.harness.params(role))
        return Redactor({"given": self.params, "harness": found})

    def _stop_threads(self) -> None:
        self.metronome.stop()
        self.caller.close()

    def own_records(self) -> list[PluginRecord]:
        """The entry points that are judged."""
        return [self.subject.record(role) for role in self.subject.roles]

    def all_records(self, role: Role) -> tuple[PluginRecord, ...]:
        """Every entry point installed under the plugin's name for ``role``."""
        return default_registry().records(role=role, name=self.subject.name)

    def patience(self, bound_s: float) -> float:
        """How long a handshake may take: shorter once several in a row have come to nothing."""
        return bound_s if self._failed_links < _BROKEN_LINKS else bound_s / 5

    def closing_within_s(self) -> float:
        """How long cleaning up waits for a ``close()``: not long once several have hung."""
        bound_s = self.harness.capabilities.call_within_s
        return bound_s if self._hung_closes < _HUNG_CLOSES else bound_s / 5

    def close_hung(self) -> None:
        """Remember that a ``close()`` hung."""
        self._hung_closes += 1

    def linked(self) -> None:
        """Remember that a message got through."""
        self._failed_links = 0

    def not_linked(self) -> None:
        """Remember that no message got through."""
        self._failed_links += 1

    def run(self, check: Check) -> Outcome:
        """Make one check, again if the machine was too loaded to tell, and keep its outcome."""
        began = time.monotonic()
        for _ in range(_TRIES):
            stage = Stage(self, check.role, check.case)
            outcome, again = self._try(check, stage)
            if not again:
                break
        outcome.seconds = time.monotonic() - began
        self.outcomes.append(outcome)
        self._stages.append((stage, outcome))
        return outcome

    def _try(self, check: Check, stage: Stage) -> tuple[Outcome, bool]:
        rule = check.rule
        outcome = Outcome(
            plugin=self.subject.name,
            role=check.role,
            rule=rule.id,
            level=rule.level,
            case=check.case,
            verdict=Verdict.PASS,
            says=rule.says,
            source=rule.source,
            replay=self._replay(check),
        )
        deaths = _ThreadDeaths()
        again = False
        try:
            with deaths, warnings_not_raised(), records_let_go():
                try:
                    self._preflight(check, stage)
                    rule.check(stage)
                finally:
                    stage.finish()
            if not stage.observations:
                raise Unjudged("nothing was observed")
        except Violation as violation:
            violation.deaths = deaths.notes
            self._fail(outcome, rule, violation)
        except (NotDeclared, NotOffered) as reason:
            outcome.verdict, outcome.reason = Verdict.SKIP, str(reason)
        except HarnessError as fault:
            outcome.verdict = Verdict.HARNESS_ERROR
            outcome.reason, outcome.mend, outcome.trace = fault.problem, fault.mend, fault.trace
        except Unjudged as reason:
            outcome.verdict, outcome.reason = Verdict.INCONCLUSIVE, str(reason)
            outcome.trace = reason.trace
            again = reason.transient
        except Exception as error:  # noqa: BLE001 - the kit's own fault, and said to be so
            outcome.verdict = Verdict.KIT_ERROR
            outcome.reason = f"the kit itself failed: {describe_error(error)}"
            outcome.trace = format_error(error)
        outcome.observations = stage.observations
        outcome.notes = [*stage.notes, *deaths.notes]
        self._expect_failure(outcome)
        self._scrub(outcome)
        return outcome, again

    def _preflight(self, check: Check, stage: Stage) -> None:
        """Leave a role unjudged that does not load, or needs parameters which nobody gave.

        Refusing to be built without a broker's address is right. It must not count against the
        plugin, and nothing can be seen of it either.
        """
        role = check.role
        if role is None or check.rule.id.startswith("PKG-"):
            return
        stage.class_for(role)
        if role not in self._refusals:
            self._refusals[role] = stage.refusal_of_bare_parameters()
        if refusal := self._refusals[role]:
            raise Unjudged(
                f"the plugin's {role} refuses the parameters that it was given: {refusal}. Give it "
                "what it needs with --sinetstream-param KEY=VALUE, --sinetstream-params FILE.yml "
                "or a harness"
            )

    def _fail(self, outcome: Outcome, rule: Rule, violation: Violation) -> None:
        outcome.verdict = Verdict.FAIL
        outcome.expected, outcome.observed = violation.expected, violation.observed
        outcome.trace = violation.trace
        pitfall = pitfalls.recognise(rule.id, violation)
        outcome.cause = pitfall.cause if pitfall else ""
        outcome.mend = violation.mend or (pitfall.mend if pitfall else "") or rule.hint
        outcome.reason = f"expected {violation.expected}; observed {violation.observed}"

    def _expect_failure(self, outcome: Outcome) -> None:
        reason = self.expected_failures.get(outcome.rule)
        if reason is None:
            return
        if outcome.verdict is Verdict.FAIL:
            outcome.verdict, outcome.reason = Verdict.XFAIL, reason
        elif outcome.verdict is Verdict.PASS:
            outcome.notes.append(f"expected to fail ({reason}) but passes: take it off the list")

    def _replay(self, check: Check) -> str:
        role = f" --sinetstream-role={scope_name(check.role)}"
        options = f" {self.replay}" if self.replay else ""
        return (
            f"pytest --sinetstream-plugin={self.subject.name}"
            f" --sinetstream-rule={check.rule.id}{role} --sinetstream-seed={self.seed}{options}"
        )

    def _scrub(self, outcome: Outcome) -> None:
        for name in ("reason", "expected", "observed", "trace", "cause", "mend", "replay"):
            setattr(outcome, name, self._redactor.scrub(getattr(outcome, name)))
        outcome.notes = [self._redactor.scrub(note) for note in outcome.notes]

    def _await_late_callbacks(self) -> None:
        """Give threads that an asynchronous reader left behind a moment to betray themselves."""
        end = time.monotonic() + _LATE_S
        if any(outcome.role is Role.ASYNC_READER for outcome in self.outcomes):
            while plugin_threads() - self._threads_before and time.monotonic() < end:
                time.sleep(0.01)

    def charge_late_callbacks(self) -> list[Outcome]:
        """Fail the checks whose callbacks came after their end; give those newly failed."""
        charged = []
        for stage, outcome in self._stages:
            if stage.late and outcome.verdict in _CHARGEABLE:
                outcome.verdict = Verdict.FAIL
                outcome.expected = "no callback once close() has returned (AREAD-CLOSE)"
                outcome.observed = f"{stage.late[0]} ({len(stage.late)} times)"
                outcome.reason = f"expected {outcome.expected}; observed {outcome.observed}"
                outcome.mend = "let close() wait until the delivering thread has ended"
                self._scrub(outcome)
                charged.append(outcome)
        return charged


class _ThreadDeaths:
    """Notes exceptions that end threads of the plugin while a check runs."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        self._before = threading.excepthook
        threading.excepthook = self._died
        return self

    def __exit__(self, *exc: object) -> None:
        threading.excepthook = self._before

    def _died(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "?"
        if args.exc_value is not None and not name.startswith(THREAD_PREFIX):
            with suppress(Exception):
                self.notes.append(f"thread {name} died: {format_error(args.exc_value)}")
