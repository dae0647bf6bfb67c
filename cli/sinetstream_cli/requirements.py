"""What this distribution's own metadata asks for, and what of it is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, requires, version

OWN = "sinetstream-plugin-sdk"

_LINE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(\[(?P<extras>[^\]]*)\])?\s*(?P<wanted>[^;]*)")
_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")
_BOUND = re.compile(r"(>=|<=|<|>|==|!=|~=)\s*([\d.]+)")


@dataclass(frozen=True)
class Requirement:
    """One distribution that is asked for; ``extra`` is empty where it is needed at all times."""

    name: str
    bounds: str
    extra: str
    found: str | None

    @property
    def wanted(self) -> str:
        """As it would be given to pip."""
        return f"{self.name}{self.bounds}"

    @property
    def satisfied(self) -> bool:
        """Whether it is installed in a version that will do; plain numbers are all we ask for."""
        if self.found is None:
            return False
        found = _numbers(self.found)
        for operator, text in _BOUND.findall(self.bounds):
            bound = _numbers(text)
            if operator == ">=" and found < bound:
                return False
            if operator == "<" and found >= bound:
                return False
        return True


def own_requirements() -> list[Requirement]:
    """All that the metadata of the SDK asks for; empty where it is not installed.

    An extra that asks for another extra of the SDK has that one's requirements, too.
    """
    try:
        lines = requires(OWN) or []
    except PackageNotFoundError:
        return []
    found: list[Requirement] = []
    included: list[tuple[str, str]] = []
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        named = _EXTRA.search(line)
        extra = named["extra"] if named else ""
        name, bounds = match["name"], match["wanted"].strip().strip("()")
        if name.lower() == OWN:
            included += [(extra, inner.strip()) for inner in (match["extras"] or "").split(",")]
        else:
            found.append(Requirement(name, bounds, extra, _version(name)))
    for outer, inner in included:
        found += [replace(item, extra=outer) for item in found if item.extra == inner]
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", text)
    parts = [int(part) for part in found[0].split(".")] if found else [0]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
