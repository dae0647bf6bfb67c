"""The instruments of the docs' tests, which must notice what is wrong with a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_pages import ROOT, Block, blocks, commands, differs
from doc_shell import Shell
from test_pages import follow


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def console(text: str, mark: str = "") -> Block:
    return Block(ROOT / "docs" / "x.md", 1, "console", text, "", mark)


def test_blocks_are_found_with_caption_and_mark(tmp_path: Path) -> None:
    """A block knows its language, the file it goes to and the mark right above it."""
    text = (
        "words\n\n<!-- test: exit 1 -->\n```console\n$ false\n```\n\n"
        "```{code-block} toml\n:caption: a/b.toml\n\nx = 1\n```\n"
    )
    first, second = blocks(page(tmp_path, text))
    assert (first.language, first.text, first.mark) == ("console", "$ false\n", "exit 1")
    assert (second.language, second.caption, second.text) == ("toml", "a/b.toml", "x = 1\n")
    assert second.mark == ""


def test_a_block_that_is_not_closed_is_refused(tmp_path: Path) -> None:
    """Such a page would hide the rest of itself from the tests."""
    with pytest.raises(ValueError, match="not closed"):
        list(blocks(page(tmp_path, "```python\nx = 1\n")))


def test_commands_are_told_from_what_they_print() -> None:
    """A backslash continues a command, and what follows it is output."""
    found = commands(console("$ a \\\n    b\nout 1\nout 2\n$ c\n"))
    assert [(c.text, c.shown) for c in found] == [
        ("a \\\n    b", ("out 1", "out 2")),
        ("c", ()),
    ]


@pytest.mark.parametrize(
    ("shown", "output"),
    [
        (["one"], "one\n"),
        (["took 3 s"], "took 17 s\n"),
        (["==== x ===="], "========= x =========\n"),
        (["a", "...", "z"], "a\nb\nc\nz\n"),
        (["...", "z"], "z\n"),
        (["FAIL x..."], "FAIL x and more\n"),
    ],
)
def test_output_that_is_as_shown(shown: list[str], output: str) -> None:
    """Numbers, rules of dashes and what ``...`` stands for do not count."""
    assert differs(shown, output) == ""


@pytest.mark.parametrize(
    ("shown", "output"),
    [
        (["one"], "two\n"),
        (["one"], "one\ntwo\n"),
        (["a", "b"], "b\na\n"),
        (["...", "z"], "a\nz\nb\n"),
        (["3 PASS"], "3 FAIL\n"),
    ],
)
def test_output_that_is_not_as_shown(shown: list[str], output: str) -> None:
    """Other words, another order, more lines than shown: the page is wrong."""
    assert "the page shows" in differs(shown, output)


def test_a_command_that_fails_fails_the_page(tmp_path: Path) -> None:
    """Also one in the middle of a block, and one that should fail and does not."""
    shell = Shell(tmp_path, tmp_path / "state", tmp_path)
    with pytest.raises(AssertionError, match="exit code 1"):
        follow(console("$ false\n$ true\n"), shell)
    with pytest.raises(AssertionError, match="exit code 0"):
        follow(console("$ true\n", "exit 1"), shell)
    follow(console("$ false\n", "exit 1"), shell)


def test_the_folder_and_the_environment_carry_over(tmp_path: Path) -> None:
    """``cd`` and ``export`` in one block hold in the next."""
    shell = Shell(tmp_path, tmp_path / "state", tmp_path)
    follow(console("$ mkdir inner && cd inner\n$ export WORD=kept\n"), shell)
    follow(console("$ pwd\n" + str(tmp_path / "inner") + "\n$ echo $WORD\nkept\n"), shell)
