"""What ``sinetstream-sdk plugins`` shows: every installed plugin, and whether it loads."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sinetstream_sdk.registry import (
    MetadataProblem,
    PluginRecord,
    Registry,
    Status,
    default_registry,
)


@dataclass(frozen=True)
class Installed:
    """One plugin of one distribution: its entry points for the roles that it serves."""

    name: str
    distribution: str | None
    version: str | None
    records: tuple[PluginRecord, ...]

    @property
    def broken(self) -> tuple[PluginRecord, ...]:
        """Those of its entry points that give no usable class."""
        return tuple(record for record in self.records if record.status is not Status.LOADED)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "roles": [
                {
                    "role": str(record.role),
                    "group": record.group,
                    "value": record.value,
                    "status": str(record.status),
                    "error": record.error,
                }
                for record in self.records
            ],
        }


def installed_plugins(
    registry: Registry | None = None,
) -> tuple[list[Installed], tuple[MetadataProblem, ...]]:
    """Every plugin, loaded, and the distributions whose metadata cannot be read.

    What a plugin prints while it is imported goes to stderr, so that JSON on stdout stays JSON.
    """
    registry = registry or default_registry()
    with contextlib.redirect_stdout(sys.stderr):
        records = [registry.load(record) for record in registry.records()]
    return list(_grouped(records)), registry.problems


def _grouped(records: Iterable[PluginRecord]) -> Iterator[Installed]:
    found: dict[tuple[str, str, str], list[PluginRecord]] = {}
    for record in records:
        key = (record.name, record.distribution or "", record.version or "")
        found.setdefault(key, []).append(record)
    for _, members in sorted(found.items()):
        first = members[0]
        yield Installed(first.name, first.distribution, first.version, tuple(members))


def table(plugins: Iterable[Installed], problems: Iterable[MetadataProblem]) -> str:
    """The plugins as lines of aligned columns, with what is wrong below each."""
    rows = [("name", "roles", "distribution", "version", "state")]
    errors: dict[int, list[str]] = {}
    for plugin in plugins:
        roles = ", ".join(dict.fromkeys(str(record.role) for record in plugin.records))
        state = "loads" if not plugin.broken else "does not load"
        owner = plugin.distribution or "(run time)"
        rows.append((plugin.name, roles, owner, plugin.version or "", state))
        errors[len(rows) - 1] = [record.error or str(record.status) for record in plugin.broken]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
        lines += [f"    {error}" for error in errors.get(number, [])]
    if len(rows) == 1:
        lines = ["no plugin is installed; install one, or begin one: sinetstream-sdk new"]
    lines += [f"metadata that cannot be read: {problem}" for problem in problems]
    return "\n".join(lines)
