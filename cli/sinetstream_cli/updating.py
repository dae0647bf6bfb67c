"""Bringing a project made from an older template up to date.

The project's record holds what the template made, so that nothing else is needed: the template of
today is rendered with the recorded answers, and each file is merged from three sides with ``git
merge-file``. The base is what was made, one side the author's file, the other the new one.
"""

from __future__ import annotations

import base64
import json
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sinetstream_cli.scaffolding import ScaffoldError, render, template_folder, template_version

__all__ = ["RECORD", "UpdateError", "UpdateReport", "update_project"]

RECORD = ".sinetstream-template.json"
"""The file in a project that says what the template made of which answers."""

GIT_TIMEOUT_S = 60.0


class UpdateError(Exception):
    """The project cannot be updated, and nothing was changed; the message says what to do."""


@dataclass
class UpdateReport:
    """What became of the files of a project; paths are relative to it."""

    from_version: str
    to_version: str
    updated: list[str] = field(default_factory=list)
    """The author had not changed them."""
    merged: list[str] = field(default_factory=list)
    """Both sides had changed them, in different places."""
    conflicts: list[str] = field(default_factory=list)
    """Both sides had changed the same place; markers stand there."""
    added: list[str] = field(default_factory=list)
    """They are new in the template."""
    removed: list[str] = field(default_factory=list)
    """The template has them no more, and the author had not changed them."""
    kept: list[str] = field(default_factory=list)
    """The template has them no more, but the author has changed them."""
    left_deleted: list[str] = field(default_factory=list)
    """The template has changed them, but the author has deleted them."""

    @property
    def status(self) -> int:
        """The exit status of the command: 1 if there is a conflict to resolve, else 0."""
        return 1 if self.conflicts else 0

    def lines(self) -> list[str]:
        """The report as text, a line for each file that is not as before."""
        words = {
            "updated": self.updated,
            "merged": self.merged,
            "added": self.added,
            "removed": self.removed,
            "kept, though the template has it no more": self.kept,
            "left deleted": self.left_deleted,
            "CONFLICT": self.conflicts,
        }
        files = [f"{word}: {path}" for word, paths in words.items() for path in paths]
        head = f"template {self.from_version} -> {self.to_version}"
        if not files:
            return [f"{head}: nothing to change"]
        if self.conflicts:
            files.append(
                "look for <<<<<<< in what is in conflict, choose, and take the markers out"
            )
        return [head, *files]


def update_project(
    path: Path | str, template_dir: Path | None = None, *, force: bool = False
) -> UpdateReport:
    """Bring a project up to date with a template, and write its record anew.

    :param path: the project's folder
    :param template_dir: a template other than the SDK's own
    :param force: go on although git has changes there that are not committed
    :raises UpdateError: nothing was changed, because the project has no usable record, git is
        missing or has uncommitted changes, or the template is older than the project
    """
    project = Path(path)
    values = _read_record(project)
    base = _unpack(values, project)
    try:
        template = template_dir or template_folder()
        report = UpdateReport(str(values["template_version"]), template_version(template))
        _check_direction(report)
        if not force:
            _check_committed(project)
        with TemporaryDirectory() as folder:
            answers = {**values["answers"], "__is_new": ""}
            rendered = render(answers, Path(folder), template)
            record = (rendered / RECORD).read_bytes()
            theirs = _unpack(_read_record(rendered), rendered)
    except ScaffoldError as error:
        raise UpdateError(str(error)) from error
    changes: dict[str, bytes | None] = {RECORD: record}
    for name in sorted(base.keys() | theirs.keys()):
        _decide(project, name, base.get(name), theirs.get(name), report, changes)
    # Only now, when nothing can fail any more but the disk, is anything written.
    for name, content in changes.items():
        target = project / name
        if content is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return report


