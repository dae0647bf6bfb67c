"""Judging a plugin without pytest."""

from __future__ import annotations

import platform
import secrets
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sinetstream_conformance.declarations import as_harness, harness_for
from sinetstream_conformance.harness import Harness
from sinetstream_conformance.report import Report
from sinetstream_conformance.rule import select
from sinetstream_conformance.session import Session, plan
from sinetstream_conformance.subject import Subject, constructor_form, load_subject
from sinetstream_conformance.verdict import Level
from sinetstream_sdk import compat
from sinetstream_sdk.describe import redact
from sinetstream_sdk.roles import Role


def check(
    plugin: str,
    *,
    harness: Harness | type[Harness] | str | None = None,
    params: Mapping[str, Any] | None = None,
    rules: Iterable[str] | None = None,
    roles: Iterable[Role | str] | None = None,
    level: Level | str = Level.SHOULD,
    seed: int | None = None,
    distribution: str | None = None,
    host: str = "sdk",
) -> Report:
    """Judge an installed plugin and give the report.

    :param plugin: the plugin's type name
    :param harness: a harness, its class, or ``module:object``; by default what the plugin
        registers in ``sinetstream.conformance``
    :param params: parameters laid over the harness's
    :param rules: ids of the rules to judge, ``LIFE-*`` for several; all by default
    :param roles: the roles to judge; all that the plugin registers by default
    :param level: ``MUST`` lets failures of SHOULD rules through
    :param seed: for the same payloads and delays as in an earlier run
    :param distribution: which of several distributions that claim the name
    :param host: the host that the HOST rules run it through: ``sdk`` or ``published``
    :raises NoSuchPlugin: it is not installed, or registers no role
    :raises BadDeclaration: its harness cannot be used
    :raises HarnessError: its harness cannot start; where it fails in a check, that check is
        HARNESS-ERROR, the others are made all the same, and the report's ``exit_code`` is 3
    :raises KeyError: a rule that there is not
    """
    subject = load_subject(plugin, distribution)
    if harness is None or isinstance(harness, str):
        found, origin = harness_for(plugin, harness)
    else:
        found, origin = as_harness(harness, "harness"), "harness given by the caller"
    seed = secrets.randbelow(2**32) if seed is None else seed
    chosen = None if rules is None else select(rules)
    wanted = None if roles is None else [Role(r) if isinstance(r, str) else r for r in roles]
    with Session(subject, found, params=params, seed=seed, host=host) as session:
        for one in plan(subject, chosen, wanted):
            session.run(one)
        header = describe(session, origin)
    return Report(
        plugin,
        session.outcomes,
        header,
        level if isinstance(level, Level) else Level[level.upper()],
        partial=chosen is not None or wanted is not None,
        stop_fault=session.stop_fault,
    )


def describe(session: Session, origin: str) -> list[str]:
    """What a report says first: what was judged, how, and with which seed."""
    subject = session.subject
    return [
        f"{subject.describe()}: {', '.join(role.value for role in subject.roles)}",
        f"  judged by sinetstream-plugin-sdk {_own_version()} on Python "
        f"{platform.python_version()}, seed {session.seed}",
        f"  {origin}; broker: {session.harness.describe()}",
        *_forms(subject),
        *_hosts(session),
        *([f"  parameters: {redact(session.params)}"] if session.params else []),
    ]


def _forms(subject: Subject) -> list[str]:
    forms = {role.value: constructor_form(cls) for role, cls in subject.classes.items()}
    shown = ", ".join(sorted({str(form) for form in forms.values()}))
    return [f"  constructed as {shown}"] if forms else []


def _hosts(session: Session) -> list[str]:
    lines = []
    if session.host != "sdk":
        lines.append(f"  HOST rules run through the {session.host} host")
    if compat.active() and "sinetstream" in sys.modules:
        lines.append(
            "  `sinetstream` is not installed: this SDK stands in for it (sinetstream_sdk.compat)"
        )
    return lines


def _own_version() -> str:
    try:
        return version("sinetstream-plugin-sdk")
    except PackageNotFoundError:
        return "(not installed)"
