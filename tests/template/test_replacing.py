"""The search for places to replace, which a new project's README tells of, finds all of them."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from template_matrix import KINDS, role_sets

from sinetstream_cli.scaffolding import new_project

WHOLE = {
    "in-process": {"broker.py"},
    "network": {"client.py", "loopback.py"},
    "wrap": {"vendor.py"},
}
"""The modules that are replaced as a whole; the tests are, too."""
STAND_IN = {
    "in-process": r"\bbroker\.(put|take|end)\b|Subscription\(|patch\.object|\.broker import"
    r"|queues in this|message\.payload|_is_open = True|_listening: dict",
    "network": r"(?i:loopback)(?!\.py)|7411|(Subscriber|Publisher)\(self|self\.broker\b|_nobody"
    r"|\.client import|message\.payload|publisher\.(publish|close)|subscriber\.(receive|close)",
    "wrap": r"vendor\b(?!\.py)|741[23]|\bADDRESS\b|\bNOBODY\b|record\.body"
    r"|client\.(connect|disconnect|subscribe|poll|send)\b|self\.server\b|_listening: dict",
}
"""What names the system that stands in for the author's own."""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """A project of each kind with each set of roles."""
    folder = tmp_path_factory.mktemp("projects")
    return {
        kind: [
            new_project(
                {"type_name": "lab_bus", "kind": kind, "roles": ",".join(roles)},
                folder / f"{kind}-{'-'.join(roles)}",
            )
            for roles in role_sets()
        ]
        for kind in KINDS
    }


def paragraphs(text: str) -> list[str]:
    """The lines between two empty ones, with those of the same definition before them."""
    return [part for part in re.split(r"\n\n+(?=\S|    (?:def|@|#|async))", text) if part.strip()]


def of_the_plugin(project: Path, kind: str) -> list[Path]:
    """The modules that are changed here and there, and the README."""
    package = project / "src" / "sinetstream_lab_bus"
    return [
        project / "README.md",
        *(path for path in package.glob("*.py") if path.name not in WHOLE[kind]),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_that_names_the_stand_in_is_marked(
    kind: str, projects: dict[str, list[Path]]
) -> None:
    """Each definition and each statement that does so has a REPLACE comment, whatever the roles."""
    for project in projects[kind]:
        found = 0
        for path in of_the_plugin(project, kind):
            for part in paragraphs(path.read_text(encoding="utf-8")):
                if re.search(STAND_IN[kind], part):
                    found += 1
                    assert "REPLACE: " in part, f"{path}\n{part}"
        assert found > 3, project


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_replaced_as_a_whole_says_so_first(
    kind: str, projects: dict[str, list[Path]]
) -> None:
    """The comment stands before the imports of the stand-in's modules and of the tests."""
    for project in projects[kind]:
        package = project / "src" / "sinetstream_lab_bus"
        for path in [*(package / name for name in WHOLE[kind]), project / "tests/test_lab_bus.py"]:
            text = path.read_text(encoding="utf-8")
            assert "# REPLACE: " in re.split(r"^(?:import|from) ", text, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_method_of_the_harness_is_marked(kind: str, projects: dict[str, list[Path]]) -> None:
    """None of them is right for another system."""
    for project in projects[kind]:
        text = (project / "src/sinetstream_lab_bus/conformance.py").read_text(encoding="utf-8")
        methods = [
            part for part in paragraphs(text) if re.search(r"^    def \w", part, re.MULTILINE)
        ]
        unmarked = [part for part in methods if "REPLACE: " not in part]
        assert len(methods) >= 1
        assert not unmarked, f"{project}\n{unmarked[0]}"
        assert "largest_payload=" in text


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_of_the_readme_finds_every_comment(
    kind: str, projects: dict[str, list[Path]]
) -> None:
    """Its command, run as it stands there, gives all lines of the project that have the word."""
    for project in projects[kind]:
        readme = (project / "README.md").read_text(encoding="utf-8")
        (command,) = re.findall(r"`(grep [^`]*)`", readme)
        ran = subprocess.run(
            shlex.split(command),
            cwd=project,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        everywhere = [
            path.relative_to(project).as_posix()
            for path in project.rglob("*")
            if path.is_file() and "REPLACE: " in path.read_text(encoding="utf-8")
        ]
        assert {line.partition(":")[0] for line in ran.stdout.splitlines()} == set(everywhere)
        assert {"README.md", "pyproject.toml"} <= set(everywhere)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_it_is_for(kind: str, projects: dict[str, list[Path]]) -> None:
    """The author of a plugin for a directory, a pipe or a device is told which kind fits."""
    project = projects[kind][-1]
    package = project / "src" / "sinetstream_lab_bus"
    text = " ".join((package / name).read_text(encoding="utf-8") for name in WHOLE[kind])
    for word in ("directory", "pipe", "device"):
        assert word in text
