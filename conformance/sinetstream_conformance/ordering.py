"""Judging the order in which one writer's messages arrive, as far as the plugin declares it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sinetstream_conformance.capabilities import Order
from sinetstream_conformance.channels import payload_of
from sinetstream_conformance.verdict import NotDeclared, Unjudged

if TYPE_CHECKING:
    from sinetstream_conformance.stage import Stage


class Ordering:
    """The order that capability ``ordered`` promises: of a whole topic, or within its partitions.

    :raises NotDeclared: it promises none, or says nothing
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        declared = stage.declared("ordered")
        if not declared:
            raise NotDeclared("capability 'ordered' is declared as False")
        self._by_partition = declared is Order.PARTITION

    def judge(self, items: list[Any], expected: str) -> None:
        """Fail the check if a message whose payload is a number came after a greater one.

        :raises Unjudged: no two of them had an order to keep
        """
        ranks: defaultdict[Hashable, list[int]] = defaultdict(list)
        for item in items:
            payload = payload_of(item)
            if payload.isdigit():
                ranks[partition_of(self._stage, item)].append(int(payload))
        if all(len(found) < 2 for found in ranks.values()):
            raise Unjudged(f"{len(items)} messages arrived, and no two in one partition")
        for partition, found in ranks.items():
            where = f" in partition {partition!r}" if self._by_partition else ""
            late = next((f"{b} (after {a})" for a, b in pairwise(found) if b < a), "")
            self._stage.expect(
                not late,
                expected=f"{expected}{where}",
                observed=f"message {late} came after a later one",
            )


def partition_of(stage: Stage, item: Any) -> Hashable:
    """The part of its topic within which a message keeps its place; None where that is the whole.

    :param item: the message as a reader gave it
    """
    if stage.capabilities.ordered is not Order.PARTITION:
        return None
    key: Hashable = stage.offered(stage.harness.partition, item[2])
    return key
