"""Programs run in virtual environments of their own, cut off from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALL_TIMEOUT_S = 600.0
JUDGE_TIMEOUT_S = 300.0

KEPT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what would let the checkout or this run of pytest show through."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in KEPT_OUT and not name.startswith(("COV_", "PYTEST_XDIST"))
    }
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"} | dict(extra or {})


@dataclass(frozen=True)
class Ran:
    """What became of a program."""

    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def ok(self) -> str:
        """Its output; the test fails with all of it if the program failed."""
        assert self.status == 0, str(self)
        return self.out


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    timeout_s: float = 60.0,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run a program to its end, under a deadline, cut off from the checkout."""
    try:
        ran = subprocess.run(
            command,
            cwd=cwd,
            env=clean_environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        pytest.fail(
            f"{command} took more than {timeout_s} s\n{expired.stdout!r}\n{expired.stderr!r}"
        )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@dataclass(frozen=True)
class Venv:
    """A virtual environment of its own."""

    path: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def install(self, *requirements: str | Path) -> None:
        """Install with the pip of this run, so that the environment holds nothing but these."""
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet"]
        run([*pip, *requirements], cwd=self.path, timeout_s=INSTALL_TIMEOUT_S).ok()

    def run(self, *arguments: str | Path, cwd: Path, timeout_s: float = 60.0) -> Ran:
        """Run its Python with these arguments."""
        return run([self.python, *arguments], cwd=cwd, timeout_s=timeout_s)

    def judge(self, plugin: str, *options: str, cwd: Path) -> Ran:
        """Judge a plugin that is installed in it, as its author would."""
        command = [self.path / "bin" / "pytest", f"--sinetstream-plugin={plugin}", *options]
        return run(command, cwd=cwd, timeout_s=JUDGE_TIMEOUT_S)


@dataclass(frozen=True)
class Wheels:
    """The wheels built from the checkout."""

    sdk: Path
    queue: Path


def make_venv(path: Path) -> Venv:
    """Make an empty virtual environment."""
    run([sys.executable, "-m", "venv", "--without-pip", path], cwd=path.parent).ok()
    return Venv(path)
