"""The README: its commands run, and the reports that it shows are what the kit says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from doc_pages import ROOT, Block, blocks, commands, differs
from doc_shell import Shell, make_venv
from test_pages import LEFTOVERS

README = ROOT / "README.md"
ONE_SCREEN = 52


def shown(mark: str) -> Block:
    (block,) = (block for block in blocks(README) if block.mark == mark)
    return block


def section(title: str) -> list[Block]:
    """The blocks below a heading."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = lines.index(f"## {title}") + 1
    after = (n for n, line in enumerate(lines[start:], start) if line.startswith("## "))
    end = next(after, len(lines))
    return [block for block in blocks(README) if start < block.line <= end]


def test_it_fits_one_screen_before_it_goes_into_detail() -> None:
    """What it is, the two commands and a report come before the first heading."""
    before, _, _ = README.read_text(encoding="utf-8").partition("\n## ")
    assert len(before.splitlines()) <= ONE_SCREEN
    assert "make check" in before
    assert "--sinetstream-plugin=NAME" in before


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A reader's shell in the folder of the plugin written from the guide."""
    folder = tmp_path_factory.mktemp("readme")
    work = folder / "work"
    shutil.copytree(ROOT / "tests" / "guide_plugin", work, ignore=LEFTOVERS)
    return Shell(work, folder / "state", make_venv(folder / "venv"))


def test_the_report_is_what_the_kit_says(shell: Shell) -> None:
    """The closing section of a run on the queue plugin, but for the figures."""
    status, output = shell.run("pytest -q --sinetstream-plugin=queue")
    assert status == 0, output
    _, _, report = output.partition("SINETStream conformance: queue")
    said = report.splitlines()[1:-1]
    problem = differs([*shown("report").text.splitlines(), "..."], "\n".join(said))
    assert not problem, problem


def test_the_failure_is_what_the_kit_says(shell: Shell) -> None:
    """The block for the example of the guide."""
    status, output = shell.run("pip install -e .")
    assert status == 0, output
    block = shown("failure").text
    (replay,) = re.findall(r"replay +(.+)", block)
    status, output = shell.run(replay)
    assert status == 1, output
    said = output[output.index("FAIL  guidequeue") : output.index("short test summary")]
    problem = differs(block.splitlines(), "\n".join(said.splitlines()[:-1]))
    assert not problem, problem


def test_the_make_targets_exist() -> None:
    """Every ``make`` of the README is one that the Makefile knows."""
    targets = re.findall(r"^\$ make (\S+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(targets) >= {"check", "test", "lint", "docs"}
    for target in targets:
        done = subprocess.run(
            ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    dry = subprocess.run(
        ["make", "-n", "check"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "pytest --sinetstream-plugin=queue" in dry.stdout


def test_the_second_command_judges_a_plugin(tmp_path: Path) -> None:
    """With the name of a plugin in place of NAME, and few rules to save time."""
    text = next(b.text for b in blocks(README) if "=NAME" in b.text)
    (line,) = (c.text for c in commands(Block(README, 0, "console", text)) if "=NAME" in c.text)
    command, _, _ = line.partition("#")
    shell = Shell(ROOT, tmp_path / "state", make_venv(tmp_path / "venv"))
    rules = " --sinetstream-rule='PKG-*'"
    status, output = shell.run(command.strip().replace("NAME", "queue") + rules)
    assert status == 0, output


def test_a_plugin_in_five_minutes(tmp_path: Path) -> None:
    """The commands of that section, typed in a checkout, end with a plugin that conforms."""
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(".git", ".venv*", "*_cache", ".hypothesis", "_build", "dist")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    (block,) = section("A plugin in five minutes")
    shell = Shell(checkout, tmp_path / "state")
    *before, last = commands(block)
    assert last.text == "pytest"
    for command in before:
        status, output = shell.run(command.text)
        assert status == 0, f"{command.text}: exit code {status}\n{output}"
    # the tutorial judges such a project by all rules
    status, output = shell.run("pytest --sinetstream-rule='PKG-*,CTOR-*'")
    assert status == 0, output
    roles = set(re.findall(r"^mybroker (\w+_?\w+) +\(part", output, re.MULTILINE))
    assert roles == {"package", "reader", "writer", "async_reader", "async_writer"}, output


def test_links_lead_somewhere() -> None:
    """Every relative link names a file or a folder that there is."""
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
