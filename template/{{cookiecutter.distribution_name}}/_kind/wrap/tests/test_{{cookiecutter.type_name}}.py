{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
{% set either = cookiecutter.__class ~ ('Reader' if reads else 'Writer') %}
"""What the contract leaves to this plugin; the conformance kit judges the rest."""

# REPLACE: test the parameters and the behaviour that are your system's own.

from typing import Any

import pytest
from sinetstream_sdk import errors
from sinetstream_sdk.roles import Role

{% if writes %}
from {{ cookiecutter.__package }} import vendor
{% endif %}
from {{ cookiecutter.__package }}.conformance import BrokerHarness
{% if reads and writes %}
from {{ cookiecutter.__package }}.plugin import (
    {{ cookiecutter.__class }}Reader,
    {{ cookiecutter.__class }}Writer,
)
{% else %}
from {{ cookiecutter.__package }}.plugin import {{ either }}
{% endif %}


def params(harness: BrokerHarness) -> dict[str, Any]:
    """Parameters that lead to the harness's server."""
    return {"topic": "t", **harness.params(Role.{{ 'READER' if reads else 'WRITER' }})}
{% if reads %}


def test_a_lost_server_is_told_of(sinetstream_harness: BrokerHarness) -> None:
    """When the server is gone, the reader raises an error that names it, and can be closed."""
    reader = {{ cookiecutter.__class }}Reader(params(sinetstream_harness))
    reader.open()
    sinetstream_harness.server.stop()
    with pytest.raises(errors.ConnectionError, match="localhost:7412"):
        next(iter(reader))
    reader.close()
    sinetstream_harness.server.start()
{% endif %}
{% if writes %}


def test_a_refusal_is_told_of(sinetstream_harness: BrokerHarness) -> None:
    """When the server refuses a message, the library's own error is the cause of what is raised."""
    writer = {{ cookiecutter.__class }}Writer(params(sinetstream_harness))
    writer.open()
    sinetstream_harness.server.refuses = True
    with pytest.raises(errors.SinetError, match="refused") as told:
        writer.publish(b"not wanted")
    assert isinstance(told.value.__cause__, vendor.NotTakenError)
    writer.close()
{% endif %}


@pytest.mark.parametrize(("name", "value"), [("tls", True), ("consistency", "EXACTLY_ONCE")])
def test_what_the_library_cannot_do_is_refused(name: str, value: object) -> None:
    """Rather than to do less than the user asked for, the plugin does nothing."""
    with pytest.raises(errors.InvalidArgumentError, match=name):
        {{ either }}({"topic": "t", "brokers": "localhost", name: value})
