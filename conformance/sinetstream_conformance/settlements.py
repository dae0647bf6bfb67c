"""How often each promise is settled, watched at the one place where all plain promises pass.

A promise of the SDK ignores a second settlement and is not counted here: it cannot settle twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from promise import Promise


class Settlements:
    """The number of settlements of each promise."""

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()
        self._kept: list[Any] = []
        self._under_way: list[int] = []

    def watch(self, promise: Any, settle: Callable[[], Any]) -> Any:
        """Count a settlement and make it; the promise is kept, so that its id stays its own."""
        self._count[id(promise)] += 1
        self._kept.append(promise)
        self._under_way.append(1)
        try:
            return settle()
        finally:
            self._under_way.pop()

    @property
    def at_rest(self) -> bool:
        """Whether no thread is in the midst of settling a promise.

        A plain promise has its new state a moment before its new value.
        """
        return not self._under_way

    def of(self, promise: Any) -> int:
        """How often ``promise`` was settled."""
        return self._count[id(promise)]


@contextmanager
def count_settlements() -> Iterator[Settlements]:
    """Count the settlements of plain promises while the context lasts."""
    seen = Settlements()
    plain: Any = Promise
    fulfil, reject = plain._fulfill, plain._reject

    def counting_fulfil(self: Any, *arguments: Any) -> Any:
        return seen.watch(self, lambda: fulfil(self, *arguments))

    def counting_reject(self: Any, *arguments: Any) -> Any:
        return seen.watch(self, lambda: reject(self, *arguments))

    plain._fulfill, plain._reject = counting_fulfil, counting_reject
    try:
        yield seen
    finally:
        plain._fulfill, plain._reject = fulfil, reject
