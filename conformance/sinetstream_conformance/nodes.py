"""The tree of plugins, roles and checks that pytest collects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import pytest

from sinetstream_conformance.render import failure_block
from sinetstream_conformance.session import Check
from sinetstream_conformance.subject import Subject
from sinetstream_conformance.verdict import Outcome, scope_name


class Judge(Protocol):
    """What the nodes need to know of the suite."""

    def checks(self, subject: Subject) -> list[Check]:
        """The checks of one plugin that were asked for."""

    def function(self, subject: Subject, check: Check) -> Callable[..., None]:
        """The test function that makes one check."""

    def subjects(self) -> Iterable[Subject]:
        """The plugins to judge."""


class CheckFailed(Exception):
    """A check did not pass; pytest shows the outcome's block."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class CheckItem(pytest.Function):
    """One check."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The outcome's block in place of a traceback through the kit."""
        if isinstance(excinfo.value, CheckFailed):
            return failure_block(excinfo.value.outcome)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[str, None, str]:
        """What stands over the failure."""
        return self.nodeid, None, self.nodeid


class RoleNode(pytest.Collector):
    """The checks of one role of a plugin."""

    checks: list[Check]
    judge: Judge
    subject: Subject

    def collect(self) -> Iterable[pytest.Item]:
        """One item for each check."""
        for check in self.checks:
            yield CheckItem.from_parent(
                self, name=check.name, callobj=self.judge.function(self.subject, check)
            )


class PluginNode(pytest.Collector):
    """The checks of one plugin."""

    judge: Judge
    subject: Subject

    def collect(self) -> Iterable[pytest.Collector]:
        """One node for each role."""
        by_scope: dict[str, list[Check]] = {}
        for check in self.judge.checks(self.subject):
            by_scope.setdefault(scope_name(check.role), []).append(check)
        for scope, checks in by_scope.items():
            node = RoleNode.from_parent(self, name=scope, nodeid=f"{self.name}::{scope}")
            node.checks, node.judge, node.subject = checks, self.judge, self.subject
            yield node


class SuiteDirectory(pytest.Directory):
    """The folder that pytest was started in, seen as holding the suite and nothing else."""

    judge: Judge

    def collect(self) -> Iterable[pytest.Collector]:
        """One node for each plugin."""
        yield from plugin_nodes(self, self.judge)


def plugin_nodes(parent: pytest.Collector, judge: Judge) -> Iterable[pytest.Collector]:
    """A node for each plugin that is judged."""
    for subject in judge.subjects():
        node = PluginNode.from_parent(parent, name=subject.name, nodeid=subject.name)
        node.judge, node.subject = judge, subject
        yield node


def plugin_of(item: pytest.Item) -> str | None:
    """The plugin that an item belongs to; None for the caller's own tests."""
    return next((node.name for node in item.listchain() if isinstance(node, PluginNode)), None)
