"""The blocks of a page: what a reader would type, and what the page says comes of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`]*)$")
_MARK = re.compile(r"^ *<!-- test: (?P<mark>.+?) -->$")
_CAPTION = re.compile(r"^:caption: (?P<path>\S+)$")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    caption: str = ""
    """The file that the reader is told to write the block to."""
    mark: str = ""
    """What ``<!-- test: ... -->`` above the block says."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command with the output that is shown for it; none shown means that any will do."""

    text: str
    shown: tuple[str, ...]


def pages() -> list[Path]:
    """Every page of the docs."""
    return sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    mark = ""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if found := _MARK.match(line):
            mark = found["mark"]
            continue
        opening = _FENCE.match(line)
        if opening is None:
            if line.strip():
                mark = ""
            continue
        body = []
        for _, inner in lines:
            if inner.strip() == opening["fence"]:
                break
            body.append(inner.removeprefix(opening["indent"]))
        else:
            raise ValueError(f"{page}:{number}: the block is not closed")
        yield _block(page, number, opening["info"].strip(), body, mark)
        mark = ""


def _block(page: Path, number: int, info: str, body: list[str], mark: str) -> Block:
    language, caption = info, ""
    if info.startswith("{code-block}"):
        language = info.removeprefix("{code-block}").strip()
        while body and body[0].startswith(":"):
            found = _CAPTION.match(body.pop(0))
            caption = found["path"] if found else caption
        if body and not body[0]:
            body.pop(0)
    return Block(page, number, language, "\n".join(body) + "\n", caption, mark)


def commands(block: Block) -> list[Command]:
    """The commands of a console block, each after a ``$``."""
    found: list[tuple[list[str], list[str]]] = []
    continued = False
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif continued:
            found[-1][0].append(line)
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"{block}: a console block begins with '$ '")
        continued = line.endswith("\\") and not (found and found[-1][1])
    return [Command("\n".join(typed), _trimmed(shown)) for typed, shown in found]


def _trimmed(lines: list[str]) -> tuple[str, ...]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return tuple(lines)


def differs(shown: tuple[str, ...] | list[str], output: str) -> str:
    """Why ``output`` is not what the page shows; empty if it is.

    Numbers, rules of dashes and widths of columns do not count; ``...`` stands for anything, on a
    line of its own for any lines.
    """
    pattern = []
    for line in shown:
        if line.strip() == "...":
            pattern.append(r"(?:.*\n)*?")
        else:
            pattern.append(re.escape(_normal(line)).replace(re.escape("..."), ".*") + r"\n")
    actual = "".join(_normal(line) + "\n" for line in output.strip("\n").splitlines())
    if re.fullmatch("".join(pattern), actual):
        return ""
    return f"the page shows\n{textwrap.indent(chr(10).join(shown), '  ')}\nand this came\n{output}"


def _normal(line: str) -> str:
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    line = re.sub(r"\d+", "0", line)
    line = re.sub(r"([=_-])\1{2,}", r"\1\1\1", line)
    return re.sub(r"\s+", " ", line).rstrip()


def wrapped(fragment: str) -> str:
    """A fragment of Python in a function, so that ``return`` and ``self`` have their place."""
    return "def fragment():\n" + textwrap.indent(textwrap.dedent(fragment), "    ")
