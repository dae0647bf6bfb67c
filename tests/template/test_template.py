"""What the template makes: projects that are right at once, whatever the answers."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from template_matrix import (
    Project,
    Workshop,
    every_project,
    line,
    one_of_each_kind,
    pairs,
    pairwise_sample,
)

import sinetstream_sdk
from sinetstream_cli.scaffolding import QUESTIONS, new_project, template_folder, template_version

OVERLAYS = {"_kind", "_licence", "__pycache__"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Project]:
    """The pairwise sample, made and not installed, by folder."""
    folder = tmp_path_factory.mktemp("sample")
    return {
        new_project(project.answers(), folder / project.name): project
        for project in pairwise_sample()
    }


def test_there_are_six_questions() -> None:
    """Each has a default and words to ask it with, and there are no more than six."""
    asked = json.loads((template_folder() / "cookiecutter.json").read_text(encoding="utf-8"))
    visible = tuple(name for name in asked if not name.startswith("_"))
    assert visible == QUESTIONS
    assert all(asked[name] for name in visible)
    assert tuple(asked["__prompts__"]) == QUESTIONS


def test_the_template_has_the_version_of_the_sdk() -> None:
    """An update must tell an older template from a newer one."""
    assert template_version() == sinetstream_sdk.__version__


def test_the_matrix_is_complete() -> None:
    """Every set of roles meets every kind, once."""
    met = {(project.roles, project.kind) for project in every_project()}
    assert len(met) == len(every_project()) == 45


def test_the_sample_covers_every_pair_of_options() -> None:
    """Whatever two options go together in some project are together in the sample."""
    possible = set().union(
        *(
            pairs(Project(project.roles, project.kind, licence, ""))
            for project, licence in itertools.product(
                every_project(), {project.licence for project in every_project()}
            )
        )
    )
    covered = set().union(*map(pairs, pairwise_sample()))
    assert possible - covered == set()


def test_only_the_chosen_roles_are_registered(sample: dict[Path, Project]) -> None:
    """``pyproject.toml`` has an entry point for each chosen role, and one for the kit."""
    for made, project in sample.items():
        text = (made / "pyproject.toml").read_text(encoding="utf-8")
        groups = tomllib.loads(text)["project"]["entry-points"]
        expected = {f"sinetstream.{role}" for role in (*project.roles, "conformance")}
        assert set(groups) == expected, project.name
        assert {name for group in groups.values() for name in group} == {project.type_name}


def test_nothing_of_the_other_choices_is_left(sample: dict[Path, Project]) -> None:
    """A project has the files of its kind and licence, and no traces of the template's own."""
    for made, project in sample.items():
        paths = [path.relative_to(made) for path in made.rglob("*")]
        assert not [path for path in paths if OVERLAYS & set(path.parts)], project.name
        package = made / "src" / f"sinetstream_{project.type_name}"
        own = {"in-process": "broker.py", "network": "client.py", "wrap": "vendor.py"}
        assert [kind for kind, name in own.items() if (package / name).exists()] == [project.kind]
        licence = (made / "LICENSE").read_text(encoding="utf-8")
        assert project.answers()["author"] in licence or project.licence == "Apache-2.0"
        for path in made.rglob("*"):
            if path.is_file() and path.name != "ci.yml":
                text = path.read_text(encoding="utf-8")
                assert not any(sign in text for sign in ("{{", "{%", "cookiecutter.")), path


@pytest.mark.parametrize("mode", [["check"], ["format", "--check", "--diff"]], ids=" ".join)
def test_the_sample_is_formatted(sample: dict[Path, Project], mode: list[str]) -> None:
    """Ruff finds nothing in what was made, for short and for long names."""
    for made, project in sample.items():
        command = [sys.executable, "-m", "ruff", *mode, "--no-cache"]
        ran = subprocess.run(
            command, cwd=made, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, f"{project.name}\n{ran.stdout}{ran.stderr}"


@pytest.mark.parametrize("roles", ["all", "READER writer", "async-reader, Async_Writer,writer"])
def test_roles_are_understood_as_people_write_them(tmp_path: Path, roles: str) -> None:
    """Capitals, hyphens, spaces and commas do not matter, and the record has the usual form."""
    made = new_project({"roles": roles}, tmp_path)
    record = json.loads((made / ".sinetstream-template.json").read_text(encoding="utf-8"))
    expected = {
        "all": "reader,writer,async_reader,async_writer",
        "READER writer": "reader,writer",
        "async-reader, Async_Writer,writer": "writer,async_reader,async_writer",
    }
    assert record["answers"]["roles"] == expected[roles]


def test_one_of_each_kind_is_right_at_once(workshop: Workshop) -> None:
    """Made, installed, judged strictly, linted, typed, built, and run under the published host."""
    results = list(workshop.try_all(one_of_each_kind()))
    assert len(results) == 3
    for result in results:
        assert not result.failed, f"{line(result)}\n{result.output}"
        assert list(result.seconds)[-1] == "build"
