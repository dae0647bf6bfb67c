"""A small soak; ``python -m soak kafka`` does the same with 100,000 messages."""

from __future__ import annotations

import pytest

from sinetstream_sdk.consistency import AT_LEAST_ONCE, EXACTLY_ONCE, Consistency
from soak.deliveries import NumberedDeliveries
from soak.kafka import KafkaSite
from soak.run import Plan, soak


@pytest.mark.usefixtures("apache_installed")
@pytest.mark.parametrize(
    ("guarantee", "nodes"),
    [(AT_LEAST_ONCE, "1"), (EXACTLY_ONCE, "1"), (EXACTLY_ONCE, "3")],
    ids=["at least once", "exactly once", "exactly once on three"],
)
def test_nothing_is_lost_while_nodes_are_killed(guarantee: Consistency, nodes: str) -> None:
    """Each guarantee holds, and the order within a partition."""
    with KafkaSite(nodes) as site:
        found = soak(site, Plan(guarantee, messages=2000, restarts=2), NumberedDeliveries())
    assert not found.wrong, str(found)
    assert found.counts["restart"] == 4
