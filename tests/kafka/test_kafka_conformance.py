"""The whole kit on the Kafka plugin, on each kind of broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from judged import judge
from sinetstream_conformance.brokers.kafka import JARS_VARIABLE, jars


def test_on_the_embedded_cluster(tmp_path: Path) -> None:
    """With nothing given the plugin is judged on the client's own mock cluster."""
    shown, skipped = judge("kafka", tmp_path)
    assert "broker: mock cluster of librdkafka " in shown
    assert all(rule.startswith("FAULT-") for rule in skipped)


@pytest.mark.usefixtures("apache_installed")
def test_on_apache_kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness of that name starts a node, and every rule is judged."""
    monkeypatch.setenv(JARS_VARIABLE, str(jars()))
    harness = "--sinetstream-harness=sinetstream_kafka.conformance:ApacheHarness"
    shown, skipped = judge("kafka", tmp_path, harness)
    assert "broker: Apache Kafka " in shown
    assert not skipped
