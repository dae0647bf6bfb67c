"""The whole kit on one plugin, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

WITHIN_S = 600.0
ROLES = ("reader", "writer", "async_reader", "async_writer")


def judge(plugin: str, folder: Path, *options: str) -> tuple[str, set[str]]:
    """What a run of the kit prints, and the rules that it skipped.

    The plugin must be strictly conformant in all four roles.
    """
    target = folder / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            *(f"--sinetstream-plugin={plugin}", f"--sinetstream-report={target}", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for role in ROLES:
        assert f"{plugin} {role:<13} CONFORMANT STRICT" in done.stdout
    reports: list[dict[str, Any]] = json.loads(target.read_text(encoding="utf-8"))
    outcomes = [outcome for report in reports for outcome in report["outcomes"]]
    return done.stdout, {one["rule"] for one in outcomes if one["verdict"] == "SKIP"}
