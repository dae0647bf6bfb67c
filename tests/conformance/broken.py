"""What the tests know of the broken plugins before any of them is installed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from fabricated import FABRICATED

PROJECT = Path(__file__).resolve().parents[1] / "broken_plugins"
SOURCE = PROJECT / "src" / "sinetstream_broken"


def broken() -> list[Any]:
    """A mark for each rule that each broken plugin breaks, the fabricated ones included."""
    read = runpy.run_path(str(SOURCE / "marking.py"))["marks"]
    return [*read(SOURCE), *FABRICATED]


def correct() -> dict[str, Any]:
    """The correct plugins by name."""
    found: dict[str, Any] = runpy.run_path(str(PROJECT / "entry_points.py"))["CORRECT"]
    return found
