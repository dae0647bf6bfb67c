"""Roles that have a thread, and the broker that they are connected to."""

from __future__ import annotations

import pytest
from both_roles import Reader, Writer
from broker_in_memory import Broker, no_thread_of
from polling_reader import Reader as NotingReader

from sinetstream_sdk import polling, publishing


@pytest.fixture(autouse=True)
def no_idle_wakeups(monkeypatch):
    """Let threads sleep for ever when they have nothing to do, so that they have to be woken."""
    monkeypatch.setattr(polling, "IDLE_S", 3600)
    monkeypatch.setattr(publishing, "IDLE_S", 3600)


@pytest.fixture(params=[Reader, Writer])
def kind(request):
    yield request.param
    no_thread_of(request.param)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def role(kind, broker):
    """One that is closed by the end of the test."""
    role = kind({"topic": "t", "broker": broker})
    yield role
    broker.let_pass.set()
    broker.close_error = None
    role.close()


@pytest.fixture
def reader(broker):
    reader = NotingReader({"topic": "t", "broker": broker})
    reader.rests = []
    yield reader
    broker.let_pass.set()
    reader.close()
    no_thread_of(NotingReader)
