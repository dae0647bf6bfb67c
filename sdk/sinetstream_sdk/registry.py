"""Find plugins by role and name, and load them when they are asked for, not before.

    registry = default_registry()
    reader_class = registry.get(Role.READER, "mqtt")

Nothing is read until the first question, and a plugin that is broken stands in the way of no
other.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sinetstream_sdk.describe import describe, suggest
from sinetstream_sdk.discovery import (
    Discovered,
    MetadataProblem,
    PluginRecord,
    Status,
    brief,
    discover,
    forget_installed,
    normalized,
)
from sinetstream_sdk.errors import (
    InvalidArgumentError,
    PluginConflictError,
    PluginLoadError,
    PluginShapeError,
    UnsupportedServiceTypeError,
)
from sinetstream_sdk.roles import GROUPS, Role
from sinetstream_sdk.spi import BASES, missing_members

__all__ = ["MetadataProblem", "PluginRecord", "Registry", "Status", "default_registry"]


@dataclass(frozen=True)
class _Outcome:
    """What came of loading one entry point."""

    cls: type | None
    status: Status
    error: str | None = None
    cause: BaseException | None = None

    def told_by(self, record: PluginRecord) -> PluginRecord:
        """The record of that entry point, with what came of it."""
        raised = None if self.cause is None else brief(self.cause)
        return replace(record, status=self.status, error=self.error, raised=raised)


class _Entry:
    """One plugin class that is known, loaded or not."""

    def __init__(
        self, record: PluginRecord, load: Callable[[], object], *, registered: bool = False
    ) -> None:
        self.record = record
        self.load = load
        self.registered = registered
        self.outcome: _Outcome | None = None

    def current(self) -> PluginRecord:
        """The record with what is known by now."""
        outcome = self.outcome
        if outcome is None:
            return self.record
        return outcome.told_by(self.record)

    def belongs_to(self, distribution: str) -> bool:
        """Whether it comes from the distribution of that name, however it is spelt."""
        own = self.record.distribution
        return own is not None and normalized(own) == normalized(distribution)


class Registry:
    """The plugins of some entry-point groups: those installed, and those registered at run time.

    A class registered at run time wins over an installed plugin of the same name, for somebody
    chose it in so many words.

    All methods may be called from any thread. No lock is held while a plugin is being imported: a
    second thread could hold that module's import lock and wait for ours. Two threads that ask for
    one plugin at once both import it, which Python does once, and get the same class.

    :param groups: the entry-point groups to look at; by default those of the four roles
    """

    def __init__(self, groups: Iterable[str] = GROUPS) -> None:
        self.groups = tuple(groups)
        self._lock = threading.Lock()
        self._generation = 0
        self._installed: tuple[_Entry, ...] | None = None
        self._problems: tuple[MetadataProblem, ...] = ()
        self._registered: dict[tuple[str, str], _Entry] = {}

    @property
    def problems(self) -> tuple[MetadataProblem, ...]:
        """The distributions whose metadata cannot be read."""
        self._entries()
        return self._problems

    def refresh(self) -> None:
        """Look at the installed distributions anew, at the next question.

        A plugin that was broken gets another chance. Classes registered at run time stay, and
        modules that are imported are not imported again.
        """
        forget_installed()
        with self._lock:
            self._generation += 1
            self._installed = None

    def register(
        self, role: Role | str, name: str, cls: type, *, distribution: str | None = None
    ) -> None:
        """Add a class at run time, in place of one registered under that name before.

        Its shape is judged when it is asked for, like that of any other.

        :param role: a role, or an entry-point group of this registry
        :param distribution: the distribution to name in errors
        :raises InvalidArgumentError: this registry has no such group
        """
        group = self._group(role)
        where = [str(getattr(cls, name, "?")) for name in ("__module__", "__qualname__")]
        record = PluginRecord(group, name, distribution, None, ":".join(where))
        with self._lock:
            self._registered[group, name] = _Entry(record, lambda: cls, registered=True)

    def unregister(self, role: Role | str, name: str) -> None:
        """Take back what :meth:`register` added; without it there is nothing to do."""
        group = self._group(role)
        with self._lock:
            self._registered.pop((group, name), None)

    def records(
        self, role: Role | str | None = None, name: str | None = None
    ) -> tuple[PluginRecord, ...]:
        """What is known of the plugins, of one role or name or of all; nothing is loaded.

        They stand in the order of the groups, then of the names; under one name those registered
        at run time come first, then the installed ones in the order of the import path.
        """
        group = None if role is None else self._group(role)
        found = [
            entry.current()
            for entry in self._entries()
            if group in (None, entry.record.group) and name in (None, entry.record.name)
        ]
        return tuple(sorted(found, key=lambda item: (self.groups.index(item.group), item.name)))

    def names(self, role: Role | str) -> tuple[str, ...]:
        """The names under which there are plugins for ``role``, sorted."""
        return tuple(sorted({record.name for record in self.records(role)}))

    def get(self, role: Role | str, name: str, *, distribution: str | None = None) -> type:
        """The class that plays ``role`` for the messaging system ``name``.

        :param distribution: take the plugin of this distribution, where several have that name
        :raises UnsupportedServiceTypeError: there is no such plugin
        :raises PluginLoadError: there is, but its entry point does not load
        :raises PluginShapeError: it is not a class, or lacks members of its role
        :raises PluginConflictError: several distributions offer it, and none was picked
        """
        group = self._group(role)
        if not isinstance(name, str):
            raise InvalidArgumentError(
                f"the name of a plugin must be a str; got {describe('type', name)}",
                parameter="type",
            )
        entry = self._pick(group, name, distribution)
        outcome = self._load(entry)
        if outcome.cls is not None:
            return outcome.cls
        failure = PluginLoadError if outcome.status is Status.BROKEN else PluginShapeError
        raise failure(outcome.error) from outcome.cause

    def load(self, record: PluginRecord) -> PluginRecord:
        """Load one plugin, whichever it is, and return its record with the status and the error.

        Whatever is wrong with the plugin is told by the record; only ``KeyboardInterrupt`` gets
        through.
        """
        known = replace(record, status=Status.FOUND, error=None, raised=None)
        entry = next((entry for entry in self._entries() if entry.record == known), None)
        if entry is None:  # of an earlier look, or of another registry
            from importlib.metadata import EntryPoint

            entry = _Entry(known, EntryPoint(record.name, record.value, record.group).load)
        return self._load(entry).told_by(known)

    def _group(self, role: Role | str) -> str:
        group = role.group if isinstance(role, Role) else role
        for known in self.groups:
            if group in (known, known.removeprefix("sinetstream.")):
                return known
        hint = suggest(group, self.groups) if isinstance(group, str) else ""
        raise InvalidArgumentError(
            f"this registry has no group {describe('group', group)}; "
            f"it has {', '.join(self.groups)}{hint}",
            parameter="role",
        )

    def _entries(self) -> tuple[_Entry, ...]:
        """Every entry, those registered at run time first."""
        while True:
            with self._lock:
                generation, installed = self._generation, self._installed
                if installed is not None:
                    return (*self._registered.values(), *installed)
            self._remember(generation, discover(self.groups))

    def _remember(self, generation: int, found: Discovered) -> None:
        with self._lock:
            if generation == self._generation and self._installed is None:
                self._installed = tuple(
                    _Entry(record, point.load) for record, point in found.plugins
                )
                self._problems = found.problems

    def _pick(self, group: str, name: str, distribution: str | None) -> _Entry:
        entries = self._entries()
        named = [entry for entry in entries if entry.record.is_named(group, name)]
        if not named:
            records = [entry.record for entry in entries]
            raise UnsupportedServiceTypeError(_unknown(group, name, records, self._problems))
        offered = named
        if distribution is not None:
            offered = [entry for entry in named if entry.belongs_to(distribution)]
        if not offered:
            origins = ", ".join(entry.record.origin for entry in named)
            raise UnsupportedServiceTypeError(
                f"{distribution} offers no {_noun(group)} {name!r}; it comes from {origins}"
            )
        chosen = [entry for entry in offered if entry.registered] or offered
        if any(entry.record != chosen[0].record for entry in chosen):
            raise PluginConflictError(_conflict(group, name, [entry.record for entry in chosen]))
        return chosen[0]

    def _load(self, entry: _Entry) -> _Outcome:
        if entry.outcome is not None:
            return entry.outcome
        outcome = _attempt(entry)
        if outcome.cls is None and _being_imported(entry.record):
            return outcome  # asked for by its own module, half-way through; it may yet be fine
        with self._lock:
            if entry.outcome is None:
                entry.outcome = outcome
            return entry.outcome


def _attempt(entry: _Entry) -> _Outcome:
    record = entry.record
    what = f"the {_noun(record.group)} {record.name!r} of {record.origin}"
    try:
        loaded = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as cause:  # noqa: BLE001 - a module may call sys.exit() or pytest.skip()
        error = (
            f"{what} cannot be loaded: its entry point {record.value!r} raised {brief(cause)}; "
            f"{_remedy(record, cause)}"
        )
        return _Outcome(None, Status.BROKEN, error, cause)
    return _judge(what, record, loaded)


def _remedy(record: PluginRecord, cause: BaseException) -> str:
    owner = record.distribution or "the plugin"
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        package, _, inside = cause.name.partition(".")
        if inside and package in sys.modules:
            return (
                f"{package!r} is installed and has no such module: correct the import, or install "
                f"a release of {package!r} that has it"
            )
        return f"install what provides {cause.name!r}, or ask {owner} to require it"
    return f"reinstall {owner}, or report this to its maintainers"


def _judge(what: str, record: PluginRecord, loaded: object) -> _Outcome:
    """Whether what was loaded has the shape of its role; inheriting is optional."""
    if not isinstance(loaded, type):
        error = (
            f"{what} is not a class: its entry point {record.value!r} gives "
            f"a {type(loaded).__name__}; let it name the class"
        )
        return _Outcome(None, Status.WRONG_SHAPE, error)
    if record.role is None:
        return _Outcome(loaded, Status.LOADED)
    base = BASES[record.role]
    lacking = missing_members(base, loaded)
    if lacking:
        error = (
            f"{what} lacks {', '.join(lacking)}, which a {record.role} must have "
            f"({record.value!r}); add them, or inherit from {base.__module__}.{base.__name__}"
        )
        return _Outcome(None, Status.WRONG_SHAPE, error)
    return _Outcome(loaded, Status.LOADED)


def _being_imported(record: PluginRecord) -> bool:
    module = sys.modules.get(record.module)
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _noun(group: str) -> str:
    role = next((role for role in Role if role.group == group), None)
    return f"plugin in {group}" if role is None else str(role)


def _unknown(
    group: str, name: str, records: list[PluginRecord], problems: tuple[MetadataProblem, ...]
) -> str:
    """Why there is no such plugin, what there is instead, and how to get it."""
    elsewhere = dict.fromkeys(_noun(record.group) for record in records if record.name == name)
    if elsewhere:
        return f"{name!r} has no {_noun(group)}; it offers {', '.join(elsewhere)}"
    known = sorted({record.name for record in records if record.group == group})
    hint = suggest(name, known)
    text = f"there is no {_noun(group)} {name!r}; installed: {', '.join(known) or 'none'}{hint}"
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        text += f"{'' if hint else ';'} to install it, try: pip install sinetstream-{name}"
    if problems:
        text += f"; metadata that cannot be read: {'; '.join(map(str, problems))}"
    return text


def _conflict(group: str, name: str, records: list[PluginRecord]) -> str:
    owners = list(dict.fromkeys(record.origin for record in records))
    if len(owners) == 1:
        values = ", ".join(repr(record.value) for record in records)
        return f"{owners[0]} registers the {_noun(group)} {name!r} more than once: {values}"
    pick = records[0].distribution
    return (
        f"the {_noun(group)} {name!r} is claimed by {' and '.join(owners)}; uninstall one, "
        f"or pick one, as in get(..., distribution={pick!r})"
    )


_default = Registry()


def default_registry() -> Registry:
    """The registry that everybody shares, with the groups of the four roles."""
    return _default
