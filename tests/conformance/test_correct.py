"""The kit blames no correct plugin, whatever its delivery model and however it is written."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from broken import correct
from fabricated import WELL_PACKAGED

from sinetstream_conformance import Verdict, check

JUDGE_TIMEOUT_S = 600.0


AT_ONCE = 4
"""How many are judged side by side: checks mostly wait, and are right on a busy machine too."""
PART = {"lingering": ("--sinetstream-rule=READ-*", "--sinetstream-role=reader")}
"""Of a plugin that takes its time only what that matters for is judged."""


@dataclass(frozen=True)
class Judged:
    """What became of judging one plugin."""

    status: int
    output: str
    report: dict[str, Any]


@pytest.fixture(scope="module")
def judged(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    """Each correct plugin judged, in a process of its own."""
    folder = tmp_path_factory.mktemp("correct")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(correct(), pool.map(partial(judge, folder), correct()), strict=True))


def judge(folder: Path, name: str) -> Judged:
    """Judge a plugin from a shell, as its author would."""
    target = folder / f"{name}.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            *(f"--sinetstream-plugin={name}", f"--sinetstream-report={target}"),
            *PART.get(name, ()),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=JUDGE_TIMEOUT_S,
        check=False,
    )
    output = done.stdout + done.stderr
    (report,) = json.loads(target.read_text(encoding="utf-8")) if target.exists() else ({},)
    return Judged(done.returncode, output, report)


@pytest.mark.parametrize("name", correct())
def test_correct_plugin_is_conformant_strict(name: str, judged: dict[str, Judged]) -> None:
    """Judged by all rules, unless PART names some, it is CONFORMANT STRICT in each of its roles."""
    seen = judged[name]
    assert seen.status == 0, seen.output
    verdicts = {outcome["verdict"] for outcome in seen.report["outcomes"]}
    assert verdicts <= {"PASS", "SKIP"}, seen.output
    roles = {role: said for role, said in seen.report["standing"].items() if role != "package"}
    assert set(roles.values()) == {"CONFORMANT STRICT"}, seen.output


def test_packaging_done_right_is_not_blamed(plugins: Path) -> None:
    """Optional imports, imports of its own, a sibling plugin with a near name: all are fine."""
    report = check(WELL_PACKAGED.plugin, rules=["PKG-*"])
    assert {outcome.verdict for outcome in report.outcomes} == {Verdict.PASS}, str(report)
