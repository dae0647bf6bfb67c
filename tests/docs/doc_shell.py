"""A shell in which the commands of a page run as a reader types them.

The reader's environment is a virtual environment with the SDK installed from an index. Here a
virtual environment sees the packages of this test run in place of the index: no download, and the
code that is tested is this checkout's. What is installed on top goes into the virtual environment
itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import textwrap
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

PTH = "_docs.pth"
SCRIPTS = ("pip", "pytest", "sinetstream-sdk", "ruff", "mypy")
_KEPT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def overlay(venv: Path) -> None:
    """Let a virtual environment see the packages and the commands of this test run."""
    here = sysconfig.get_path("purelib")
    (site,) = venv.glob("lib/python3*/site-packages")
    (site / PTH).write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")
    for point in entry_points(group="console_scripts"):
        script = venv / "bin" / point.name
        if point.name in SCRIPTS and not script.exists():
            text = f"""\
                #!{venv}/bin/python
                import sys
                from {point.module} import {point.attr}
                sys.exit({point.attr}())
                """
            script.write_text(textwrap.dedent(text), encoding="utf-8")
            script.chmod(0o755)
    ruff = Path(sysconfig.get_path("scripts"), "ruff")
    if ruff.exists() and not (venv / "bin" / "ruff").exists():
        (venv / "bin" / "ruff").symlink_to(ruff)


def make_venv(path: Path) -> Path:
    """An environment in which the SDK is installed with all its extras."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(path)]
    subprocess.run(command, check=True, timeout=120)
    overlay(path)
    return path


@dataclass
class Shell:
    """Runs commands one after another; the folder and the environment carry over."""

    folder: Path
    state: Path
    venv: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {k: v for k, v in os.environ.items() if k not in _KEPT_OUT}
        self.environment |= {
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as "no": it is the option's own negation
            "PIP_NO_INDEX": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "PYTHONNOUSERSITE": "1",
            "NO_COLOR": "1",
            "COLUMNS": "100",
        }
        if self.venv is not None:
            path = self.environment["PATH"]
            self.environment["PATH"] = f"{self.venv / 'bin'}{os.pathsep}{path}"
            self.environment["VIRTUAL_ENV"] = str(self.venv)
        else:
            # the interpreter of this test run is the reader's `python`
            commands = self.state / "bin"
            commands.mkdir(parents=True, exist_ok=True)
            (commands / "python").symlink_to(Path(sys._base_executable))  # type: ignore[attr-defined]
            path = self.environment["PATH"]
            self.environment["PATH"] = f"{commands}{os.pathsep}{path}"
        self.state.mkdir(parents=True, exist_ok=True)

    def run(self, command: str, timeout_s: float = 300.0) -> tuple[int, str]:
        """Run a command; its exit code, and what it writes to stdout and stderr."""
        where, environment = self.state / "folder", self.state / "environment"
        script = f"{command}\nstatus=$?\npwd > '{where}'\nenv -0 > '{environment}'\nexit $status\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        self.folder = Path(where.read_text(encoding="utf-8").strip())
        pairs = environment.read_text(encoding="utf-8").split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        active = Path(self.environment.get("VIRTUAL_ENV", self.state))
        if (active / "pyvenv.cfg").exists() and not list(active.glob(f"lib/*/*/{PTH}")):
            overlay(active)
        return done.returncode, done.stdout
