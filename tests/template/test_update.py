"""Projects of an older template, changed by hand, and brought up to date."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from template_matrix import Workshop

from sinetstream_cli.scaffolding import new_project, template_folder, template_version
from sinetstream_cli.updating import RECORD, UpdateError, UpdateReport, update_project

ANSWERS = {"type_name": "shelf", "roles": "reader", "distribution_name": "shelf", "author": "Ann"}
PLUGIN = "src/sinetstream_shelf/plugin.py"
BROKER = "src/sinetstream_shelf/broker.py"
WORKFLOW = ".github/workflows/ci.yml"


def replace(path: Path, old: str, new: str) -> None:
    """Replace what must be there, once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def old_template(tmp_path: Path) -> Path:
    """The template as it might have been: other words, a file that went, one that was to come."""
    template = shutil.copytree(template_folder(), tmp_path / "template")
    replace(template / "cookiecutter.json", f'"{template_version()}"', '"0.0.1"')
    project = template / "{{cookiecutter.distribution_name}}"
    own = project / "_kind" / "in-process" / "src" / "{{cookiecutter.__package}}"
    replace(own / "broker.py", "All topics. One condition guards them", "One condition")
    replace(own / "plugin.py", "Each ``next()`` waits the whole time anew", "Each waits anew")
    replace(project / "pyproject.toml", '"RET", ', "")
    replace(project / WORKFLOW, "timeout-minutes: 20", "timeout-minutes: 10")
    (project / "CHANGELOG.md").unlink()
    for name in ("OLD.md", "NOTES.md"):
        (project / name).write_text("once of use\n", encoding="utf-8")
    return template


@pytest.fixture
def old_project(old_template: Path, tmp_path: Path) -> Path:
    """A project that the old template made, not yet changed."""
    return new_project(ANSWERS, tmp_path, template_dir=old_template)


