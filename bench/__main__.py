"""Put this host beside the published one: ``python -m bench`` prints the table of the README.

Every round times each competitor once, one right after the other, and the ratios are taken within
the round; what is printed are medians over the rounds. A noisy machine disturbs both sides alike.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pyperf

from bench.memory import by_hand, host, plugin_alone, round_trip

SIZES = {"100 B": 100, "1 KiB": 1024, "64 KiB": 64 * 1024}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gzip": {"data_compression": True, "compression": {"algorithm": "gzip"}},
    "zstd": {"data_compression": True, "compression": {"algorithm": "zstd"}},
    "AES-GCM": {
        "data_encryption": True,
        "crypto": {"algorithm": "AES", "mode": "GCM", "password": "correct horse"},
    },
}
TARGETS = {("plain", "1 KiB"): 5, ("AES-GCM", "1 KiB"): 10}
IMPORT_TARGET, HAND_TARGET = 5, 3


def payload_of(size: int) -> bytes:
    """Bytes that compress to about a half, the same in every run."""
    source = random.Random(size)
    return bytes(source.choice(b"0123456789abcdef") for _ in range(size))


def seconds(once: Callable[[], Any], loops: int) -> float:
    """How long one call takes, the mean of ``loops`` in a row."""
    start = pyperf.perf_counter()
    for _ in range(loops):
        once()
    return (pyperf.perf_counter() - start) / loops


def loops_for(once: Callable[[], Any], target_s: float) -> int:
    """How many calls take about ``target_s``."""
    once()
    loops = 1
    while (taken := seconds(once, loops) * loops) < target_s / 4:
        loops *= 2
    return max(1, round(loops * target_s / taken))


def compare(
    competitors: dict[str, Callable[[], Any]], rounds: int, slice_s: float
) -> dict[str, list[float]]:
    """The times of each competitor, in seconds, one for each round."""
    loops = {name: loops_for(once, slice_s) for name, once in competitors.items()}
    times: dict[str, list[float]] = {name: [] for name in competitors}
    gc.collect()
    for _ in range(rounds):
        for name, once in competitors.items():
            times[name].append(seconds(once, loops[name]))
    return times


def ratio(upper: list[float], lower: list[float]) -> float:
    """The median of the ratios of one round each."""
    return statistics.median(u / low for u, low in zip(upper, lower, strict=True))


CLASSES = "MessageReader, MessageWriter, AsyncMessageReader, AsyncMessageWriter"
IMPORTS = {
    "start": "pass",
    "ours": f"from sinetstream_sdk.host import {CLASSES}",
    "published": f"from sinetstream import {CLASSES}",
}
# What was put off when importing shows here.
FIRST_MESSAGES = {
    name: f"from bench.memory import host, round_trip; round_trip(host({name!r}), {{}}, b'x')()"
    for name in ("ours", "published")
} | {"start": "pass"}


def process_times(programs: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """How long a new interpreter takes for each program, less its own start."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            start = pyperf.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            times[name].append(pyperf.perf_counter() - start)
    bare = times.pop("start")
    return {
        name: [t - s for t, s in zip(taken, bare, strict=True)] for name, taken in times.items()
    }


def machine() -> str:
    """What the numbers were measured on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:  # noqa: PTH123 - not a path anybody configures
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return (
        f"{names[0] if names else model}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="rounds for each row (25)")
    parser.add_argument("--slice-ms", type=float, default=15.0, help="time of one slice (15)")
    options = parser.parse_args()
    slice_s = options.slice_ms / 1000
    classes = {name: host(name) for name in ("ours", "published")}
    out = sys.stdout.write
    out(f"{machine()}\n\npublish + read, medians of {options.rounds} rounds\n\n")
    out("| message | payload | this host | published | times faster | target |\n")
    out("|---|---|---:|---:|---:|---:|\n")
    for kind, params in KINDS.items():
        for size, count in SIZES.items():
            payload = payload_of(count)
            competitors = {name: round_trip(c, params, payload) for name, c in classes.items()}
            times = compare(competitors, options.rounds, slice_s)
            target = TARGETS.get((kind, size))
            out(
                f"| {kind} | {size} | {us(times['ours'])} | {us(times['published'])} | "
                f"{ratio(times['published'], times['ours']):.1f} | "
                f"{f'>= {target}' if target else ''} |\n"
            )
            sys.stdout.flush()
    for what, programs, target in (
        ("import", IMPORTS, f">= {IMPORT_TARGET}"),
        ("import and first message", FIRST_MESSAGES, ""),
    ):
        times = process_times(programs, max(5, options.rounds // 2))
        out(
            f"| {what} | | {ms(times['ours'])} | {ms(times['published'])} | "
            f"{ratio(times['published'], times['ours']):.1f} | {target} |\n"
        )
    out("\n| the host's own cost, plain | by hand | host | times the hand-written | target |\n")
    out("|---|---:|---:|---:|---:|\n")
    for size, count in SIZES.items():
        payload = payload_of(count)
        times = compare(
            {
                "host": round_trip(classes["ours"], {}, payload),
                "plugin": plugin_alone(payload),
                "hand": by_hand(payload),
            },
            options.rounds,
            slice_s,
        )
        own = [h - p for h, p in zip(times["host"], times["plugin"], strict=True)]
        out(
            f"| {size} | {us(times['hand'])} | {us(own)} | {ratio(own, times['hand']):.2f} | "
            f"<= {HAND_TARGET} |\n"
        )


def us(times: list[float]) -> str:
    """A median in microseconds."""
    return f"{statistics.median(times) * 1e6:.1f} us"


def ms(times: list[float]) -> str:
    """A median in milliseconds."""
    return f"{statistics.median(times) * 1e3:.0f} ms"


if __name__ == "__main__":
    main()
