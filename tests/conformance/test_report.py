"""What outcomes come to: the standing of a role, and whether the run fails."""

from __future__ import annotations

import json

import pytest

from sinetstream_conformance import Level, Report, Standing, Verdict
from sinetstream_conformance.render import skip_lines, summary_lines
from sinetstream_conformance.verdict import Outcome
from sinetstream_sdk.roles import Role

MUST, SHOULD, CAN = Level.MUST, Level.SHOULD, Level.CAN
PASS, SKIP, XFAIL = Verdict.PASS, Verdict.SKIP, Verdict.XFAIL
FAIL, UNSURE, KIT = Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.KIT_ERROR


def report(*outcomes: tuple[Level, Verdict], level: Level = SHOULD) -> Report:
    return Report(
        "queue",
        [
            Outcome("queue", Role.READER, f"RULE-{n}", rule_level, None, verdict, reason="why")
            for n, (rule_level, verdict) in enumerate(outcomes)
        ],
        level=level,
    )


@pytest.mark.parametrize(
    ("outcomes", "standing"),
    [
        ([(MUST, PASS), (SHOULD, PASS)], Standing.STRICT),
        ([(MUST, PASS), (SHOULD, SKIP), (CAN, SKIP)], Standing.STRICT),
        ([(MUST, PASS), (SHOULD, FAIL)], Standing.CONFORMANT),
        ([(MUST, PASS), (SHOULD, UNSURE)], Standing.CONFORMANT),
        ([(MUST, PASS), (SHOULD, XFAIL)], Standing.CONFORMANT),
        ([(MUST, FAIL), (SHOULD, PASS)], Standing.BROKEN),
        ([(MUST, XFAIL), (MUST, PASS)], Standing.BROKEN),
        ([(MUST, PASS), (CAN, FAIL)], Standing.BROKEN),
        ([(MUST, PASS), (MUST, UNSURE)], Standing.UNPROVEN),
        ([(MUST, PASS), (MUST, KIT)], Standing.UNPROVEN),
        ([(MUST, SKIP), (SHOULD, PASS)], Standing.UNPROVEN),
        ([], Standing.UNPROVEN),
    ],
)
def test_standing(outcomes: list[tuple[Level, Verdict]], standing: Standing) -> None:
    """The standing follows from the worst of the MUST rules, then from the SHOULD rules."""
    assert report(*outcomes).standing(Role.READER) is standing


@pytest.mark.parametrize(
    ("outcome", "level", "code"),
    [
        ((MUST, FAIL), MUST, 1),
        ((SHOULD, FAIL), MUST, 0),
        ((SHOULD, FAIL), SHOULD, 1),
        ((SHOULD, UNSURE), SHOULD, 1),
        ((CAN, FAIL), MUST, 1),
        ((MUST, XFAIL), SHOULD, 0),
        ((CAN, SKIP), SHOULD, 0),
        ((SHOULD, KIT), MUST, 1),
        ((MUST, PASS), SHOULD, 0),
    ],
)
def test_exit_code(outcome: tuple[Level, Verdict], level: Level, code: int) -> None:
    """MUST fails every run, SHOULD unless it is let through, and the kit's own faults always."""
    assert report(outcome, level=level).exit_code == code


def test_the_distributions_rules_count_for_every_role() -> None:
    """A role stands no better than the package that it comes in."""
    whole = report((MUST, PASS))
    whole.outcomes.append(Outcome("queue", None, "PKG-NAME", MUST, None, FAIL))
    assert whole.standing(Role.READER) is Standing.BROKEN
    assert not whole.conformant


def test_cases_are_one_rule_with_the_worst_verdict() -> None:
    """The counts are of rules: a rule is as bad as its worst case, and skipped if all cases are."""
    cases = [
        Outcome("queue", Role.WRITER, "WRITE-X", MUST, case, verdict)
        for case, verdict in (("a", PASS), ("b", FAIL), ("c", SKIP))
    ]
    role = Report("queue", cases).roles["writer"]
    assert role.rules() == {"WRITE-X": FAIL}
    assert role.exercised == 1


def test_the_summary_says_how_many_rules_were_exercised() -> None:
    """A line for each role has standing, exercised, all, and the counts."""
    line, overall = summary_lines(report((MUST, PASS), (SHOULD, PASS), (CAN, SKIP)))
    assert "CONFORMANT STRICT" in line
    assert "2 of 3 rules exercised: 2 PASS, 1 SKIP" in line
    assert overall == "queue: CONFORMANT STRICT (reader)"


def test_a_plugin_stands_as_its_worst_role() -> None:
    """The overall standing is that of the role that stands worst."""
    whole = report((MUST, PASS))
    whole.outcomes.append(Outcome("queue", Role.WRITER, "RULE", MUST, None, FAIL))
    assert whole.standing(Role.READER) is Standing.STRICT
    assert whole.overall is Standing.BROKEN
    assert not whole.conformant


def test_skips_are_listed_with_their_reason_once() -> None:
    """What was skipped for the same reason stands on one line."""
    assert skip_lines(report((CAN, SKIP), (CAN, SKIP))) == ["  SKIP: why (RULE-0, RULE-1)"]


def test_cases_that_were_skipped_are_named_where_others_were_not() -> None:
    """A rule that stands there without its cases was not judged at all for that reason."""
    mixed = report((MUST, SKIP), (MUST, PASS), (MUST, SKIP), (MUST, SKIP), (MUST, SKIP))
    cases = [("CUT", "a"), ("CUT", "b"), ("CUT", "c"), ("ALL", "a"), ("ALL", "b")]
    for outcome, (rule, case) in zip(mixed.outcomes, cases, strict=True):
        outcome.rule, outcome.case = rule, case
    assert skip_lines(mixed) == ["  SKIP: why (CUT[a, c], ALL)"]


def test_the_report_as_json() -> None:
    """The JSON has the standing and every outcome in plain values."""
    loaded = json.loads(report((MUST, PASS)).to_json())
    assert loaded["standing"] == {"reader": "CONFORMANT STRICT"}
    assert loaded["outcomes"][0]["verdict"] == "PASS"


def test_part_of_the_rules_gives_no_standing() -> None:
    """A run of some rules only does not claim conformance."""
    some = report((MUST, PASS))
    some.partial = True
    assert "part of the rules only" in summary_lines(some)[0]
    assert "CONFORMANT" not in summary_lines(some)[0]
