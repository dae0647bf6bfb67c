"""Reports in words: the block that explains one failure, and the closing section."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from sinetstream_conformance.report import Report, Standing
from sinetstream_conformance.shared_reasons import shared_reasons, why_unproven
from sinetstream_conformance.verdict import Outcome, Verdict

_WIDTH = 96
_LABEL = 10


def failure_blocks(outcomes: Iterable[Outcome]) -> list[str]:
    """A block for each check that did not pass, but for a reason that many share only one."""
    outcomes = list(outcomes)
    shared = shared_reasons(outcomes)
    remarks = {reason.first.id: reason.remark() for reason in shared}
    told = {outcome.id for reason in shared for outcome in reason.others}
    return [failure_block(o, also=remarks.get(o.id, "")) for o in outcomes if o.id not in told]


def failure_block(outcome: Outcome, *, also: str = "") -> str:
    """Everything there is to say about one check that did not pass.

    :param also: what is to be said of other checks that did not pass for the same reason
    """
    lines = [f"{outcome.verdict.label}  {outcome.id}  ({outcome.level.name})"]
    lines += _field("rule", f"{outcome.says} [{outcome.source}]")
    if outcome.expected:
        lines += _field("expected", outcome.expected)
        lines += _field("observed", outcome.observed)
    elif outcome.reason:
        lines += _field("reason", outcome.reason)
    if outcome.trace:
        lines += _block("trace", outcome.trace)
    for note in outcome.notes:
        lines += _block("note", note)
    if outcome.cause:
        lines += _field("cause", outcome.cause)
    if outcome.mend:
        lines += _field("mend", outcome.mend)
    if also:
        lines += _field("also", also)
    lines += [f"  {'replay':<{_LABEL}}{outcome.replay}"]
    return "\n".join(lines)


def _field(label: str, text: str) -> list[str]:
    first, rest = f"  {label:<{_LABEL}}", " " * (_LABEL + 2)
    wrapped = textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapped or [first.rstrip()]


def _block(label: str, text: str) -> list[str]:
    lines = text.splitlines()
    if len(lines) > 24:
        lines = [*lines[:8], f"... ({len(lines) - 20} lines left out)", *lines[-12:]]
    indented = [f"    {line}" for line in lines]
    return [f"  {label}", *indented]


def summary_lines(report: Report) -> list[str]:
    """The standing of each role, with the counts of its rules."""
    lines = []
    for name, role in report.roles.items():
        counts = role.counts
        shown = ", ".join(f"{counts[v]} {v.label}" for v in Verdict if counts[v])
        standing = "(part of the rules only)" if report.partial else ""
        if role.role is None:
            label = standing or "        "
        else:
            label = standing or report.standing(role.role).value
        total = len(role.rules())
        lines.append(
            f"{report.plugin} {name:<13} {label:<18} {role.exercised} of {total} rules exercised: "
            f"{shown}"
        )
    if report.stop_fault:
        lines.append(f"{report.plugin}: the harness could not be taken down: {report.stop_fault}")
    if not report.partial:
        judged = [name for name, role in report.roles.items() if role.role is not None]
        why = f": {why_unproven(report.outcomes)}" if report.overall is Standing.UNPROVEN else ""
        lines.append(f"{report.plugin}: {report.overall.value} ({', '.join(judged)}){why}")
    return lines


def skip_lines(report: Report) -> list[str]:
    """Why rules were skipped, each reason once, and what was expected to fail."""
    reasons: dict[str, dict[str, set[str | None]]] = {}
    cases: dict[str, set[str | None]] = {}
    for outcome in report.outcomes:
        cases.setdefault(outcome.rule, set()).add(outcome.case)
        if outcome.verdict in (Verdict.SKIP, Verdict.XFAIL):
            rules = reasons.setdefault(f"{outcome.verdict.label}: {outcome.reason}", {})
            rules.setdefault(outcome.rule, set()).add(outcome.case)
    return [
        f"  {reason} ({', '.join(_named(rule, some, cases[rule]) for rule, some in rules.items())})"
        for reason, rules in reasons.items()
    ]


def _named(rule: str, some: set[str | None], cases: set[str | None]) -> str:
    """A rule, with the cases that are meant where those are not all of them."""
    return rule if some == cases else f"{rule}[{', '.join(sorted(filter(None, some)))}]"
