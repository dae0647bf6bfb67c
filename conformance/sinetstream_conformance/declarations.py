"""Finding what was declared for a plugin: its harness, and parameters from files and options."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from sinetstream_conformance.harness import ENTRY_POINT_GROUP, Harness
from sinetstream_conformance.rule import select
from sinetstream_conformance.subject import merge


class BadDeclaration(Exception):
    """A harness or a parameter that was given cannot be used; the message says why."""


def harness_for(plugin: str, reference: str | None = None) -> tuple[Harness, str]:
    """The harness for a plugin, and where it comes from in a few words.

    :param reference: ``module:object`` from an option; without one the entry point in
        ``sinetstream.conformance`` is taken, and without that the default harness
    :raises BadDeclaration: what was found is no harness
    """
    if reference is not None:
        return as_harness(_import(reference), reference), f"harness {reference}"
    found = [e for e in entry_points(group=ENTRY_POINT_GROUP) if e.name == plugin]
    if not found:
        return Harness(), "no harness: nothing is declared, see the how-to on capabilities"
    entry = found[0]
    try:
        loaded = entry.load()
    except Exception as error:
        raise BadDeclaration(
            f"the harness {entry.value} of {plugin!r} does not load: {error}"
        ) from error
    return as_harness(loaded, entry.value), f"harness {entry.value} (entry point)"


def _import(reference: str) -> Any:
    module, colon, name = reference.partition(":")
    if not colon or not module or not name:
        raise BadDeclaration(f"a harness is named as module:object; {reference!r} was given")
    folder = str(Path.cwd())
    if folder not in sys.path:
        # The command `pytest`, other than `python -m pytest`, does not look where it is called.
        sys.path.insert(0, folder)
    try:
        value: Any = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise BadDeclaration(f"the harness {reference!r} cannot be imported: {error}") from error
    return value


def as_harness(value: Any, where: str) -> Harness:
    """A harness from an instance, a class or a function that makes one.

    :raises BadDeclaration: it is none of these
    """
    made = value if isinstance(value, Harness) else value() if callable(value) else value
    if not isinstance(made, Harness):
        raise BadDeclaration(
            f"{where} gives a {type(made).__name__}; derive it from "
            "sinetstream_conformance.Harness, whose methods all have defaults"
        )
    return made


def params_from(files: Iterable[str], pairs: Iterable[str]) -> dict[str, Any]:
    """Parameters from YAML files and from ``key=value``; later ones win.

    A value is read as YAML, so that ``1`` is a number and ``[a, b]`` a list; dots in a key nest:
    ``type_spec.keepalive=30``.

    :raises BadDeclaration: a file or a pair that cannot be understood
    """
    import yaml

    params: dict[str, Any] = {}
    for name in files:
        try:
            loaded = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise BadDeclaration(f"the parameters in {name!r} cannot be read: {error}") from error
        if not isinstance(loaded, Mapping):
            raise BadDeclaration(f"{name!r} must hold a mapping, and holds {type(loaded).__name__}")
        params = merge(params, loaded)
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise BadDeclaration(f"a parameter is given as key=value; {key!r} has no '='")
        try:
            value: Any = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        for part in reversed(key.split(".")):
            value = {part: value}
        params = merge(params, value)
    return params


def expected_failures_from(pairs: Iterable[str]) -> dict[str, str]:
    """Rules that are expected to fail, from ``RULE=REASON``.

    :raises BadDeclaration: a pair without a reason
    :raises KeyError: a rule that there is not
    """
    expected: dict[str, str] = {}
    for pair in pairs:
        ids, _, reason = pair.partition("=")
        if not reason.strip():
            raise BadDeclaration(f"an expected failure needs its reason: {ids}=REASON")
        expected.update(dict.fromkeys(select(ids.split(",")), reason.strip()))
    return expected


def selection(text: str | Iterable[str]) -> list[str]:
    """The members of a comma-separated option that may repeat."""
    texts = [text] if isinstance(text, str) else list(text)
    return [part.strip() for whole in texts for part in whole.split(",") if part.strip()]
