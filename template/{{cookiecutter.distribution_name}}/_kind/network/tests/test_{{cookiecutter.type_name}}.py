{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
{% set either = cookiecutter.__class ~ ('Reader' if reads else 'Writer') %}
"""What the contract leaves to this plugin; the conformance kit judges the rest."""

# REPLACE: test the parameters and the behaviour that are your system's own.

from typing import Any

import pytest
from sinetstream_sdk import errors
from sinetstream_sdk.roles import Role

from {{ cookiecutter.__package }}.conformance import BrokerHarness
from {{ cookiecutter.__package }}.loopback import LoopbackBroker
{% if reads and writes %}
from {{ cookiecutter.__package }}.plugin import (
    {{ cookiecutter.__class }}Reader,
    {{ cookiecutter.__class }}Writer,
)
{% else %}
from {{ cookiecutter.__package }}.plugin import {{ either }}
{% endif %}


def params(harness: BrokerHarness) -> dict[str, Any]:
    """Parameters that lead to the harness's broker."""
    common = {"topic": "t", "consistency": "AT_LEAST_ONCE", "receive_timeout_ms": 5000}
    return {**common, **harness.params(Role.{{ 'READER' if reads else 'WRITER' }})}


def restart(harness: BrokerHarness) -> None:
    """Take the broker down and start one anew, at the same address, with nothing in it."""
    port = harness.broker.port
    harness.broker.stop()
    harness.broker = LoopbackBroker(port)
    harness.broker.start()
{% if reads %}


def test_the_reader_connects_again(sinetstream_harness: BrokerHarness) -> None:
    """After the broker was restarted, the open reader goes on."""
    reader = {{ cookiecutter.__class }}Reader(params(sinetstream_harness))
    reader.open()
    restart(sinetstream_harness)
    sinetstream_harness.broker.put("t", "YWZ0ZXJ3YXJkcw==")
    assert next(iter(reader))[:2] == (b"afterwards", "t")
    reader.close()
{% endif %}
{% if writes %}


def test_the_writer_connects_again(sinetstream_harness: BrokerHarness) -> None:
    """After the broker was restarted, the open writer goes on."""
    writer = {{ cookiecutter.__class }}Writer(params(sinetstream_harness))
    writer.open()
    restart(sinetstream_harness)
    writer.publish(b"afterwards")
    assert sinetstream_harness.broker.take("t", 5) == "YWZ0ZXJ3YXJkcw=="
    writer.close()
{% endif %}


def test_the_error_names_the_broker(sinetstream_harness: BrokerHarness) -> None:
    """Where no broker answers, the user is told where it was looked for."""
    nobody = sinetstream_harness.unreachable(Role.{{ 'READER' if reads else 'WRITER' }})
    role = {{ either }}({**params(sinetstream_harness), **nobody})
    with pytest.raises(errors.ConnectionError, match=nobody["brokers"]):
        role.open()


@pytest.mark.parametrize(("name", "value"), [("tls", True), ("consistency", "EXACTLY_ONCE")])
def test_what_the_client_cannot_do_is_refused(name: str, value: object) -> None:
    """Rather than to do less than the user asked for, the plugin does nothing."""
    with pytest.raises(errors.InvalidArgumentError, match=name):
        {{ either }}({"topic": "t", "brokers": "localhost", name: value})
