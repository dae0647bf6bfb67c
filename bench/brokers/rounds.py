"""The rounds of one system on one broker: each contender in its process, one after the other."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0
WORKERS = ("bare", "ours", "official")
ROLES = ("writer", "async_writer", "reader", "async_reader")


class Worker:
    """A contender's process."""

    def __init__(self, python: Path, who: str, system: str, broker: str) -> None:
        self.who, self.broker = who, broker
        self._process = subprocess.Popen(
            [python, "-m", "bench.brokers.worker", who, system, broker],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, role: str, **what: Any) -> dict[str, Any]:
        """What the process answers.

        :raises RuntimeError: it says that something went wrong, or says nothing in time
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Timer(DEADLINE_S, self._process.kill)
        late.start()
        try:
            self._process.stdin.write(json.dumps({"role": role, **what}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            late.cancel()
            late.join()
        answer: dict[str, Any] = json.loads(line or '{"error": "no answer in time"}')
        if "error" in answer:
            raise RuntimeError(f"{self.who}, {role} {what}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


Ask = Callable[[Worker, int], dict[str, Any]]
"""Has a contender handle so many messages."""


@contextmanager
def workers(pythons: Mapping[str, Path], system: str, broker: str) -> Iterator[dict[str, Worker]]:
    """The processes of those contenders that have an interpreter."""
    with ExitStack() as stack:
        made = {}
        for who, python in pythons.items():
            made[who] = Worker(python, who, system, broker)
            stack.callback(made[who].close)
        yield made


@dataclass
class Row:
    """A role with one size of payload: messages per second, a number for each round.

    A contender that was not there has none.
    """

    system: str
    role: str
    size: int
    rates: dict[str, list[float]] = field(default_factory=lambda: {who: [] for who in WORKERS})
    unheard: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WORKERS, 0))
    """Messages whose promise was never settled, or that never came."""

    def add(self, who: str, answer: Mapping[str, Any]) -> None:
        """Note one measurement."""
        self.rates[who].append(answer["count"] / answer["seconds"])
        self.unheard[who] += answer["missing"]


def sized(made: Mapping[str, Worker], slice_s: float, most: int, ask: Ask) -> dict[str, int]:
    """How many messages each contender gets through in about ``slice_s``; not more than ``most``.

    It finds out by doing it, twice, which warms up the contenders as well.
    """
    counts = dict.fromkeys(made, min(500, most))
    for _ in range(2):
        for who, worker in made.items():
            answer = ask(worker, counts[who])
            rate = answer["count"] / answer["seconds"]
            counts[who] = max(min(50, most), min(round(rate * slice_s), most))
    return counts


def measure(
    made: Mapping[str, Worker],
    row: Row,
    rounds: int,
    counts: Mapping[str, int],
    ask: Ask,
    prepare: Callable[[], object] = lambda: None,
) -> None:
    """Have every contender do the same in every round.

    :param prepare: called before each round
    """
    for _ in range(rounds):
        prepare()
        for who, worker in made.items():
            row.add(who, ask(worker, counts[who]))
