"""Kafka brokers for the tests, each started once; Apache Kafka is skipped where it is not there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lacking import missing
from sinetstream_conformance.brokers.kafka import ApacheKafka, KafkaCluster, jars
from sinetstream_conformance.brokers.process import NotInstalled
from sinetstream_kafka.mock import MockCluster


@pytest.fixture(scope="session")
def apache_installed() -> None:
    """Go on only where Apache Kafka is."""
    try:
        jars()
    except NotInstalled as why:
        missing(why)


@pytest.fixture(scope="session")
def mock() -> Iterator[MockCluster]:
    """A mock cluster that takes anybody, for tests that leave it as it is."""
    with MockCluster() as broker:
        yield broker


@pytest.fixture(scope="session")
def apache(apache_installed: None) -> Iterator[ApacheKafka]:
    """One node of Apache Kafka that takes anybody, for tests that leave it as it is."""
    with ApacheKafka() as broker:
        yield broker


@pytest.fixture(scope="session")
def cluster(apache_installed: None) -> Iterator[KafkaCluster]:
    """Three nodes; a test that kills one starts it again."""
    with KafkaCluster() as brokers:
        yield brokers


@pytest.fixture(params=["mock", "apache"])
def broker(request: pytest.FixtureRequest) -> MockCluster | ApacheKafka:
    """Each kind of broker in turn."""
    chosen: MockCluster | ApacheKafka = request.getfixturevalue(request.param)
    return chosen
