"""Marks a class as breaking a rule, with what the kit must say of it, and reads the marks.

This module imports nothing but the standard library and is also run by the build hook and by the
tests, which read the marks from the sources, without importing any plugin.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Cls = TypeVar("Cls", bound=type)


class Mark(NamedTuple):
    """A broken plugin: the rule it breaks, in which role, and what the report must hold."""

    plugin: str
    """The type name that it is installed under."""
    rule: str
    role: str
    """A role's name, or ``package`` for a rule about the distribution."""
    says: tuple[str, ...]
    model: str = "memory"
    """The correct plugin that gives it its other roles and its harness."""
    reference: str = ""
    """``module:Class`` inside the package; empty for a plugin that is no single class."""


def breaks(
    rule: str, *, role: str, says: str | tuple[str, ...], model: str = "memory"
) -> Callable[[Cls], Cls]:
    """Say which rule a class breaks; a class may be marked several times.

    The class is installed as the plugin that is called after it (``ReadTuple`` is ``read-tuple``),
    in the role that it plays, beside the classes of a correct plugin in the other roles. All
    arguments must be literals, since they are read from the source.

    :param rule: the rule's id
    :param role: the role that the class plays
    :param says: what the failure's block must contain, whatever its line breaks
    :param model: the correct plugin beside it, whose harness it has
    """

    def mark(cls: Cls) -> Cls:
        return cls

    return mark


def plugin_name(class_name: str) -> str:
    """``ReadTuple`` as an entry point's name: ``read-tuple``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", class_name).lower()


def marks(source: Path) -> Iterator[Mark]:
    """Every mark in the modules of a folder, read without importing them."""
    for file in sorted(source.glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield from _marks_of(node, file.stem)


def _marks_of(node: ast.ClassDef, module: str) -> Iterator[Mark]:
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "breaks":
            continue
        words: dict[str, Any] = {
            word.arg: ast.literal_eval(word.value) for word in decorator.keywords if word.arg
        }
        says = words["says"]
        yield Mark(
            plugin=plugin_name(node.name),
            rule=ast.literal_eval(decorator.args[0]),
            role=words["role"],
            says=(says,) if isinstance(says, str) else says,
            model=words.get("model", "memory"),
            reference=f"{module}:{node.name}",
        )
