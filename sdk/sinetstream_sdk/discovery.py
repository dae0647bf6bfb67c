"""What the installed distributions say of plugins: their entry points, read but not loaded.

Distributions are read one by one, so that one whose metadata is damaged is reported and hides no
other.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["Discovered", "MetadataProblem", "PluginRecord", "Status", "discover", "normalized"]


class Status(Enum):
    """What is known of a plugin's entry point."""

    FOUND = "found"
    """Nobody has loaded it yet."""
    LOADED = "loaded"
    """It loads to a class of the right shape."""
    BROKEN = "broken"
    """It does not load."""
    WRONG_SHAPE = "wrong shape"
    """It loads, but not to a class with the members of its role."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class PluginRecord:
    """One entry point, or one class registered at run time."""

    group: str
    name: str
    distribution: str | None
    version: str | None
    value: str
    """``module:class``, as the entry point gives it."""
    status: Status = Status.FOUND
    error: str | None = None
    """What is wrong with it, where something is."""
    raised: str | None = None
    """What loading it raised, in brief, where that is what is wrong."""

    @property
    def module(self) -> str:
        """The module that holds the class."""
        return self.value.partition(":")[0].strip()

    @property
    def role(self) -> Role | None:
        """The role of this group; None where the group is not that of a role."""
        return next((role for role in Role if role.group == self.group), None)

    def is_named(self, group: str, name: str) -> bool:
        """Whether it stands under this name in this group."""
        return (self.group, self.name) == (group, name)

    @property
    def origin(self) -> str:
        """The distribution and its version, in words fit for a message."""
        if self.distribution is None:
            return "a registration at run time"
        return f"{self.distribution} {self.version or ''}".rstrip()


@dataclass(frozen=True)
class MetadataProblem:
    """A distribution whose metadata cannot be read, so that its plugins are not known."""

    distribution: str
    error: str

    def __str__(self) -> str:
        return f"{self.distribution}: {self.error}"


@dataclass(frozen=True)
class Discovered:
    """What one look at the installed distributions found, in the order of the import path."""

    plugins: tuple[tuple[PluginRecord, EntryPoint], ...]
    problems: tuple[MetadataProblem, ...]


def discover(groups: Collection[str]) -> Discovered:
    """Read the entry points in ``groups`` of every installed distribution; load none of them.

    Of a distribution that is on the path more than once the first counts, as it does for imports.
    """
    plugins: list[tuple[PluginRecord, EntryPoint]] = []
    problems: list[MetadataProblem] = []
    seen: set[str] = set()
    for distribution in _distributions(problems):
        label = _label(distribution)
        try:
            name = normalized(label or _field(distribution, "Name") or "")
            if name in seen or label.startswith("~"):  # pip leaves "~" behind when interrupted
                continue
            if name:
                seen.add(name)
            points = [point for point in distribution.entry_points if point.group in groups]
        except Exception as error:  # noqa: BLE001 - whatever it is, the next one is read
            problems.append(MetadataProblem(label or "a distribution without a name", brief(error)))
            continue
        if points:
            plugins += _read(distribution, label, points, problems)
    return Discovered(tuple(plugins), tuple(problems))


def forget_installed() -> None:
    """Let the next :func:`discover`, and the next import, see what was installed since."""
    import importlib
    from importlib.metadata import MetadataPathFinder

    importlib.invalidate_caches()
    # Not every Python passes that call on to the metadata.
    MetadataPathFinder().invalidate_caches()


def normalized(name: str) -> str:
    """The name of a distribution as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def brief(error: BaseException) -> str:
    """The type and the first 300 characters of the text of an exception, on one line."""
    kind = type(error).__name__
    try:
        text = " ".join(str(error).split())[:300]
    except Exception as broken:  # noqa: BLE001 - the text is a plugin's code
        return f"{kind} (its text cannot be had: {type(broken).__name__})"
    return f"{kind}: {text}" if text else kind


def _distributions(problems: list[MetadataProblem]) -> Iterator[Distribution]:
    from importlib.metadata import DistributionFinder

    for finder in sys.meta_path:
        find = getattr(finder, "find_distributions", None)
        if find is None:
            continue
        try:
            yield from find(DistributionFinder.Context())
        except Exception as error:  # noqa: BLE001 - a finder is anybody's code
            problems.append(MetadataProblem(f"finder {type(finder).__name__}", brief(error)))


def _label(distribution: Distribution) -> str:
    """The name that the metadata folder gives, without opening anything in it."""
    folder = getattr(getattr(distribution, "_path", None), "name", "")
    stem, _, suffix = str(folder).rpartition(".")
    return stem.partition("-")[0] if suffix in ("dist-info", "egg-info") else ""


def _field(distribution: Distribution, name: str) -> str | None:
    metadata = distribution.metadata
    return str(metadata[name]) if name in metadata else None


def _read(
    distribution: Distribution,
    label: str,
    points: list[EntryPoint],
    problems: list[MetadataProblem],
) -> Iterator[tuple[PluginRecord, EntryPoint]]:
    name, version = label, None
    try:
        name = _field(distribution, "Name") or label
        version = _field(distribution, "Version")
    except Exception as error:  # noqa: BLE001 - the entry points are known all the same
        problems.append(MetadataProblem(label, brief(error)))
    for point in points:
        yield (PluginRecord(point.group, point.name, name or None, version, point.value), point)
