"""One reason for many checks: told once, with the count, and not once a check.

A wrong address or a parameter that is missing makes nearly every check inconclusive, each for the
same reason. A reader of the report needs that reason once, and wants to see nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sinetstream_conformance.verdict import Outcome, Verdict, scope_name

FEW = 2
"""As many checks may have the same reason and are still told one by one."""

_NO_VERDICT = (Verdict.INCONCLUSIVE, Verdict.HARNESS_ERROR)
# What differs although the reason is the same: names of roles, of their classes, of topics.
_VARIES = re.compile(
    r"\b\w*?(?:async_?)?(?:message_?)?(?:reader|writer)\b|\bconformance-[0-9a-f]{12}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SharedReason:
    """A reason that several checks have in common."""

    outcomes: tuple[Outcome, ...]
    """At least one; the first stands for all."""

    @property
    def first(self) -> Outcome:
        """The outcome that is told at length."""
        return self.outcomes[0]

    @property
    def others(self) -> tuple[Outcome, ...]:
        """Those that are only counted."""
        return self.outcomes[1:]

    def remark(self) -> str:
        """How many further checks have the reason, role by role."""
        counts = Counter(scope_name(outcome.role) for outcome in self.others)
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        return f"{len(self.others)} more checks for the same reason, not shown one by one: {shown}"


def shared_reasons(outcomes: Iterable[Outcome]) -> list[SharedReason]:
    """The reasons for which more than :data:`FEW` checks of one plugin gave no verdict."""
    groups: dict[tuple[str, Verdict, str], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.verdict in _NO_VERDICT:
            key = (outcome.plugin, outcome.verdict, _VARIES.sub("*", outcome.reason))
            groups.setdefault(key, []).append(outcome)
    return [SharedReason(tuple(group)) for group in groups.values() if len(group) > FEW]


def why_unproven(outcomes: Iterable[Outcome]) -> str:
    """Why nothing can be said of a plugin, for the last line of its report."""
    unsure = [o for o in outcomes if o.verdict in (*_NO_VERDICT, Verdict.KIT_ERROR)]
    if not unsure:
        return "no MUST was exercised"
    most = max(shared_reasons(unsure), key=lambda shared: len(shared.outcomes), default=None)
    if most is not None and 2 * len(most.outcomes) > len(unsure):
        return f"{len(most.outcomes)} of {len(unsure)} for one reason: {most.first.reason}"
    if len(unsure) == 1:
        return f"{unsure[0].rule}: {unsure[0].reason}"
    return f"{len(unsure)} checks, each for the reason given above"
