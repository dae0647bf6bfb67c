"""What ``sinetstream-sdk explain`` says of a word in a harness: a capability, or a method."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import MISSING, fields
from enum import EnumType
from typing import get_args, get_type_hints

from sinetstream_conformance.capabilities import Capabilities
from sinetstream_conformance.harness import Harness

HOWTO = "docs/howto/declare-capabilities.md"


def declared_words() -> tuple[str, ...]:
    """The names of all capabilities, and of the methods that a harness may have."""
    methods = [name for name in vars(Harness) if inspect.isfunction(getattr(Harness, name))]
    return (*capability_words(), *methods)


def capability_words() -> dict[str, str]:
    """What each capability says, from the text that stands under it in its source."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(Capabilities))).body
    assert isinstance(declared, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            found[field.target.id] = str(text.value.value) if is_text else ""  # type: ignore[attr-defined]
    return found


def facts(word: str) -> list[tuple[str, str]]:
    """Labels and texts for a word of :func:`declared_words`."""
    capabilities = capability_words()
    if word in capabilities:
        (field,) = (field for field in fields(Capabilities) if field.name == word)
        default = "nothing is said" if field.default in (None, MISSING) else repr(field.default)
        return [
            ("says", _plain(capabilities[word])),
            ("type", str(field.type)),
            *_choices(word),
            ("default", default),
            ("declare", f"capabilities = Capabilities({word}=...) in the harness; {HOWTO}"),
        ]
    method = getattr(Harness, word)
    return [
        ("says", _plain(inspect.getdoc(method) or "")),
        ("write", f"def {word}{_parameters(method)} in the harness; {HOWTO}"),
    ]


def _choices(word: str) -> list[tuple[str, str]]:
    """What there is to choose from, where a capability is one of a few values."""
    return [
        ("values", ", ".join(map(str, choice.__members__.values())))
        for choice in get_args(get_type_hints(Capabilities)[word])
        if isinstance(choice, EnumType)
    ]


def _plain(text: str) -> str:
    """A documentation text on one line, without its mark-up."""
    return re.sub(r":\w+:`(\w+)`", r"\1()", " ".join(text.split())).replace("``", "")


def _parameters(method: object) -> str:
    signature = inspect.signature(method)  # type: ignore[arg-type]
    return f"({', '.join(signature.parameters)})"
