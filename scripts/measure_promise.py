"""Measure how often ``promise`` goes wrong between two threads, and what SafePromise costs.

    python scripts/measure_promise.py [ROUNDS]

In each round one thread settles a promise while another registers a callback on it. The table tells
how many rounds went wrong, and how: the callback did not run, or the call raised. Each scenario is
run as it comes, with threads switching as often as CPython allows, and once more with threads that
pause at random lines of the code under test, as a busy machine may make them do.
``docs/promise-safety.md`` quotes the output.
"""

# ruff: noqa: T201 - a command-line tool talks through print

from __future__ import annotations

import queue
import random
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from types import FrameType
from typing import Any

import promise.promise
from promise import Promise

from sinetstream_sdk import promises, trampoline
from sinetstream_sdk.promises import SafePromise

Scenario = Callable[[Any, Callable[[], None], list[Any]], None]
"""Given a promise, how to have it settled from now on, and where to note what a callback gets."""

ROUNDS = 10_000
PAUSED_SHARE = 20
"""Rounds with pauses take longer: there are this many times fewer of them."""

CODE = {module.__file__ for module in (promise.promise, promises, trampoline)}


def first(subject: Any, settle: Callable[[], None], seen: list[Any]) -> None:
    """``then()`` on a promise that has no callback yet."""
    settle()
    subject.then(seen.append)


def second(subject: Any, settle: Callable[[], None], seen: list[Any]) -> None:
    """``then()`` on a promise that has one."""
    subject.then(lambda _: None)
    settle()
    subject.then(seen.append)


def member(subject: Any, settle: Callable[[], None], seen: list[Any]) -> None:
    """``all()`` of a promise and a plain value."""
    settle()
    type(subject).all([subject, 1]).then(lambda values: seen.append(values[0]))


def wait(subject: Any, settle: Callable[[], None], seen: list[Any]) -> None:
    """``get()``, for at most 50 ms after which a promise that is settled counts as lost."""
    settle()
    try:
        seen.append(subject.get(0.05))
    except AssertionError:
        raise
    except Exception as error:  # promise 2.3 raises a bare Exception when the time is up
        if not isinstance(error, TimeoutError) and str(error) != "Timeout":
            raise


SCENARIOS: dict[str, Scenario] = {
    "then(), the first one": first,
    "then(), the second one": second,
    "all()": member,
    "get()": wait,
}


@contextmanager
def pauses(seed: int, rate: float = 0.1) -> Iterator[None]:
    """Make threads begun meanwhile, and this one, pause at random lines of ``CODE``."""
    choose = random.Random(seed)

    def line(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line" and choose.random() < rate:
            time.sleep(choose.choice((0, 0.00005, 0.0005)))
        return line

    def call(frame: FrameType, event: str, arg: Any) -> Any:
        return line if frame.f_code.co_filename in CODE else None

    threading.settrace(call)
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)


def measure(kind: Any, scenario: Scenario, value: object, rounds: int) -> tuple[int, int]:
    """How many callbacks were lost or got the wrong value, and how many calls raised."""
    lost = raised = 0
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    done = threading.Semaphore(0)

    def settling() -> None:
        while (subject := jobs.get()) is not None:
            subject.do_resolve(value)
            done.release()

    settler = threading.Thread(target=settling)
    settler.start()
    for _ in range(rounds):
        subject = kind()
        seen: list[Any] = []
        try:
            scenario(subject, partial(jobs.put, subject), seen)
        except (AssertionError, TypeError):
            raised += 1
            done.acquire()
            continue
        done.acquire()
        lost += seen != [value]
    jobs.put(None)
    settler.join()
    return lost, raised


def seconds_per_call(kind: Any) -> float:
    """What it costs to make a promise, register a callback and settle it, in seconds."""

    def once() -> None:
        subject = kind()
        subject.then(lambda _: None)
        subject.do_resolve(1)

    return min(timeit.repeat(once, number=2000, repeat=7)) / 2000


def main() -> None:
    """Print the tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(f"promise {version('promise')}, CPython {sys.version.split()[0]}\n")
    sys.setswitchinterval(1e-6)
    print("| meets the settling | value | class | lost | raised | lost, paused | raised, paused |")
    print("|---|---|---|---|---|---|---|")
    paused = max(rounds // PAUSED_SHARE, 1)
    for name, scenario in SCENARIOS.items():
        for value in (None, "x"):
            for kind in (Promise, SafePromise):
                plain = measure(kind, scenario, value, rounds)
                with pauses(seed=1):
                    slow = measure(kind, scenario, value, paused)
                cells = [f"{n} / {rounds}" for n in plain] + [f"{n} / {paused}" for n in slow]
                print(f"| {name} | {value!r} | {kind.__name__} | {' | '.join(cells)} |", flush=True)
    sys.setswitchinterval(0.005)
    print()
    for kind in (Promise, SafePromise):
        print(f"{kind.__name__}: {seconds_per_call(kind) * 1e6:.1f} us a promise with one callback")


if __name__ == "__main__":
    main()
