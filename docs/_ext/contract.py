"""Parts of the docs that are written by the kit itself, so that they cannot fall behind it.

A page names such a part in a line of its own, ``<!-- generated: contract -->``; Sphinx sees what
the function of that name below makes. Each function gives MyST Markdown.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sinetstream_conformance import pytest_plugin
from sinetstream_conformance.report import Standing
from sinetstream_conformance.rule import Rule, catalogue

DOCS = Path(__file__).resolve().parents[1]
BACKGROUND = ("host", "programs/README", "promise-safety", "wire-format")
"""Pages beside the architecture that explain one thing in depth."""

MARK = re.compile(r"^<!-- generated: (?P<part>[a-z]+) -->$", re.MULTILINE)


def overview() -> str:
    """All rules in one table."""
    lines = ["| rule | level | judged for | says |", "|---|---|---|---|"]
    for chapter in chapters().values():
        for group in chapter:
            names = "<br>".join(f"[{rule.id}](#{anchor(rule.id)})" for rule in group)
            says = _cell(group[0].says)
            lines.append(f"| {names} | {group[0].level.name} | {_roles(group)} | {says} |")
    return "\n".join(lines)


def contract() -> str:
    """Every rule with all that is known of it, chapter by chapter."""
    parts: list[str] = []
    for title, chapter in chapters().items():
        parts.append(f"## {title}")
        for group in chapter:
            parts += _section(group)
    return "\n\n".join(parts)


def options() -> str:
    """The options of the pytest plugin, as pytest itself knows them."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for names, attributes in declared_options():
        shown = f"`{names[0]}`"
        if metavar := attributes.get("metavar"):
            shown = f"`{names[0]}={metavar}`"
        if choices := attributes.get("choices"):
            joined = "\\|".join(choices)
            shown = f"`{names[0]}={joined}`"
        default = attributes.get("default")
        repeats = " It may be repeated." if attributes.get("action") == "append" else ""
        meaning = attributes.get("help", "")
        text = _cell(_sentence(meaning.removesuffix(f" (default: {default})")))
        lines.append(f"| {shown} | {f'`{default}`' if default else ''} | {text}{repeats} |")
    return "\n".join(lines)


def standings() -> str:
    """What a role can come to."""
    meanings = {
        Standing.STRICT: "every MUST and every SHOULD that was judged holds",
        Standing.CONFORMANT: "every MUST holds, and at least one SHOULD does not",
        Standing.UNPROVEN: "nothing failed, but a MUST could not be judged",
        Standing.BROKEN: "a MUST does not hold, or a capability that was declared",
    }
    lines = ["| standing | means |", "|---|---|"]
    lines += [f"| `{standing.value}` | {meanings[standing]} |" for standing in Standing]
    return "\n".join(lines)


def background() -> str:
    """The table of contents of the background pages that there are."""
    names = ["architecture", *(name for name in BACKGROUND if (DOCS / f"{name}.md").exists())]
    return "\n".join(["```{toctree}", ":caption: Understand", ":maxdepth: 1", "", *names, "```"])


PARTS: Mapping[str, Callable[[], str]] = {
    "overview": overview,
    "contract": contract,
    "options": options,
    "standings": standings,
    "background": background,
}


def declared_options() -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The options that the kit's pytest plugin declares, in its order: names and attributes."""
    found: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    class Group:
        def addoption(self, *names: str, **attributes: Any) -> None:
            found.append((names, attributes))

    class Parser:
        def getgroup(self, *_: str) -> Group:
            return Group()

    parser: Any = Parser()
    pytest_plugin.pytest_addoption(parser)
    return found


def chapters() -> dict[str, list[list[Rule]]]:
    """The rules by chapter; those of one function, such as a rule's twin, stand together."""
    found: dict[str, list[list[Rule]]] = {}
    by_check: dict[Any, list[Rule]] = {}
    for rule in catalogue().values():
        group = by_check.setdefault((rule.check, rule.says), [])
        if not group:
            found.setdefault(_title(rule), []).append(group)
        group.append(rule)
    return found


def anchor(rule_id: str) -> str:
    """Where a rule stands in the page."""
    return f"rule-{rule_id.lower()}"


def _title(rule: Rule) -> str:
    """The first words of the chapter's docstring, which say what it is about."""
    module = importlib.import_module(rule.check.__module__)
    first = (module.__doc__ or module.__name__).strip().splitlines()[0]
    return re.split(r"[;:.] |[;:.]$", re.sub(r" \([^)]*\)", "", first))[0].strip()


def _section(group: list[Rule]) -> Iterator[str]:
    first = group[0]
    for rule in group:
        yield f"({anchor(rule.id)})="
    yield f"### {', '.join(rule.id for rule in group)}"
    yield f"**{first.level.name}**, for {_roles(group)}. {_plain(_sentence(first.says))}"
    yield f"*Source:* {_plain(first.source)}"
    if first.cases:
        yield "*Cases, judged one by one:* " + ", ".join(f"`{case}`" for case in first.cases)
    if first.example:
        for label, code in (("Right", first.example.right), ("Wrong", first.example.wrong)):
            if code:
                yield f"*{label}:*"
                yield f"```{language(code)}\n{code}\n```"
    yield f"*Mend:* {_plain(_sentence(first.hint))}"


def language(code: str) -> str:
    """What an example is written in."""
    head = code.lstrip()
    return "toml" if head.startswith(("[project", "dependencies =")) else "python"


def _roles(group: list[Rule]) -> str:
    names = [role.value.replace("_", " ") for rule in group for role in rule.roles]
    if not names:
        return "the distribution"
    return "all roles" if len(set(names)) == 4 else ", ".join(dict.fromkeys(names))


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """``text`` as Markdown that shows it as it is, but for code between back-ticks."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_<\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _sentence(text: str) -> str:
    """``text`` with a capital and a full stop; a name in code keeps its spelling."""
    first = text.split(maxsplit=1)[0] if text else ""
    plain = first.isalpha() or (first.rstrip(",;:").isalpha() and first.islower())
    return (text[0].upper() + text[1:] if plain else text).rstrip(".") + "."


def write(text: str) -> str:
    """A page with its generated parts in place.

    :raises KeyError: it names a part that there is not
    """
    return MARK.sub(lambda match: PARTS[match["part"]](), text)


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""

    def source_read(_app: Any, _name: str, source: list[str]) -> None:
        source[0] = write(source[0])

    def outdated(_app: Any, env: Any, *_: Any) -> list[str]:
        """Pages with generated parts are written anew each time: the kit may have changed."""
        return [name for name in env.found_docs if MARK.search(_text(env.doc2path(name)))]

    app.connect("source-read", source_read)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
