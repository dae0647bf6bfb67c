"""The tables of ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.brokers.rounds import WORKERS, Row

BARE_TARGET = 0.8
OFFICIAL_TARGETS = {("kafka", "async_writer"): 5.0}
OFFICIAL_TARGET = {"mqtt": 1.0}
ABSENT = "–"  # noqa: RUF001 - a dash, as in any table
HEAD = """\
| role | payload | ours | official | bare client | ours / bare | ours / official | targets |
|---|---|---:|---:|---:|---:|---:|---|
"""


def ratio(row: Row, lower: str) -> float:
    """Ours over another contender: the median of the rounds' own ratios."""
    pairs = zip(row.rates["ours"], row.rates[lower], strict=True)
    return statistics.median(ours / theirs for ours, theirs in pairs)


def verdict(row: Row) -> str:
    """The targets, and which of them are missed."""
    target = OFFICIAL_TARGETS.get((row.system, row.role), OFFICIAL_TARGET.get(row.system))
    said = []
    for lower, least in (("bare", BARE_TARGET), ("official", target)):
        if least is not None and row.rates[lower]:
            missed = "" if ratio(row, lower) >= least else ", **missed**"
            said.append(f"≥ {least:g} of {lower}{missed}")
    return "; ".join(said)


def size(count: int) -> str:
    """A number of bytes as people say it."""
    return f"{count} B" if count < 1024 else f"{count // 1024} KiB"


def line(row: Row) -> str:
    """One row of a table: medians, in messages per second."""
    cells = [row.role, size(row.size)]
    for who in ("ours", "official", "bare"):
        rates = row.rates[who]
        cells.append(f"{statistics.median(rates):,.0f}" if rates else ABSENT)
    for lower in ("bare", "official"):
        cells.append(f"{ratio(row, lower):.2f}" if row.rates[lower] else ABSENT)
    return f"| {' | '.join(cells)} | {verdict(row)} |"


def table(
    broker: str, rows: Sequence[Row], versions: Mapping[str, Mapping[str, str]], rounds: int
) -> str:
    """A system's table, with what it was measured on."""
    found = {
        f"{name} {number}"
        for each in versions.values()
        for name, number in each.items()
        if rows[0].system in name
    }
    lines = "\n".join(map(line, rows))
    unheard = [
        f"Of {who}'s messages as {row.role} ({size(row.size)}), {row.unheard[who]} in all were "
        "never confirmed or never came."
        for row in rows
        for who in WORKERS
        if row.unheard[who]
    ]
    return "\n\n".join(
        [
            f"Messages per second, medians of {rounds} rounds; {datetime.now(UTC):%d %B %Y}, "
            f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
            f"{broker}; {', '.join(sorted(found))}.",
            HEAD + lines,
            *unheard,
        ]
    )


def put_into(page: Path, system: str, text: str) -> None:
    """Put a table into the page, between the comments that say where it goes.

    :raises ValueError: the page has no such place
    """
    begin, end = f"<!-- measured: {system} -->\n", f"<!-- end: {system} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{page} lacks the comments {begin.strip()} and {end}")
    page.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")