def _decide(
    project: Path,
    name: str,
    base: bytes | None,
    theirs: bytes | None,
    report: UpdateReport,
    changes: dict[str, bytes | None],
) -> None:
    """Note what becomes of one file, in the report and among the changes."""
    target = project / name
    ours = target.read_bytes() if target.is_file() else None
    if theirs in (base, ours):
        return
    if theirs is None:
        if ours == base:
            report.removed.append(name)
            changes[name] = None
        elif ours is not None:
            report.kept.append(name)
    elif ours is None:
        if base is None:
            report.added.append(name)
            changes[name] = theirs
        else:
            report.left_deleted.append(name)
    elif ours == base:
        report.updated.append(name)
        changes[name] = theirs
    else:
        changes[name], clean = _merge(name, ours, base or b"", theirs, report)
        (report.merged if clean else report.conflicts).append(name)


def _merge(
    name: str, ours: bytes, base: bytes, theirs: bytes, report: UpdateReport
) -> tuple[bytes, bool]:
    """The merged text of one file, and whether it holds no conflict."""
    with TemporaryDirectory() as folder:
        sides = {
            "yours": ours,
            f"template {report.from_version}": base,
            f"template {report.to_version}": theirs,
        }
        command = ["merge-file", "-p"]
        for label in sides:
            command += ["-L", label]
        for number, text in enumerate(sides.values()):
            (Path(folder) / str(number)).write_bytes(text)
        ran = _git([*command, "0", "1", "2"], Path(folder))
    # The status is the number of conflicts, of which it can count 127.
    if not 0 <= ran.returncode <= 127:
        problem = ran.stderr.decode(errors="replace").strip()
        raise UpdateError(f"git cannot merge {name}: {problem}")
    return ran.stdout, ran.returncode == 0


def _git(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise UpdateError("git is needed to merge, and is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise UpdateError(f"git took more than {GIT_TIMEOUT_S:g} s in {folder}") from error


def _check_committed(project: Path) -> None:
    """Refuse where the update could not be told from the author's own uncommitted changes."""
    if _git(["rev-parse", "--is-inside-work-tree"], project).returncode != 0:
        return
    ran = _git(["--no-optional-locks", "status", "--porcelain", "--", "."], project)
    if ran.returncode != 0:
        raise UpdateError(f"git status fails in {project}: {ran.stderr.decode().strip()}")
    changed = ran.stdout.decode(errors="replace").splitlines()
    if changed:
        raise UpdateError(
            f"git has {len(changed)} uncommitted changes in {project}, {changed[0][3:]} among "
            "them; commit or stash them first, or force the update"
        )


def _check_direction(report: UpdateReport) -> None:
    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".") if part.isdigit()]

    if numbers(report.from_version) > numbers(report.to_version):
        raise UpdateError(
            f"the project was made by template {report.from_version}, and this one is "
            f"{report.to_version}; install a newer sinetstream-plugin-sdk"
        )


def _read_record(project: Path) -> dict[str, Any]:
    path = project / RECORD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UpdateError(
            f"there is no {RECORD} in {project}; name the folder of a project that was made by "
            "'sinetstream-sdk new'"
        ) from error
    except (OSError, ValueError) as error:
        raise UpdateError(f"{path} cannot be read: {error}; restore it from git") from error
    names = ("template_version", "answers", "files")
    if not isinstance(values, dict) or any(name not in values for name in names):
        raise UpdateError(f"{path} lacks one of {', '.join(names)}; restore it from git")
    if not isinstance(values["answers"], Mapping):
        raise UpdateError(f"the answers in {path} are no mapping; restore it from git")
    return values


def _unpack(values: Mapping[str, Any], project: Path) -> dict[str, bytes]:
    """The files as they were made, by path."""
    try:
        packed = base64.b64decode(values["files"], validate=True)
        files = {name: text.encode() for name, text in json.loads(zlib.decompress(packed)).items()}
    except (AttributeError, TypeError, ValueError, zlib.error) as error:
        raise UpdateError(
            f"the files in {project / RECORD} cannot be unpacked: {error}; restore it from git"
        ) from error
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise UpdateError(f"{project / RECORD} names {name!r}, which is outside the project")
    return files
