"""What ``sinetstream-sdk doctor`` looks at, and how to mend what it finds.

Each function looks at one thing and yields findings; none of them raises for what is broken.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import EntryPoint, PackageNotFoundError, distributions, version

from sinetstream_cli.listing import Installed, installed_plugins
from sinetstream_cli.requirements import OWN, Requirement, own_requirements
from sinetstream_sdk.describe import suggest
from sinetstream_sdk.discovery import brief, normalized
from sinetstream_sdk.registry import PluginRecord, Status
from sinetstream_sdk.roles import GROUPS

OLDEST_PYTHON = (3, 11)
KNOWN_HOSTS = ((1, 6), (1, 10))
"""The oldest and the newest release of the published host that plugins are held against."""

_OTHER_GROUPS = frozenset(
    ["sinetstream.conformance", "sinetstream.value_type", "sinetstream.compression"]
)


class Kind(Enum):
    """What a finding asks for."""

    OK = "ok"
    """Nothing."""
    NOTE = "note"
    """Nothing at once: something is absent that may be wanted."""
    MEND = "mend"
    """Something is broken."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    kind: Kind
    what: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain values, for JSON."""
        return {"kind": self.kind.value, "what": self.what, "mend": self.mend}

    def __str__(self) -> str:
        lines = [f"{self.kind.value:<6}{self.what}"]
        if self.mend:
            lines.append(f"      -> {self.mend}")
        return "\n".join(lines)


def diagnose() -> list[Finding]:
    """Look at everything."""
    plugins, problems = installed_plugins()
    findings = [*python_version(), *own_version(), *extras(), *kit_in_pytest(), *published_host()]
    findings += [
        Finding(
            Kind.MEND,
            f"the metadata of {problem.distribution} cannot be read: {problem.error}",
            f"reinstall it: pip install --force-reinstall {problem.distribution}",
        )
        for problem in problems
    ]
    findings += [*plugins_that_load(plugins), *misplaced_groups(), *duplicates(plugins)]
    findings += differing_names(plugins)
    if not problems:
        # The kit's own needs read all metadata as they are imported; one that is damaged is enough
        # for every harness to seem broken.
        findings += harnesses(plugins)
    return findings


def python_version() -> Iterator[Finding]:
    """Whether this Python is new enough."""
    found = f"Python {platform.python_version()} at {sys.prefix}"
    if sys.version_info >= OLDEST_PYTHON:
        yield Finding(Kind.OK, found)
    else:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        yield Finding(Kind.MEND, f"{found} is too old", f"use Python {oldest} or newer")


def own_version() -> Iterator[Finding]:
    """Which SDK this is, and whether it is installed or only on the import path."""
    try:
        yield Finding(Kind.OK, f"{OWN} {version(OWN)}")
    except PackageNotFoundError:
        yield Finding(
            Kind.MEND,
            f"{OWN} can be imported but is not installed, so that nothing finds its pytest plugin",
            f"pip install {OWN}",
        )


def extras(requirements: Iterable[Requirement] | None = None) -> Iterator[Finding]:
    """Whether what the SDK needs is there, at all times and for each of its parts."""
    needed = own_requirements() if requirements is None else requirements
    purposes = {
        "": "the SDK itself",
        "conformance": "the conformance kit",
        "template": "sinetstream-sdk new and update",
    }
    for extra, purpose in purposes.items():
        members = [item for item in needed if item.extra == extra]
        lacking = [
            f"{item.wanted} ({item.found or 'not installed'})"
            for item in members
            if not item.satisfied
        ]
        target = f"{OWN}[{extra}]" if extra else OWN
        if lacking:
            yield Finding(
                Kind.NOTE if extra == "template" else Kind.MEND,
                f"{purpose} lacks {', '.join(lacking)}",
                f"pip install '{target}'",
            )
        elif members:
            yield Finding(Kind.OK, f"what {purpose} needs is installed")


def kit_in_pytest() -> Iterator[Finding]:
    """Whether pytest will find the kit."""
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        yield Finding(
            Kind.MEND,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD is set, so pytest does not know --sinetstream-plugin",
            "unset it, or add: -p sinetstream_conformance.pytest_plugin",
        )
    named = [point for _, point in _entry_points() if _stands(point, "pytest11", "sinetstream")]
    if not named:
        yield Finding(
            Kind.MEND,
            "the kit is not registered with pytest",
            f"install it anew: pip install --force-reinstall '{OWN}[conformance]'",
        )


def published_host() -> Iterator[Finding]:
    """Which release of the published ``sinetstream`` there is, if any."""
    try:
        found = version("sinetstream")
    except PackageNotFoundError:
        yield Finding(
            Kind.NOTE,
            "the published sinetstream is not installed; plugins can be written and judged "
            "without it",
            "to run programs that use it: pip install 'sinetstream==1.10.*'",
        )
        return
    oldest, newest = KNOWN_HOSTS
    number = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    known = " to ".join(".".join(map(str, edge)) for edge in KNOWN_HOSTS)
    if oldest <= number <= newest:
        yield Finding(Kind.OK, f"published sinetstream {found}")
    else:
        yield Finding(
            Kind.NOTE,
            f"published sinetstream {found}; plugins are held against {known}",
            "pip install 'sinetstream==1.10.*'",
        )


def plugins_that_load(plugins: Iterable[Installed]) -> Iterator[Finding]:
    """The plugins, each with what is wrong with it."""
    none = True
    for plugin in plugins:
        none = False
        for first, *others in _by_cause(plugin.broken):
            roles = ", ".join(str(record.role) for record in others)
            same = f"; the same for {roles}" if others else ""
            what = f"{first.error or first.status}{same}"
            yield Finding(Kind.MEND, what, _loading_mend(first))
        if not plugin.broken:
            roles = ", ".join(dict.fromkeys(str(record.role) for record in plugin.records))
            owner = f"{plugin.distribution} {plugin.version}"
            yield Finding(Kind.OK, f"plugin {plugin.name!r} of {owner} loads: {roles}")
    if none:
        yield Finding(
            Kind.NOTE, "no plugin is installed", "install one, or begin one: sinetstream-sdk new"
        )


def _by_cause(broken: Iterable[PluginRecord]) -> Iterable[list[PluginRecord]]:
    """Those together that lie in one module and raised the same when it was imported."""
    groups: dict[tuple[str, str], list[PluginRecord]] = {}
    for record in broken:
        cause = (record.module, record.raised) if record.raised else (record.group, record.value)
        groups.setdefault(cause, []).append(record)
    return groups.values()


def _loading_mend(record: PluginRecord) -> str:
    if record.status is Status.WRONG_SHAPE:
        return f"sinetstream-sdk check {record.name} --rule=PKG-SHAPE shows what its class lacks"
    return f"see where it stops: python -c 'import {record.module}'"


def misplaced_groups() -> Iterator[Finding]:
    """Entry points in groups whose names are nearly those of a role; no host looks there."""
    for owner, point in _entry_points():
        if point.group in GROUPS or point.group in _OTHER_GROUPS:
            continue
        spelt = point.group.lower().replace("-", "_")
        near = suggest(spelt, GROUPS, cutoff=0.85)
        if near or spelt in GROUPS:
            yield Finding(
                Kind.MEND,
                f"{owner} registers {point.name!r} in {point.group!r}, where no host looks"
                f"{near or f'; it is spelt {spelt}'}",
                f"correct the group's name in the metadata of {owner}: "
                "sinetstream-sdk explain PKG-GROUP",
            )


def duplicates(plugins: Iterable[Installed]) -> Iterator[Finding]:
    """Names that more than one entry point claims for one role."""
    claims: dict[tuple[str, str], list[PluginRecord]] = {}
    for plugin in plugins:
        for record in plugin.records:
            claims.setdefault((record.name, record.group), []).append(record)
    clashes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (name, group), records in claims.items():
        owners = tuple(sorted({f"{r.origin} ({r.value})" for r in records}))
        if len(owners) > 1:
            clashes.setdefault((name, owners), []).append(group)
    for (name, owners), groups in clashes.items():
        yield Finding(
            Kind.MEND,
            f"{name!r} is claimed by {' and '.join(owners)} in {', '.join(groups)}",
            "uninstall all but one; which of them a host takes is chance",
        )


def differing_names(plugins: Iterable[Installed]) -> Iterator[Finding]:
    """Names of one distribution that differ in case or separator alone (PKG-NAME)."""
    spellings: dict[tuple[str, str], set[str]] = {}
    for plugin in plugins:
        key = (plugin.distribution or "", normalized(plugin.name))
        spellings.setdefault(key, set()).add(plugin.name)
    for (owner, _), names in spellings.items():
        if len(names) > 1:
            yield Finding(
                Kind.MEND,
                f"{owner} spells one name in several ways: {', '.join(sorted(names))}",
                "use one spelling in all groups: sinetstream-sdk explain PKG-NAME",
            )


def harnesses(plugins: Iterable[Installed]) -> Iterator[Finding]:
    """What plugins register for the kit, and whether that loads."""
    names = {plugin.name for plugin in plugins}
    for owner, point in _entry_points():
        if point.group != "sinetstream.conformance":
            continue
        if point.name not in names:
            yield Finding(
                Kind.MEND,
                f"{owner} registers a harness for {point.name!r}, and there is no such plugin"
                f"{suggest(point.name, names)}",
                "give the harness the plugin's own name",
            )
            continue
        try:
            with contextlib.redirect_stdout(sys.stderr):
                point.load()
        except Exception as error:  # noqa: BLE001 - a harness is foreign code
            yield Finding(
                Kind.MEND,
                f"the harness {point.value!r} of {owner} does not load: {brief(error)}",
                f"see where it stops: python -c 'import {point.module}'",
            )


def _entry_points() -> Iterator[tuple[str, EntryPoint]]:
    """Every entry point that can be read, with its distribution; the first on the path counts."""
    seen = set()
    for distribution in distributions():
        try:
            owner, points = distribution.name, list(distribution.entry_points)
        except Exception:  # noqa: BLE001 - the registry tells of damaged metadata
            continue
        if owner is not None and normalized(owner) not in seen:
            seen.add(normalized(owner))
            yield from ((owner, point) for point in points)


def _stands(point: EntryPoint, group: str, name: str) -> bool:
    return (point.group, point.name) == (group, name)
