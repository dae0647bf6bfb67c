"""What the tests share."""

from collections.abc import Iterator

import pytest

from {{ cookiecutter.__package }}.conformance import BrokerHarness


@pytest.fixture
def sinetstream_harness() -> Iterator[BrokerHarness]:
    """The kit's fixture, for the tests in this folder: a harness whose broker is up."""
    harness = BrokerHarness()
    harness.start()
    yield harness
    harness.stop()
