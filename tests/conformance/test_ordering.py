"""Order as it is declared: of a whole topic, or within its partitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinetstream_conformance import Verdict, check

RULES = ("WRITE-ORDER", "AWRITE-ORDER", "AREAD-ORDER")


def verdicts(harness: str) -> set[Verdict]:
    report = check(
        "partitioned", harness=f"sinetstream_broken.partitioned:{harness}", rules=RULES, seed=1
    )
    return {outcome.verdict for outcome in report.outcomes}


@pytest.mark.usefixtures("plugins")
def test_a_partition_may_overtake_another() -> None:
    """Where order is declared within a partition, that is none of the kit's business."""
    assert verdicts("PartitionedHarness") == {Verdict.PASS}


@pytest.mark.usefixtures("plugins")
def test_no_message_of_a_topic_may_overtake_another() -> None:
    """The same plugin is caught where order of the whole topic is declared."""
    assert Verdict.FAIL in verdicts("TopicHarness")


def test_order_within_partitions_that_nobody_tells_is_not_judged(plugins: Path) -> None:
    """A harness that does not tell the partition of a message has the rules skipped."""
    assert verdicts("SilentHarness") == {Verdict.SKIP}
