"""The benchmark of the plugins runs; how fast they are is not judged here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.brokers.table import ABSENT
from environments import ROOT, run

PAGE = """\
# Page

<!-- measured: mqtt -->
old
<!-- end: mqtt -->

More.
"""
TINY = ("--rounds", "1", "--slice-s", "0.01", "--read-mqtt", "30", "--read-kafka", "30")
ROLES = ("writer", "async_writer", "reader", "async_reader")


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def measure(system: str, *more: str) -> str:
    """What the benchmark prints for one system."""
    command = [sys.executable, "-m", "bench.brokers", "--systems", system, *TINY, *more]
    return run(command, cwd=ROOT, timeout_s=180.0).ok()


def check(text: str) -> None:
    """Every role is measured with both payloads, for both contenders that are there."""
    found = rows(text)
    assert [row[:2] for row in found] == [[r, s] for r in ROLES for s in ("100 B", "1 KiB")]
    for _, _, ours, official, bare, *_ in found:
        assert float(ours.replace(",", "")) > 0
        assert float(bare.replace(",", "")) > 0
        assert official == ABSENT


@pytest.mark.usefixtures("mosquitto_installed")
def test_mqtt(tmp_path: Path) -> None:
    """All roles are measured, and the table goes to its place in the page."""
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    check(measure("mqtt", "--into", str(page)))
    text = page.read_text(encoding="utf-8")
    check(text)
    assert "old" not in text
    assert "mosquitto 2" in text
    assert text.endswith("<!-- end: mqtt -->\n\nMore.\n")
