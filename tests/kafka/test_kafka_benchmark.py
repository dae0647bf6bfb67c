"""The benchmark of the Kafka plugin runs; how fast it is is not judged here."""

from __future__ import annotations

import sys

import pytest

from environments import ROOT, run

TINY = ("--rounds", "1", "--slice-s", "0.01", "--read-kafka", "30")


@pytest.mark.usefixtures("apache_installed")
def test_kafka() -> None:
    """All roles are measured with both payloads."""
    command = [sys.executable, "-m", "bench.brokers", "--systems", "kafka", *TINY]
    printed = run(command, cwd=ROOT, timeout_s=180.0).ok()
    lines = [line for line in printed.splitlines() if "B |" in line]
    assert len(lines) == 8
    assert all(float(line.split("|")[3].replace(",", "")) > 0 for line in lines)
