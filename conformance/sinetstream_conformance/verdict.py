"""What the kit says of one check, and how a rule's function says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sinetstream_sdk.roles import Role


class Level(IntEnum):
    """How binding a rule is."""

    CAN = 1
    """Holds only for plugins that declare the capability."""
    SHOULD = 2
    """The guide's example or the published host relies on it."""
    MUST = 3
    """The guide says so."""


class Verdict(IntEnum):
    """The outcome of a check, the worse the higher."""

    PASS = 0
    SKIP = 1
    XFAIL = 2
    INCONCLUSIVE = 3
    HARNESS_ERROR = 4
    FAIL = 5
    KIT_ERROR = 6

    @property
    def label(self) -> str:
        """The verdict as reports write it."""
        return self.name.replace("_", "-")


class Violation(AssertionError):
    """The plugin breaks the rule; this is the evidence."""

    def __init__(
        self,
        expected: str,
        observed: str,
        *,
        error: BaseException | None = None,
        trace: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed
        self.error = error
        self.trace = trace
        self.mend = mend
        self.deaths: list[str] = []
        """The errors that ended threads of the plugin meanwhile."""


class NotDeclared(Exception):
    """The rule needs a capability, or a service of the harness, that nobody declared."""


class Unjudged(Exception):
    """Too little was observed, or the machine was too loaded, to say anything.

    ``transient`` tells that another try may well succeed.
    """

    def __init__(self, reason: str, *, transient: bool = False, trace: str = "") -> None:
        super().__init__(reason)
        self.transient = transient
        self.trace = trace


@dataclass
class Outcome:
    """The verdict on one check, with everything that a report needs to explain it."""

    plugin: str
    role: Role | None
    rule: str
    level: Level
    case: str | None
    verdict: Verdict
    reason: str = ""
    expected: str = ""
    observed: str = ""
    trace: str = ""
    cause: str = ""
    mend: str = ""
    says: str = ""
    source: str = ""
    replay: str = ""
    notes: list[str] = field(default_factory=list)
    observations: int = 0
    seconds: float = 0.0

    @property
    def id(self) -> str:
        """The check's node id, such as ``queue::reader::READ-TUPLE``."""
        case = f"[{self.case}]" if self.case else ""
        return f"{self.plugin}::{scope_name(self.role)}::{self.rule}{case}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for passing between processes."""
        values = dict(self.__dict__)
        values["role"] = scope_name(self.role)
        values["level"] = self.level.name
        values["verdict"] = self.verdict.label
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Outcome:
        """Undo :meth:`to_dict`."""
        values = dict(values)
        values["role"] = None if values["role"] == PACKAGE else Role(values["role"])
        values["level"] = Level[values["level"]]
        values["verdict"] = Verdict[values["verdict"].replace("-", "_")]
        return cls(**values)


PACKAGE = "package"
"""Stands in the place of a role for rules that concern the distribution as a whole."""


def scope_name(role: Role | None) -> str:
    """The role's name, or ``package`` for what belongs to no role."""
    return PACKAGE if role is None else role.value
