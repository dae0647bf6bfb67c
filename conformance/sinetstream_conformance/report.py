"""The verdict on a plugin: all outcomes, and what they come to for each role."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from sinetstream_conformance.verdict import Level, Outcome, Verdict, scope_name
from sinetstream_sdk.roles import Role

HARNESS_BROKE = 3
"""The exit code for a harness that is at fault, whether it cannot start or fails in a check."""

_UNTOLD = {Verdict.INCONCLUSIVE, Verdict.HARNESS_ERROR, Verdict.KIT_ERROR}


class Standing(Enum):
    """What the outcomes of one role come to."""

    STRICT = "CONFORMANT STRICT"
    """Every MUST and every SHOULD holds."""
    CONFORMANT = "CONFORMANT"
    """Every MUST holds."""
    UNPROVEN = "INCONCLUSIVE"
    """Nothing failed, but a MUST could not be judged."""
    BROKEN = "NOT CONFORMANT"
    """A MUST does not hold, or a capability that was declared."""


@dataclass
class RoleReport:
    """The outcomes of one role, or of the distribution where ``role`` is None."""

    role: Role | None
    outcomes: list[Outcome] = field(default_factory=list)

    def rules(self) -> dict[str, Verdict]:
        """The verdict on each rule: the worst of its cases; skipped only if all cases are."""
        verdicts: dict[str, list[Verdict]] = {}
        for outcome in self.outcomes:
            verdicts.setdefault(outcome.rule, []).append(outcome.verdict)
        return {
            rule: max((v for v in found if v is not Verdict.SKIP), default=Verdict.SKIP)
            for rule, found in verdicts.items()
        }

    @property
    def exercised(self) -> int:
        """How many rules were judged."""
        judged = (Verdict.PASS, Verdict.FAIL, Verdict.XFAIL)
        return sum(verdict in judged for verdict in self.rules().values())

    @property
    def counts(self) -> Counter[Verdict]:
        """How many rules got each verdict."""
        return Counter(self.rules().values())


@dataclass
class Report:
    """What the kit says of one plugin."""

    plugin: str
    outcomes: list[Outcome]
    header: list[str] = field(default_factory=list)
    level: Level = Level.SHOULD
    partial: bool = False
    """Whether only some rules or roles were asked for, so that no standing can be given."""
    stop_fault: str = ""
    """Why the harness could not be taken down; empty where it could."""

    @property
    def roles(self) -> dict[str, RoleReport]:
        """The outcomes by role, the distribution's first."""
        reports: dict[str, RoleReport] = {}
        for outcome in self.outcomes:
            name = scope_name(outcome.role)
            reports.setdefault(name, RoleReport(outcome.role)).outcomes.append(outcome)
        return reports

    def standing(self, role: Role | None) -> Standing:
        """What the outcomes of ``role`` come to, together with those of the distribution."""
        concerned = [o for o in self.outcomes if o.role in (role, None)]
        return standing_of(concerned)

    @property
    def overall(self) -> Standing:
        """The standing of the plugin: that of its worst role."""
        order = list(Standing)
        standings = [self.standing(report.role) for report in self.roles.values() if report.role]
        return max(standings, key=order.index, default=Standing.UNPROVEN)

    @property
    def conformant(self) -> bool:
        """Whether every role is at least CONFORMANT."""
        return self.overall in (Standing.STRICT, Standing.CONFORMANT)

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes that make the run fail at the level that was asked for."""
        return [outcome for outcome in self.outcomes if fails_run(outcome, self.level)]

    @property
    def exit_code(self) -> int:
        """0 where nothing fails the run, 3 where the harness is at fault, 1 otherwise."""
        if self.stop_fault or any(o.verdict is Verdict.HARNESS_ERROR for o in self.outcomes):
            return HARNESS_BROKE
        return 1 if self.failures else 0

    def to_json(self) -> str:
        """The whole report as JSON."""
        return json.dumps(
            {
                "plugin": self.plugin,
                "header": self.header,
                "level": self.level.name,
                "partial": self.partial,
                "stop_fault": self.stop_fault,
                "standing": {
                    name: self.standing(role.role).value for name, role in self.roles.items()
                },
                "outcomes": [outcome.to_dict() for outcome in self.outcomes],
            },
            indent=2,
            ensure_ascii=False,
        )

    def to_text(self) -> str:
        """The report as a terminal shows it: the failures, then the standing of each role."""
        from sinetstream_conformance.render import failure_blocks, summary_lines

        end = "\n".join([*self.header, *summary_lines(self)])
        return "\n\n".join([*failure_blocks(self.failures), end])

    def __str__(self) -> str:
        return self.to_text()


def counts_as_must(outcome: Outcome) -> bool:
    """Whether the rule is a MUST for this plugin; a declared capability makes a CAN one."""
    return outcome.level in (Level.MUST, Level.CAN)


def fails_run(outcome: Outcome, level: Level) -> bool:
    """Whether an outcome fails a run at ``level``."""
    if outcome.verdict in (Verdict.KIT_ERROR, Verdict.HARNESS_ERROR):
        return True
    if outcome.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        return False
    return counts_as_must(outcome) or level <= Level.SHOULD


def standing_of(outcomes: Iterable[Outcome]) -> Standing:
    """What outcomes come to together. An expected failure is a failure of the contract still."""
    must = {o.verdict for o in outcomes if counts_as_must(o)}
    should = {o.verdict for o in outcomes if not counts_as_must(o)}
    if must & {Verdict.FAIL, Verdict.XFAIL}:
        return Standing.BROKEN
    if must & _UNTOLD or Verdict.PASS not in must:
        return Standing.UNPROVEN
    if should <= {Verdict.PASS, Verdict.SKIP}:
        return Standing.STRICT
    return Standing.CONFORMANT
