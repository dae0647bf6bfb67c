"""Errors that have no caller: passed to on_failure, or logged without a flood."""

from __future__ import annotations

import pytest

from sinetstream_sdk import failures
from sinetstream_sdk.failures import FailureReport, LastError


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [0.0]
    monkeypatch.setattr(failures.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def report(clock):
    return FailureReport("Owner")


def test_passed_to_on_failure(report, caplog):
    """Every error is passed on, and nothing is logged."""
    seen: list = []
    errors = [OSError(), OSError(), OSError()]
    for error in errors:
        report.report(error, "origin", seen.append)
    report.flush()
    assert seen == errors
    assert not caplog.records


def test_one_entry_in_a_while(report, clock, caplog):
    """The first error is logged at once, the next after five seconds, with the number between."""
    for clock[0] in (0.0, 1.0, 4.9, 5.1, 6.0, 30.0, 60.0):
        report.report(OSError(clock[0]), "origin", None)
    assert [(r.message, str(r.exc_info[1])) for r in caplog.records] == [
        ("Owner: origin raised", "0.0"),
        ("Owner: origin raised (2 more since the last report)", "5.1"),
        ("Owner: origin raised (1 more since the last report)", "30.0"),
        ("Owner: origin raised", "60.0"),
    ]


def test_kinds_and_origins_are_kept_apart(report, caplog):
    """An error of another type or origin is logged at once."""
    report.report(OSError(), "here", None)
    report.report(OSError(), "there", None)
    report.report(KeyError(), "there", None)
    assert len(caplog.records) == 3


def test_flush(report, caplog):
    """flush() tells of what has been counted, once, and begins anew."""
    for _ in range(3):
        report.report(OSError(), "origin", None)
    report.flush()
    report.flush()
    assert [r.message for r in caplog.records[1:]] == [
        "Owner: origin raised OSError another 2 times"
    ]
    report.report(OSError("anew"), "origin", None)
    assert str(caplog.records[-1].exc_info[1]) == "anew"


def test_the_last_error_that_a_client_logs_is_kept(caplog):
    """Lesser lines are not, and nothing reaches the program's own log."""
    kept = LastError("client")
    assert kept.text == ""
    kept.error("failed %d times", 3)
    kept.info("going on")
    assert kept.text == "failed 3 times"
    assert not caplog.records
