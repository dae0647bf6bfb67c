"""``sinetstream-sdk new`` and ``update``: what the command adds to the template's own functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_program import Run


def test_a_project_is_made_where_it_is_wanted(run: Run, tmp_path: Path) -> None:
    """The answers given are used, and the next step is named."""
    arguments = ["mybroker", "--kind=wrap", "--roles=reader,writer", "--author=A. Person"]
    done = run("new", *arguments, "--defaults", f"--into={tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    project = tmp_path / "sinetstream-plugin-mybroker"
    metadata = (project / "pyproject.toml").read_text(encoding="utf-8")
    assert 'name = "A. Person"' in metadata
    assert "sinetstream.writer" in metadata
    assert "sinetstream.async_writer" not in metadata
    assert f"cd {project} && pip install -e '.[test]' && pytest" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["My-Broker", "--defaults"], "'my_broker' would do"),
        (["queue", "--defaults"], "standard library"),
        (["mybroker", "--kind=wrapp", "--defaults"], "did you mean 'wrap'?"),
        (["mybroker", "--roles=raeder", "--defaults"], "did you mean 'reader'?"),
        (["mybroker"], "as options"),
        (["my broker"], "'my_broker' would do"),
        (["my broker", "--defaults"], "'my_broker' would do"),
    ],
    ids=str,
)
def test_refused_answers_are_exit_code_2(run: Run, arguments: list[str], words: str) -> None:
    """One line says what to write, and no file is made; without a terminal nobody is asked."""
    done = run("new", *arguments)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def test_questions_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --defaults the answers given stand as defaults for the questions."""
    from click.testing import CliRunner

    from sinetstream_cli.commands import cli

    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["new", "asked"], input="\n\nN. Body\nwriter\n1\n2\n")
    assert result.exit_code == 0, result.output
    metadata = Path("sinetstream-plugin-asked", "pyproject.toml").read_text(encoding="utf-8")
    assert 'license = "MIT"' in metadata
    assert 'name = "N. Body"' in metadata


def test_an_update_with_nothing_to_do(run: Run, tmp_path: Path) -> None:
    """A project of today's template is up to date."""
    assert run("new", "mybroker", "--defaults", f"--into={tmp_path}").returncode == 0
    done = run("update", str(tmp_path / "sinetstream-plugin-mybroker"))
    assert done.returncode == 0, done.stderr
    assert "nothing to change" in done.stdout


def test_an_update_of_what_is_no_project(run: Run, tmp_path: Path) -> None:
    """Exit code 2, and one line."""
    done = run("update", str(tmp_path))
    assert done.returncode == 2
    assert "sinetstream-sdk new" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_conflicts_are_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are listed, for the author has to choose."""
    from click.testing import CliRunner

    from sinetstream_cli import updating
    from sinetstream_cli.commands import cli

    report = updating.UpdateReport("0.1.0", "0.2.0", conflicts=["src/x.py"])
    monkeypatch.setattr(updating, "update_project", lambda folder, force: report)
    result = CliRunner().invoke(cli, ["update"])
    assert result.exit_code == 1
    assert "CONFLICT: src/x.py" in result.stdout
