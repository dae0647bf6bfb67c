"""Official plugins are judged like any others: they get a report, and the kit does not break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from environments import Venv, Wheels, make_venv

HARNESS = '''\
import threading
from collections import deque

from sinetstream_conformance import Harness


class Pipe:
    """What the plugin takes for a file: reading gives what was written, a piece at a time."""

    def __init__(self):
        self._pieces = deque()

    def write(self, data):
        self._pieces.append(bytes(data))

    def read(self):
        return self._pieces.popleft() if self._pieces else b""


PIPE = Pipe()


class PipeHarness(Harness):
    def describe(self):
        return "a pipe in this process"

    def params(self, role):
        return {"type_spec": {"iobase": PIPE}}
'''


@pytest.fixture(scope="module")
def official_venv(index: None, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """The published package with an official plugin that needs no broker, and the kit."""
    venv = make_venv(tmp_path_factory.mktemp("official") / "venv")
    venv.install(
        f"{wheels.sdk}[conformance]",
        wheels.queue,
        "sinetstream==1.10.*",
        "sinetstream-iostream==1.10.*",
    )
    return venv


def report_of(folder: Path) -> dict[str, Any]:
    (report,) = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert isinstance(report, dict)
    return report


def verdicts(report: dict[str, Any]) -> set[str]:
    return {outcome["verdict"] for outcome in report["outcomes"]}


def test_without_its_parameters_it_is_unjudged_and_told_what_to_give(
    official_venv: Venv, tmp_path: Path
) -> None:
    """A plugin that needs what nobody gave is not blamed; the report says what to give."""
    ran = official_venv.judge("iostream", "--sinetstream-report=report.json", cwd=tmp_path)
    report = report_of(tmp_path)
    assert ran.status == 1, str(ran)
    assert verdicts(report) == {"PASS", "INCONCLUSIVE"}
    assert set(report["standing"].values()) >= {"INCONCLUSIVE"}
    assert "type_spec.iobase must be specified" in " ".join(ran.out.split())
    assert "--sinetstream-param" in ran.out


def test_with_a_harness_it_gets_a_report(official_venv: Venv, tmp_path: Path) -> None:
    """With a harness its rules are judged, and each failure is explained; none is the kit's own."""
    (tmp_path / "pipe_harness.py").write_text(HARNESS, encoding="utf-8")
    ran = official_venv.judge(
        "iostream",
        "--sinetstream-harness=pipe_harness:PipeHarness",
        "--sinetstream-report=report.json",
        cwd=tmp_path,
    )
    report = report_of(tmp_path)
    assert "KIT-ERROR" not in verdicts(report), str(ran)
    assert report["standing"]["reader"] == "NOT CONFORMANT"
    failed = {o["rule"]: o for o in report["outcomes"] if o["verdict"] == "FAIL"}
    assert "iterator without __iter__" in failed["READ-ITERATOR"]["cause"]
    assert all(outcome["mend"] and outcome["replay"] for outcome in failed.values())


def test_our_plugin_runs_through_the_published_host(official_venv: Venv, tmp_path: Path) -> None:
    """--sinetstream-host=published runs the HOST rules through the real package."""
    ran = official_venv.judge(
        "queue",
        *("--sinetstream-rule=HOST-*", "--sinetstream-host=published"),
        "--sinetstream-report=report.json",
        cwd=tmp_path,
    )
    assert ran.status == 0, str(ran)
    assert "HOST rules run through the published host" in ran.out
    assert verdicts(report_of(tmp_path)) == {"PASS", "SKIP"}
    assert "does not verify what it decrypts" in ran.out
