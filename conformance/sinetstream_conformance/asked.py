"""What a run was asked to judge: plugins, rules and roles, from options and from node ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinetstream_conformance.declarations import BadDeclaration, selection
from sinetstream_conformance.rule import Rule, catalogue, select
from sinetstream_conformance.session import Check, plan
from sinetstream_conformance.subject import (
    NoSuchPlugin,
    Subject,
    installed_plugins,
    load_subject,
)
from sinetstream_conformance.verdict import PACKAGE, scope_name
from sinetstream_sdk.roles import Role

_SCOPES = (PACKAGE, *(role.value for role in Role))


class Asked:
    """The plugins to judge, and which of their checks.

    :raises NoSuchPlugin: a plugin that is not installed
    :raises BadDeclaration: a role that there is not, or a selection that leaves nothing to judge
    :raises KeyError: a rule that there is not
    """

    def __init__(self, config: pytest.Config) -> None:
        self._picked = [node_id_parts(a) for a in config.args if is_node_id(a)]
        self._rules = _rules(config)
        self._scopes = _scopes(config)
        distribution = config.getoption("sinetstream_distribution")
        names = [*_names(config), *(parts[0] for parts in self._picked)]
        self.subjects = {name: load_subject(name, distribution) for name in dict.fromkeys(names)}
        for subject in self.subjects.values():
            self._require_checks(subject)

    @property
    def partial(self) -> bool:
        """Whether only some of the rules or roles were asked for."""
        return bool(self._rules is not None or self._scopes or self._picked)

    def checks(self, subject: Subject) -> list[Check]:
        """The checks of one plugin that were asked for."""
        every = plan(subject, self._rules or catalogue())
        mine = [parts for parts in self._picked if parts[0] == subject.name]
        return [
            check
            for check in every
            if (not self._scopes or scope_name(check.role) in self._scopes)
            and (not mine or any(_matches(parts, check) for parts in mine))
        ]

    def _require_checks(self, subject: Subject) -> None:
        """Refuse a selection that leaves nothing to judge, which would be an empty green run."""
        if self.checks(subject):
            return
        wanted = [s for s in self._scopes if s != PACKAGE and Role(s) not in subject.roles]
        why = (
            f"it registers no {' and no '.join(wanted)}, only {', '.join(map(str, subject.roles))}"
            if wanted
            else "no rule and role that were asked for go together"
        )
        raise BadDeclaration(f"there is nothing to judge of plugin {subject.name!r}: {why}")


def _names(config: pytest.Config) -> list[str]:
    names = selection(config.getoption("sinetstream_plugin"))
    if "all" in names:
        names = list(installed_plugins())
        if not names:
            raise NoSuchPlugin("no plugin is installed in this environment")
    return names


def _rules(config: pytest.Config) -> dict[str, Rule] | None:
    ids = selection(config.getoption("sinetstream_rule"))
    return select(ids) if ids else None


def _scopes(config: pytest.Config) -> list[str]:
    scopes = selection(config.getoption("sinetstream_role"))
    for scope in scopes:
        if scope not in _SCOPES:
            raise BadDeclaration(f"there is no role {scope!r}; there are {', '.join(_SCOPES)}")
    return scopes


def is_node_id(argument: str) -> bool:
    """Whether an argument of pytest is the id of a check, and not the path of a test."""
    parts = argument.split("::")
    return len(parts) > 1 and parts[1] in _SCOPES and not Path(parts[0]).exists()


def node_id_parts(argument: str) -> tuple[str, ...]:
    """The parts of a node id; in a folder below its root pytest prints ``../`` before it."""
    name, *rest = argument.split("::")
    return (name.rpartition("/")[2], *rest)


def _matches(parts: tuple[str, ...], check: Check) -> bool:
    scope = scope_name(check.role)
    return parts[1] == scope and (len(parts) < 3 or parts[2] in (check.name, check.rule.id))
