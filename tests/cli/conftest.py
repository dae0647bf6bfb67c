"""The command as a program of its own, with made-up distributions on its import path."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from cli_program import PROGRAM, TIMEOUT_S, Run


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder whose distributions the command finds."""
    folder = tmp_path / "installed"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path, installed: Path) -> Run:
    """Run the command in an empty folder."""
    work = tmp_path / "work"
    work.mkdir()

    def program(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COLUMNS"))}
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=work,
            env=kept | {"PYTHONPATH": str(installed)} | extra,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return program
