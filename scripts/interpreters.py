"""Find every Python from 3.11 on that this machine has, and run a command once for each.

    python scripts/interpreters.py                  list what was found
    python scripts/interpreters.py make test        run ``make test`` with each of them

The command gets ``PYTHON=<path>`` and ``VENV=.venv-3.N`` appended, which the Makefile understands.
Only the standard library is used. The exit status is 1 if the command failed for any of them.
"""

# ruff: noqa: T201 - a command-line tool talks through print

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
NAME = re.compile(r"python3\.(\d+)")
SYSTEM_FOLDERS = ("/usr/bin", "/usr/local/bin")
PROBE = """\
import sys
if sys.implementation.name == "cpython" and sys.prefix == sys.base_prefix:
    import ensurepip, venv
    print(*sys.version_info[:2], sys.executable)
"""
PROBE_TIMEOUT_S = 30


def candidates() -> Iterator[Path]:
    """Every file that may be a Python, those that the user's PATH names first."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted((pyenv_root() / "versions").glob("*/bin"), reverse=True)
    folders += [Path(folder) for folder in SYSTEM_FOLDERS]
    folders += sorted(Path("/opt").glob("python*/bin"))
    for folder in folders:
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if new_enough(path.name))
    yield Path(sys.executable)


def new_enough(name: str) -> bool:
    """Whether a file of this name should be a Python from :data:`OLDEST` on."""
    match = NAME.fullmatch(name)
    return match is not None and (OLDEST[0], int(match[1])) >= OLDEST


def pyenv_root() -> Path:
    """Where pyenv keeps its versions, whether or not it is there."""
    if shutil.which("pyenv"):
        asked = subprocess.run(
            ["pyenv", "root"], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
        if asked.returncode == 0 and asked.stdout.strip():
            return Path(asked.stdout.strip())
    return Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))


def probe(path: Path) -> tuple[tuple[int, int], Path] | None:
    """The version and the real path of the CPython at ``path``.

    None if it does not run, as a pyenv shim may not; if it cannot make virtual environments, as
    without the package that some systems keep that in; or if it belongs to one itself, which may be
    gone by the time it is needed.
    """
    try:
        asked = subprocess.run(
            [path, "-c", PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = asked.stdout.split(maxsplit=2)
    if asked.returncode != 0 or len(answer) != 3:
        return None
    return (int(answer[0]), int(answer[1])), Path(answer[2].strip())


def find() -> dict[tuple[int, int], Path]:
    """One interpreter for each minor version from :data:`OLDEST` on, in ascending order."""
    found: dict[tuple[int, int], Path] = {}
    for path in candidates():
        known = probe(path)
        if known is not None and known[0] >= OLDEST:
            found.setdefault(*known)
    return dict(sorted(found.items()))


def run_each(command: list[str], found: dict[tuple[int, int], Path]) -> bool:
    """Run ``command`` for each interpreter, then print a summary; True if all went well."""
    lines = []
    for (major, minor), path in found.items():
        name = f"{major}.{minor}"
        print(f"\n===== Python {name}: {path}", flush=True)
        started = time.monotonic()
        status = subprocess.run(
            [*command, f"PYTHON={path}", f"VENV=.venv-{name}"], check=False
        ).returncode
        verdict = "passed" if status == 0 else f"FAILED (status {status})"
        lines.append(f"Python {name:5} {verdict:20} {time.monotonic() - started:5.0f} s  {path}")
    print("\n===== summary", *lines, sep="\n", flush=True)
    return not any("FAILED" in line for line in lines)


def main() -> int:
    """List the interpreters, or run the command given on the command line with each."""
    found = find()
    if not found:
        print("no Python 3.11 or newer was found on this machine", file=sys.stderr)
        return 1
    if len(sys.argv) == 1:
        for (major, minor), path in found.items():
            print(f"{major}.{minor}  {path}")
        return 0
    return 0 if run_each(sys.argv[1:], found) else 1


if __name__ == "__main__":
    sys.exit(main())
