"""What the kit makes of a restart: it waits for those that take their time to be back."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sinetstream_conformance import Verdict, check

BACK_AFTER_S = 3.0


@pytest.mark.parametrize("rule", ["FAULT-AT-MOST-ONCE", "FAULT-AT-LEAST-ONCE"])
def test_a_reader_may_be_back_later_than_the_writer(
    rule: str, plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that is heard of again within its bound is judged, whatever the guarantee."""
    from sinetstream_broken.correct import MemoryHarness, MemoryReader

    class PatientHarness(MemoryHarness):
        capabilities = replace(MemoryHarness.capabilities, recovered_within_s=4 * BACK_AFTER_S)

    take, silent_until = MemoryReader.take, 0.0

    def take_late(self: Any, subscription: Any) -> Any:
        nonlocal silent_until
        if time.monotonic() < silent_until:
            time.sleep(0.05)
            return None
        try:
            return take(self, subscription)
        except Exception:
            silent_until = time.monotonic() + BACK_AFTER_S
            raise

    monkeypatch.setattr(MemoryReader, "take", take_late)
    report = check("memory", harness=PatientHarness, rules=[rule], roles=["writer"], seed=1)
    assert {outcome.verdict for outcome in report.outcomes} == {Verdict.PASS}, str(report)
