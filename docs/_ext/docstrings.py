"""Makes indented code in docstrings a literal block.

The docstrings of the project are written to be read in the source, where a sentence followed by
indented code needs no mark-up; reStructuredText would take the code for a quotation.
"""

from __future__ import annotations

from typing import Any


def mark_code(lines: list[str]) -> list[str]:
    """``lines`` with ``::`` before every paragraph that is indented after one that is not."""
    marked: list[str] = []
    literal = False
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if line and not indented:
            literal = False
        after_gap = number >= 2 and not lines[number - 1] and marked
        if indented and after_gap and not literal:
            before = next((text for text in reversed(marked) if text), "")
            if not before.startswith((" ", ":", "*", "-", "..")) and not before.endswith("::"):
                marked += ["::", ""]
            literal = True
        marked.append(line)
    return marked


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""

    def process(
        _app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
    ) -> None:
        lines[:] = mark_code(lines)

    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
