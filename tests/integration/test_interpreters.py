"""The script behind ``make test-all``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from environments import ROOT, Ran, run

SCRIPT = ROOT / "scripts" / "interpreters.py"
THIS = f"3.{sys.version_info.minor}"


def interpreters(folder: Path, *command: str) -> Ran:
    """Run the script with ``folder`` first on the PATH."""
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return run([sys.executable, SCRIPT, *command], cwd=folder, env={"PATH": path})


def executable(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_the_running_version_is_found_outside_its_environment() -> None:
    """Each version is listed once, with the interpreter that environments are made from."""
    lines = interpreters(Path(sys.executable).parent).ok().splitlines()
    found = dict(line.split(maxsplit=1) for line in lines)
    assert THIS in found
    assert len(found) == len(lines)
    for path in found.values():
        assert not (Path(path).parent.parent / "pyvenv.cfg").exists()


def test_what_does_not_run_is_passed_over(tmp_path: Path) -> None:
    """A shim that fails and a Python too old are not listed; one that runs is, by its path."""
    executable(tmp_path / "python3.97", "echo 3 97 /somewhere/python3.97; exit 127")
    executable(tmp_path / "python3.98", "echo 3 10 /somewhere/python3.10")
    executable(tmp_path / "python3.99", "echo 3 99 /somewhere/python3.99")
    out = interpreters(tmp_path).ok()
    assert "3.99  /somewhere/python3.99\n" in out
    assert not {"3.97", "3.98", "3.10"} & {line.split()[0] for line in out.splitlines()}


def test_a_failure_with_one_interpreter_fails_the_whole(tmp_path: Path) -> None:
    """The command gets PYTHON and VENV for each; the summary tells them apart."""
    executable(tmp_path / "python3.99", "echo 3 99 /somewhere/python3.99")
    executable(tmp_path / "only", 'echo "got $1 $2"; test "$2" != VENV=.venv-3.99')
    ran = interpreters(tmp_path, str(tmp_path / "only"))
    summary = ran.out.split("===== summary")[1]
    assert ran.status == 1, str(ran)
    assert "got PYTHON=/somewhere/python3.99 VENV=.venv-3.99" in ran.out
    assert f"Python {THIS}  passed" in summary
    assert "Python 3.99  FAILED" in summary
    assert interpreters(tmp_path, "true").status == 0