def change_by_hand(project: Path) -> None:
    """What an author does: a parameter, a module, a dependency; files gone and rewritten."""
    replace(
        project / PLUGIN,
        "        self._timeout_s = self.params.receive_timeout_s()\n",
        "        self._timeout_s = self.params.receive_timeout_s()\n"
        "        self._depth = DEPTH if self._timeout_s else 0\n",
    )
    replace(
        project / PLUGIN,
        "import Message, Subscription, broker\n",
        "import Message, Subscription, broker\nfrom sinetstream_shelf.depth import DEPTH\n",
    )
    (project / "src/sinetstream_shelf/depth.py").write_text("DEPTH = 3\n", encoding="utf-8")
    replace(project / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    replace(project / "NOTES.md", "once", "always")
    (project / WORKFLOW).unlink()


def git(project: Path, *arguments: str) -> None:
    """Run git in the project."""
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(
        ["git", *who, *arguments], cwd=project, check=True, capture_output=True, timeout=60
    )


def commit(project: Path) -> None:
    """Commit all there is."""
    if not (project / ".git").exists():
        git(project, "init")
    git(project, "add", "--all")
    git(project, "commit", "--message", "all of it")


def test_what_becomes_of_each_file(old_project: Path) -> None:
    """Every file gets what is new and keeps what the author did, and the report says so."""
    change_by_hand(old_project)
    commit(old_project)
    report = update_project(old_project)
    assert report == UpdateReport(
        from_version="0.0.1",
        to_version=template_version(),
        updated=[BROKER],
        merged=["pyproject.toml", PLUGIN],
        added=["CHANGELOG.md"],
        removed=["OLD.md"],
        kept=["NOTES.md"],
        left_deleted=[WORKFLOW],
    )
    assert report.status == 0
    assert (old_project / "CHANGELOG.md").is_file()
    assert (old_project / "NOTES.md").read_text(encoding="utf-8") == "always of use\n"
    assert not (old_project / "OLD.md").exists()
    assert not (old_project / WORKFLOW).exists()
    plugin = (old_project / PLUGIN).read_text(encoding="utf-8")
    assert "Each ``next()`` waits the whole time anew" in plugin
    assert "self._depth = DEPTH" in plugin
    manifest = (old_project / "pyproject.toml").read_text(encoding="utf-8")
    assert '"RET", ' in manifest
    assert 'version = "0.2.0"' in manifest


def test_an_old_project_is_updated_and_green(old_project: Path, workshop: Workshop) -> None:
    """Made by an older template, changed by hand and updated, it is judged, linted and typed."""
    change_by_hand(old_project)
    update_project(old_project)
    python = workshop.install(old_project, old_project.parent / "venv")
    workshop.judge(old_project, python, ["reader"])
    workshop.lint(old_project)
    workshop.check_types(old_project, python)


def test_a_second_update_changes_nothing(old_project: Path) -> None:
    """The record is written anew, so that the same changes are not merged again."""
    change_by_hand(old_project)
    update_project(old_project)
    before = {path: path.read_bytes() for path in old_project.rglob("*") if path.is_file()}
    report = update_project(old_project)
    version = template_version()
    assert report.lines() == [f"template {version} -> {version}: nothing to change"]
    assert before == {path: path.read_bytes() for path in old_project.rglob("*") if path.is_file()}


def test_an_unchanged_project_becomes_a_new_one(old_project: Path, tmp_path: Path) -> None:
    """Where the author did nothing, an update makes what the template would make today."""
    update_project(old_project)
    fresh = new_project(ANSWERS, tmp_path / "fresh")
    assert _contents(old_project) == _contents(fresh)


def _contents(project: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file()
    }


def test_a_conflict_is_marked_and_told_of(old_project: Path) -> None:
    """Where both changed the same line both stand there, and the exit status is 1."""
    replace(old_project / BROKER, "One condition, so", "No condition, so")
    report = update_project(old_project)
    assert report.conflicts == [BROKER]
    assert report.status == 1
    assert f"CONFLICT: {BROKER}" in report.lines()
    text = (old_project / BROKER).read_text(encoding="utf-8")
    assert "<<<<<<< yours\n" in text
    assert f">>>>>>> template {template_version()}\n" in text
    assert "No condition" in text
    assert "All topics. One condition guards them" in text


def test_a_file_of_the_same_name_is_a_conflict(old_project: Path) -> None:
    """What is new in the template does not replace what the author put in that place."""
    (old_project / "CHANGELOG.md").write_text("mine\n", encoding="utf-8")
    report = update_project(old_project)
    assert report.conflicts == ["CHANGELOG.md"]
    assert "mine" in (old_project / "CHANGELOG.md").read_text(encoding="utf-8")


def test_uncommitted_changes_stop_it(old_project: Path) -> None:
    """What is not committed could not be told from the update; forcing goes on all the same."""
    commit(old_project)
    replace(old_project / "README.md", "## Licence", "## License")
    before = _contents(old_project)
    with pytest.raises(UpdateError, match=r"1 uncommitted changes in .*README\.md among them"):
        update_project(old_project)
    assert _contents(old_project) == before
    assert BROKER in update_project(old_project, force=True).updated


def test_a_newer_project_is_not_put_back(old_project: Path, old_template: Path) -> None:
    """A template that is older than the project's is refused."""
    update_project(old_project)
    with pytest.raises(UpdateError, match=r"and this one is 0\.0\.1; install a newer"):
        update_project(old_project, old_template)


def test_an_installed_project_is_updated(
    old_project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That the plugin is installed, even under another distribution name, is no clash."""
    info = tmp_path / "site" / "renamed-1.0.dist-info"
    info.mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: renamed\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    entry = "[sinetstream.reader]\nshelf = shelf:Reader\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(info.parent))
    assert BROKER in update_project(old_project).updated


def test_more_roles_by_the_record(tmp_path: Path) -> None:
    """Answers changed in the record take effect: so does a plugin get roles that it had not."""
    project = new_project(ANSWERS, tmp_path)
    replace(project / RECORD, '"roles": "reader"', '"roles": "all"')
    report = update_project(project)
    assert report.status == 0
    assert "ShelfAsyncWriter" in (project / PLUGIN).read_text(encoding="utf-8")


def test_a_folder_without_a_record(tmp_path: Path) -> None:
    """The message says what kind of folder is meant."""
    with pytest.raises(UpdateError, match=f"no {RECORD} in .*sinetstream-sdk new"):
        update_project(tmp_path)


DAMAGED = {
    "no JSON": ("{", "cannot be read"),
    "no mapping": ("[]", "lacks one of template_version, answers, files"),
    "lacking": ('{"answers": {}, "files": ""}', "lacks one of"),
    "answers": ('{"template_version": "0.0.1", "answers": 1, "files": ""}', "no mapping"),
    "files": ('{"template_version": "0.0.1", "answers": {}, "files": "eA=="}', "unpacked"),
}


@pytest.mark.parametrize(("text", "words"), DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_record(tmp_path: Path, text: str, words: str) -> None:
    """The message says what is wrong and where the record can be had again."""
    (tmp_path / RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(UpdateError, match=f"{words}.*; restore it from git"):
        update_project(tmp_path)


def test_a_record_that_points_outside(old_project: Path) -> None:
    """A path that leads out of the project is refused, and nothing is written."""
    packed = zlib.compress(json.dumps({"../out": "text"}).encode())
    values = json.loads((old_project / RECORD).read_text(encoding="utf-8"))
    values["files"] = base64.b64encode(packed).decode()
    (old_project / RECORD).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UpdateError, match=r"'\.\./out', which is outside the project"):
        update_project(old_project)


def test_a_template_that_refuses_the_answers(old_project: Path) -> None:
    """What the new template does not take stops the update before anything is written."""
    replace(old_project / RECORD, '"kind": "in-process"', '"kind": "carrier-pigeon"')
    before = _contents(old_project)
    with pytest.raises(UpdateError, match="carrier-pigeon provided for choice variable kind"):
        update_project(old_project)
    assert _contents(old_project) == before
