"""Puts the chosen kind and licence in place and writes the record that updates start from.

cookiecutter renders this file and runs it in the new project's folder, with an interpreter of its
own; nothing but the standard library is imported.
"""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path

RECORD = ".sinetstream-template.json"
QUESTIONS = ("type_name", "distribution_name", "author", "roles", "kind", "licence")
ROLES = ("reader", "writer", "async_reader", "async_writer")


def drop_compiled(project: Path) -> None:
    """Remove what an installer made of the template's own files when it compiled them."""
    for folder in list(project.rglob("__pycache__")):
        shutil.rmtree(folder)


def lay_over(project: Path, choice: str, chosen: str) -> None:
    """Move the files of one choice to where they belong and drop those of the others."""
    shutil.copytree(project / choice / chosen, project, dirs_exist_ok=True)
    shutil.rmtree(project / choice)


def record(project: Path, answers: Mapping[str, str]) -> str:
    """The template's version, the answers, and all files as they are now."""
    files = {
        path.relative_to(project).as_posix(): path.read_bytes().decode("utf-8")
        for path in sorted(project.rglob("*"))
        if path.is_file()
    }
    roles = [role for role in ROLES if answers[f"__{role}"]]
    packed = zlib.compress(json.dumps(files, sort_keys=True).encode(), 9)
    values = {
        "about": "written by the plugin template; 'sinetstream-sdk update' starts from it",
        "template_version": answers["_template_version"],
        "answers": {name: answers[name] for name in QUESTIONS} | {"roles": ",".join(roles)},
        "files": base64.b64encode(packed).decode("ascii"),
    }
    return json.dumps(values, indent=2) + "\n"


def finish(project: Path, answers: Mapping[str, str]) -> None:
    """Make the project what the answers say, and write the record."""
    drop_compiled(project)
    lay_over(project, "_kind", answers["kind"])
    lay_over(project, "_licence", answers["licence"])
    (project / RECORD).write_text(record(project, answers), encoding="utf-8")


if __name__ == "__main__":
    finish(Path.cwd(), json.loads(r"""{{ cookiecutter | tojson }}"""))
