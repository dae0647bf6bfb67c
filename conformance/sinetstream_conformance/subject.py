"""The plugin under test: what it registers, its classes, and how they are constructed."""

from __future__ import annotations

import copy
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from typing import Any

from sinetstream_conformance.leniency import warnings_not_raised
from sinetstream_conformance.probe import load_in_fresh_interpreter
from sinetstream_sdk import compat
from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.describe import suggest
from sinetstream_sdk.host.plugins import takes_confver
from sinetstream_sdk.registry import PluginRecord, default_registry
from sinetstream_sdk.roles import GROUPS, Role

HOST_FORM = "(confver, params)"
GUIDE_FORM = "(params)"


class NoSuchPlugin(Exception):
    """The plugin cannot be judged, because it is not there or registers no role."""


@dataclass
class Subject:
    """A plugin, found by name, with one class for each role that it registers."""

    name: str
    records: Mapping[Role, tuple[PluginRecord, ...]]
    classes: dict[Role, type] = field(default_factory=dict)
    load_errors: dict[Role, BaseException] = field(default_factory=dict)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the plugin registers."""
        return tuple(self.records)

    def record(self, role: Role) -> PluginRecord:
        """The entry point that is judged for ``role``."""
        return self.records[role][0]

    @property
    def distribution(self) -> str | None:
        """The distribution that the plugin's first entry point comes from."""
        return next(iter(self.records.values()))[0].distribution

    def describe(self) -> str:
        """The plugin's name, distribution and version, for the head of a report."""
        first = next(iter(self.records.values()))[0]
        return (
            f"{self.name} from {first.distribution or '(run time)'} {first.version or ''}".strip()
        )


def load_subject(name: str, distribution: str | None = None) -> Subject:
    """Find an installed plugin and load its classes, whatever their shape.

    :raises NoSuchPlugin: nothing of that name is registered for any role
    """
    registry = default_registry()
    registry.refresh()
    records: dict[Role, tuple[PluginRecord, ...]] = {}
    for role in Role:
        found = tuple(
            record
            for record in registry.records(role=role, name=name)
            if distribution is None or record.distribution == distribution
        )
        if found:
            records[role] = found
    if not records:
        raise NoSuchPlugin(_not_found(name))
    subject = Subject(name, records)
    # A plugin written as the guide has it imports `sinetstream`; where that is not installed, the
    # SDK stands in for it.
    compat.install()
    for role in records:
        record = subject.record(role)
        outside = load_in_fresh_interpreter(record.module)
        if outside.fatal:
            subject.load_errors[role] = ImportError(outside.failure)
            continue
        try:
            with warnings_not_raised():
                loaded = EntryPoint(record.name, record.value, record.group).load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may even call sys.exit()
            subject.load_errors[role] = error
            continue
        if isinstance(loaded, type):
            subject.classes[role] = loaded
        else:
            subject.load_errors[role] = TypeError(
                f"{record.value} is not a class but a {type(loaded).__name__}"
            )
    return subject


def installed_plugins() -> tuple[str, ...]:
    """The names of all plugins installed, for the option value ``all``."""
    registry = default_registry()
    registry.refresh()
    return tuple(sorted({record.name for record in registry.records() if record.group in GROUPS}))


def _not_found(name: str) -> str:
    installed = installed_plugins()
    text = f"no plugin named {name!r} is registered in {', '.join(GROUPS)}"
    if near := misplaced(name):
        return f"{text}; it stands in {', '.join(near)}, which no host looks at"
    text += suggest(name, installed) or "."
    listing = ", ".join(installed) or "none"
    return f"{text} Installed plugins: {listing}. Install the plugin's distribution and try again"


def misplaced(name: str, distribution: str | None = None) -> tuple[str, ...]:
    """Entry-point groups that are nearly those of a role and hold ``name``."""
    from importlib.metadata import distributions

    wrong: set[str] = set()
    for dist in distributions():
        if distribution is not None and dist.metadata["Name"] != distribution:
            continue
        for entry in dist.entry_points:
            if entry.name == name and entry.group not in GROUPS and role_meant_by(entry.group):
                wrong.add(entry.group)
    return tuple(sorted(wrong))


def near_names(subject: Subject) -> dict[str, tuple[str, ...]]:
    """Names of the same distribution that were probably meant to be the plugin's own.

    A distribution may offer several plugins, also with near names. The sign of a slip is a name
    that differs in case or in one letter and stands only in groups where the plugin's does not.
    """
    groups = {role.group for role in subject.roles}
    others: dict[str, set[str]] = {}
    for record in default_registry().records():
        if record.distribution == subject.distribution and record.group in GROUPS:
            others.setdefault(record.name, set()).add(record.group)
    return {
        other: tuple(sorted(found))
        for other, found in others.items()
        if other != subject.name and not found & groups and _one_slip(other, subject.name)
    }


def _one_slip(first: str, second: str) -> bool:
    """Whether two names differ in case, in one letter, or in a separator."""
    a, b = (name.lower().replace("_", "-") for name in (first, second))
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1 or min(len(a), len(b)) < 3:
        return False
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    short, long = sorted((a, b), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def role_meant_by(group: str) -> Role | None:
    """The role whose group was probably meant by a misspelt one."""
    if group in ("sinetstream.value_type", "sinetstream.compression", "sinetstream.conformance"):
        return None
    close = get_close_matches(group.lower().replace("-", "_"), GROUPS, n=1, cutoff=0.85)
    return Role(close[0].removeprefix("sinetstream.")) if close else None


def constructor_form(cls: type) -> str:
    """Which form the host uses with this class: the published host's, if both would do."""
    return HOST_FORM if takes_confver(cls) else GUIDE_FORM


def construct(cls: type, params: dict[str, Any], form: str | None = None) -> Any:
    """Build an instance in the given form, or in the one that its signature shows."""
    form = form or constructor_form(cls)
    return cls(params) if form == GUIDE_FORM else cls(ConfigVersion(3), params)


def consistency_value(consistency: Consistency) -> Any:
    """The guarantee as the host that the plugin was written for passes it.

    A plugin that imports the published package compares with that package's own enumeration.
    """
    published = sys.modules.get("sinetstream.api")
    return consistency if published is None else getattr(published, consistency.name)


def merged_params(name: str, role: Role, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as a host passes them: its own defaults with ``given`` laid over them."""
    params: dict[str, Any] = {
        "service": "conformance",
        "type": name,
        "client_id": f"conformance-{uuid.uuid4().hex[:12]}",
        "consistency": Consistency.AT_LEAST_ONCE,
        "value_type": {"name": "byte_array"},
        "data_compression": False,
        "data_encryption": False,
    }
    if role.reads:
        params["receive_timeout_ms"] = float("inf")
    params = merge(params, given)
    if isinstance(asked := params["consistency"], Consistency):
        params["consistency"] = consistency_value(asked)
    return params


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one set of parameters over another, key by key where both hold a mapping.

    Values that cannot be copied, such as an open stream, are passed on as they are.
    """
    result = {key: _copied(value) for key, value in below.items()}
    for key, value in above.items():
        mine = result.get(key)
        both = isinstance(mine, dict) and isinstance(value, Mapping)
        result[key] = merge(mine, value) if both and mine is not None else _copied(value)
    return result


def _copied(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, (dict, list, set, tuple)) else value
