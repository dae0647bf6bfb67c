"""A rule of the contract: one function, with what is to be known about it beside it.

Decorate a function in a module of :mod:`sinetstream_conformance.rules` with :func:`rule`, and the
kit judges it, explains it and documents it; there is no list to add it to.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from sinetstream_conformance.verdict import Level
from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from sinetstream_conformance.stage import Stage

MUST, SHOULD, CAN = Level.MUST, Level.SHOULD, Level.CAN
READER, WRITER = Role.READER, Role.WRITER
ASYNC_READER, ASYNC_WRITER = Role.ASYNC_READER, Role.ASYNC_WRITER
ALL_ROLES: tuple[Role, ...] = tuple(Role)
WRITERS = (WRITER, ASYNC_WRITER)
READERS = (READER, ASYNC_READER)

Check = Callable[["Stage"], None]


@dataclass(frozen=True)
class Example:
    """How a plugin keeps the rule, and how it breaks it, in a few lines of code."""

    right: str
    wrong: str


@dataclass(frozen=True)
class Rule:
    """One rule for one or more roles; ``roles`` is empty where it concerns the distribution."""

    id: str
    level: Level
    roles: tuple[Role, ...]
    says: str
    source: str
    hint: str
    check: Check
    cases: tuple[str, ...] = ()
    example: Example | None = None
    order: int = field(default=0, compare=False)

    @property
    def scopes(self) -> tuple[Role | None, ...]:
        """Where the rule is judged: its roles, or None for the distribution."""
        return self.roles or (None,)


_rules: dict[str, Rule] = {}


def rule(
    id: str,  # noqa: A002 - the word of the contract
    *,
    level: Level,
    roles: Iterable[Role],
    says: str,
    source: str,
    hint: str,
    cases: Iterable[str] = (),
    right: str = "",
    wrong: str = "",
) -> Callable[[Check], Check]:
    """Make a function the check of a rule.

    A rule named ``WRITE-...`` for both writing roles is known as ``AWRITE-...`` for the
    asynchronous one, as the contract has it.

    :param id: the rule's id
    :param level: how binding it is
    :param roles: the roles that it applies to; none for the distribution as a whole
    :param says: the rule in one sentence
    :param source: where it comes from
    :param hint: how to mend a plugin that breaks it
    :param cases: names of variants that are judged one by one; the function finds the one at hand
        in ``stage.case``
    :param right: code that keeps the rule
    :param wrong: code that breaks it
    """

    def register(check: Check) -> Check:
        by_id: dict[str, list[Role]] = {}
        for role in roles:
            twin = role is ASYNC_WRITER and id.startswith("WRITE-")
            by_id.setdefault(f"A{id}" if twin else id, []).append(role)
        for rule_id, members in (by_id or {id: []}).items():
            if rule_id in _rules and _rules[rule_id].check.__module__ != check.__module__:
                raise ValueError(f"two rules are called {rule_id}")
            _rules[rule_id] = Rule(
                id=rule_id,
                level=level,
                roles=tuple(members),
                says=says,
                source=source,
                hint=hint,
                check=check,
                cases=tuple(cases),
                example=Example(right, wrong) if right or wrong else None,
                order=len(_rules),
            )
        return check

    return register


@cache
def catalogue() -> dict[str, Rule]:
    """Every rule of the kit by its id, in the order of the contract."""
    package = importlib.import_module("sinetstream_conformance.rules")
    for name in package.ORDER:
        importlib.import_module(f"{package.__name__}.{name}")
    for info in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{info.name}")
    return dict(_rules)


def select(ids: Iterable[str]) -> dict[str, Rule]:
    """The rules with these ids; ``*`` and ``?`` stand for what they do in a shell.

    :raises KeyError: an id that names no rule; the message lists near ones
    """
    from difflib import get_close_matches

    rules = catalogue()
    chosen: dict[str, Rule] = {}
    for wanted in ids:
        wanted = wanted.strip().upper()
        found: dict[str, Any] = {
            key: value for key, value in rules.items() if fnmatchcase(key, wanted)
        }
        if not found:
            near = get_close_matches(wanted, rules, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise KeyError(f"there is no rule {wanted!r}{hint}")
        chosen.update(found)
    return chosen
