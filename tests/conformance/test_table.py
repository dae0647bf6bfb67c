"""Every rule has a plugin that breaks it, and every broken plugin a rule."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

import pytest
from broken import broken, correct

from sinetstream_conformance.rule import catalogue
from sinetstream_conformance.verdict import scope_name
from sinetstream_sdk.roles import GROUPS


def test_every_rule_is_broken_by_a_plugin() -> None:
    """A rule that no plugin breaks may as well never fail."""
    missing = sorted(catalogue().keys() - {mark.rule for mark in broken()})
    assert not missing, f"no broken plugin for {', '.join(missing)}"


def test_every_broken_plugin_names_a_rule_and_a_role_of_it() -> None:
    """A mark that no check corresponds to judges nothing."""
    rules = catalogue()
    wrong = [
        f"{mark.plugin}: {mark.rule} ({mark.role})"
        for mark in broken()
        if mark.rule not in rules
        or mark.role not in {scope_name(scope) for scope in rules[mark.rule].scopes}
        or mark.model not in correct()
    ]
    assert not wrong, "; ".join(wrong)


def test_every_plugin_is_installed(plugins: Path) -> None:
    """Each plugin is found under its name by its entry points."""
    found = (entry for dist in distributions() for entry in dist.entry_points)
    installed = {entry.name for entry in found if entry.group in GROUPS}
    missing = {*correct(), *(mark.plugin for mark in broken())} - installed
    assert not missing, ", ".join(sorted(missing))


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The rules with their broken plugins, for whoever runs this with ``-s`` or ``-rP``."""
    by_rule: defaultdict[str, list[str]] = defaultdict(list)
    for mark in broken():
        by_rule[mark.rule].append(f"{mark.plugin} ({mark.role})")
    lines = [f"{rule:<24} {', '.join(by_rule[rule]) or 'NONE'}" for rule in catalogue()]
    print("\n".join(lines))  # noqa: T201 - the table is what this is for
    assert len(capsys.readouterr().out.splitlines()) == len(catalogue())
