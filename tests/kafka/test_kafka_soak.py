"""A small soak; ``python -m soak kafka`` does the same with 100,000 messages."""

from __future__ import annotations

import pytest

from sinetstream_sdk.consistency import EXACTLY_ONCE
from soak.deliveries import NumberedDeliveries
from soak.kafka import KafkaSite
from soak.run import Plan, soak


@pytest.mark.usefixtures("apache_installed")
@pytest.mark.parametrize("nodes", ["1", "3"])
def test_nothing_is_lost_or_repeated_while_nodes_are_killed(nodes: str) -> None:
    """EXACTLY_ONCE holds, and the order within a partition."""
    with KafkaSite(nodes) as site:
        found = soak(site, Plan(EXACTLY_ONCE, messages=2000, restarts=2), NumberedDeliveries())
    assert not found.wrong, str(found)
    assert found.counts["restart"] == 4
