"""Brokers for the tests, each started once; what is not installed is skipped, or fails in CI."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lacking import missing
from sinetstream_conformance.brokers.mosquitto import ADVICE, Mosquitto
from sinetstream_conformance.brokers.process import NotInstalled, find_program


@pytest.fixture(scope="session")
def mosquitto_installed() -> None:
    """Go on only where there is a mosquitto."""
    try:
        find_program("mosquitto", ADVICE)
    except NotInstalled as why:
        missing(why)


@pytest.fixture(scope="session")
def make_mosquitto(mosquitto_installed: None) -> Iterator[Callable[..., Mosquitto]]:
    """Starts mosquittos, which end with the session."""
    made: list[Mosquitto] = []

    def make(**settings: object) -> Mosquitto:
        made.append(Mosquitto(**settings))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture(scope="session")
def shared_mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """One that takes anybody, for tests that leave it as it is."""
    return make_mosquitto()


@pytest.fixture
def mosquitto(mosquitto_installed: None) -> Iterator[Mosquitto]:
    """One for a test that stops, pauses or kills it."""
    with Mosquitto() as broker:
        yield broker
