"""A call that hangs is a failure that shows where the plugin is stuck, and the run goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sinetstream_conformance import Harness, Report, Verdict, check
from sinetstream_conformance.render import failure_block


@pytest.fixture
def impatient(plugins: Path) -> Harness:
    """The harness of the plugins in memory, but a call counts as hung after 1.5 seconds."""
    from sinetstream_broken.correct import MemoryHarness

    class Impatient(MemoryHarness):
        capabilities = dataclasses.replace(
            MemoryHarness.capabilities,
            call_within_s=1.5,
            ready_within_s=1.0,
            delivered_within_s=1.0,
        )

    return Impatient()


def judged(name: str, harness: Any, role: str, *rules: str) -> tuple[Report, str]:
    """The report on a plugin, and all its blocks in one."""
    report = check(name, harness=harness, roles=[role], rules=rules, seed=1)
    return report, "\n\n".join(failure_block(outcome) for outcome in report.outcomes)


@pytest.mark.parametrize(
    ("name", "role", "call", "hangs", "goes_on"),
    [
        ("next-hangs", "reader", "next()", "READ-TIMEOUT", "READ-TUPLE"),
        ("close-hangs", "reader", "reader.close()", "LIFE-CLOSE", "READ-ITERATOR"),
        ("publish-hangs", "writer", "writer.publish()", "WRITE-CLOSED", "CTOR-NOMUTATE"),
        ("async-publish-hangs", "async_writer", "publish()", "AWRITE-NONBLOCK", "CTOR-NOMUTATE"),
        ("async-writer-close-hangs", "async_writer", "close()", "AWRITE-CLOSE", "AWRITE-PROMISE"),
        ("async-reader-close-hangs", "async_reader", "close()", "AREAD-CLOSE", "READ-TOPIC"),
    ],
)
def test_a_hanging_call_fails_and_the_run_goes_on(
    name: str, role: str, call: str, hangs: str, goes_on: str, impatient: Harness
) -> None:
    """The rule that is about the call fails with the plugin's stack; another rule still passes."""
    report, shown = judged(name, impatient, role, hangs, goes_on)
    verdicts = {(o.rule, o.verdict) for o in report.outcomes}
    assert (hangs, Verdict.FAIL) in verdicts, shown
    assert (goes_on, Verdict.PASS) in verdicts, shown
    assert not any(verdict is Verdict.KIT_ERROR for _, verdict in verdicts), shown
    failed = [o for o in report.outcomes if o.rule == hangs and o.verdict is Verdict.FAIL]
    for outcome in failed:
        assert call in outcome.observed, shown
        assert "still running after" in outcome.observed, shown
        assert "hanging.py" in outcome.trace, shown
        assert "wait_for_the_broker()" in outcome.trace, shown
        assert "sinetstream_conformance" not in outcome.trace, shown


def test_cleaning_up_after_a_hanging_close_is_noted_and_gets_shorter(impatient: Harness) -> None:
    """A check whose own rule holds passes with a note; the kit soon waits less for a close()."""
    rules = ("READ-TUPLE", "READ-BYTES", "READ-TOPIC", "READ-RAW", "READ-ITERATOR")
    report, shown = judged("close-hangs", impatient, "reader", *rules)
    assert {o.verdict for o in report.outcomes} == {Verdict.PASS}, shown
    notes = [note for o in report.outcomes for note in o.notes]
    assert len(notes) >= len(rules), shown
    assert "close() was still running after 1.5 s" in notes[0]
    assert "close() was still running after 0.3 s" in notes[-1]
