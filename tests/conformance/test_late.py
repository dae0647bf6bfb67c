"""A callback after close() and after the end of a check is charged to the check that caused it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sinetstream_conformance import Verdict, check
from sinetstream_conformance.render import failure_block

RUN_TIMEOUT_S = 60.0
ROLE = "async_reader"


def test_a_late_callback_fails_the_check_that_caused_it(plugins: Path) -> None:
    """The check that had messages delivered fails, though it had passed; the next one does not."""
    rules = ["AREAD-ON-MESSAGE", "AREAD-OPEN"]
    report = check("calls-back-late", rules=rules, roles=[ROLE], seed=1)
    verdicts = {outcome.rule: outcome.verdict for outcome in report.outcomes}
    assert verdicts == {"AREAD-ON-MESSAGE": Verdict.FAIL, "AREAD-OPEN": Verdict.PASS}
    block = failure_block(report.outcomes[0])
    assert "no callback once close() has returned (AREAD-CLOSE)" in block
    assert "on_message was called after close() and after the check had ended" in block
    assert "let close() wait until the delivering thread has ended" in block
    assert report.exit_code == 1


def test_a_run_with_a_late_callback_fails(plugins: Path, tmp_path: Path) -> None:
    """Under pytest the test has passed already; the run fails, and its report tells why."""
    target = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            *("--sinetstream-plugin=calls-back-late", f"--sinetstream-role={ROLE}"),
            *("--sinetstream-rule=AREAD-ON-MESSAGE", f"--sinetstream-report={target}"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "after the check had ended" in " ".join(done.stdout.split())
    (report,) = json.loads(target.read_text(encoding="utf-8"))
    assert [outcome["verdict"] for outcome in report["outcomes"]] == ["FAIL"]


def test_what_follows_a_close_that_never_returned_is_not_late(plugins: Path) -> None:
    """A hanging close() is reported as such; the callbacks that go on are no second fault."""
    report = check("async-reader-close-hangs", rules=["AREAD-OPEN"], roles=[ROLE], seed=1)
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.PASS]
    assert "close() was still running" in report.outcomes[0].notes[0]


def test_a_correct_reader_is_charged_with_nothing(plugins: Path) -> None:
    """Callbacks that run while the check cleans up are not late."""
    report = check("memory", rules=["AREAD-ON-MESSAGE", "AREAD-BLOCKED"], roles=[ROLE], seed=1)
    assert {outcome.verdict for outcome in report.outcomes} == {Verdict.PASS}
