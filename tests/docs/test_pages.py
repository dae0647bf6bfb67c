"""Every command and every code block of the docs does what its page says."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from doc_pages import DOCS, ROOT, Block, blocks, commands, differs, pages, wrapped
from doc_shell import Shell, make_venv

from sinetstream_cli.declaring import declared_words
from sinetstream_conformance.harness import Harness

RUN = ("console",)
READ = ("python", "toml", "yaml", "text")
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.egg-info", "dist", "build")
DIRECTIVES = (
    *("{toctree}", "{eval-rst}", "{note}", "{warning}", "{tip}", "{grid}", "{image}"),
    *("{include}", "{literalinclude}"),
)


def runnable(page: Path) -> bool:
    return any(block.language == "console" or block.caption for block in blocks(page))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(DOCS)))
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    """No block is of a language that nothing looks at; those that are not run are read."""
    for block in blocks(page):
        if block.language.startswith(DIRECTIVES):
            continue
        assert block.language in RUN + READ, f"{block}: nothing checks a {block.language!r} block"
        if block.language == "python":
            ast.parse(wrapped(block.text) if block.mark == "fragment" else block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "yaml":
            yaml.safe_load(block.text)


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if runnable(page)],
    ids=lambda page: str(page.relative_to(DOCS)),
)
def test_a_reader_can_follow_the_page(page: Path, tmp_path: Path) -> None:
    """From top to bottom: files are written, commands and programs run, and print what is shown."""
    own_venv = "python -m venv" in page.read_text(encoding="utf-8")
    venv = None if own_venv else make_venv(tmp_path / "venv")
    work = tmp_path / "work"
    work.mkdir()
    shell = Shell(work, tmp_path / "state", venv)
    for block in blocks(page):
        follow(block, shell)


def follow(block: Block, shell: Shell) -> None:
    """Do what a block asks of the reader."""
    if block.mark.startswith("project "):
        project = ROOT / block.mark.removeprefix("project ")
        shutil.copytree(project, shell.folder, dirs_exist_ok=True, ignore=LEFTOVERS)
    if block.caption:
        target = shell.folder / block.caption
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
    elif block.language == "console":
        expected = int(block.mark.removeprefix("exit ")) if block.mark.startswith("exit ") else 0
        *before, last = commands(block)
        for command in (*before, last):
            status, output = shell.run(command.text)
            wanted = expected if command is last else 0
            assert status == wanted, f"{block}: {command.text}: exit code {status}\n{output}"
            if command.shown:
                problem = differs(command.shown, output)
                assert not problem, f"{block}: {command.text}: {problem}"
    elif block.language == "python" and block.mark != "fragment":
        script = shell.state / "block.py"
        script.write_text(block.text, encoding="utf-8")
        status, output = shell.run(f"python {script}")
        assert status == 0, f"{block}: exit code {status}\n{output}"


def test_a_harness_can_be_written_from_the_page_as_it_stands() -> None:
    """Its methods and capabilities are in tables whose rows can be read without a browser."""
    text = (DOCS / "howto" / "declare-capabilities.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = {match[1] for row in rows if (match := re.match(r"\| `(\w+)", row))}
    assert named == set(declared_words())
    assert max(map(len, rows)) <= 100
    for name in named & set(vars(Harness)) - {"capabilities"}:
        arguments = list(inspect.signature(getattr(Harness, name)).parameters)[1:]
        assert any(row.startswith(f"| `{name}({', '.join(arguments)})` |") for row in rows), name
