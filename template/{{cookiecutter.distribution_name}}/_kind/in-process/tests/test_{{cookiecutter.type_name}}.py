{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
"""What the contract leaves to this plugin; the conformance kit judges the rest."""

# REPLACE: test the parameters and the behaviour that are your system's own.

{% if not reads %}
from {{ cookiecutter.__package }}.broker import Subscription, broker
{% else %}
from {{ cookiecutter.__package }}.broker import broker
{% endif %}
{% if reads and writes %}
from {{ cookiecutter.__package }}.plugin import (
    {{ cookiecutter.__class }}Reader,
    {{ cookiecutter.__class }}Writer,
)
{% elif reads %}
from {{ cookiecutter.__package }}.plugin import {{ cookiecutter.__class }}Reader
{% else %}
from {{ cookiecutter.__package }}.plugin import {{ cookiecutter.__class }}Writer
{% endif %}
{% if writes %}


class Stamped(bytes):
    """A payload that carries more than its bytes, such as hosts pass."""


def test_the_broker_keeps_plain_bytes() -> None:
    """What a subclass of bytes carries besides stays behind."""
{% if reads %}
    reader = {{ cookiecutter.__class }}Reader({"topics": "plain", "receive_timeout_ms": 0})
    reader.open()
{% endif %}
    writer = {{ cookiecutter.__class }}Writer({"topic": "plain"})
    writer.open()
    writer.publish(Stamped(b"payload"))
    writer.close()
{% if reads %}
    assert [type(message.payload) for _, _, message in reader] == [bytes]
    reader.close()
{% else %}
    message = broker.take(Subscription(("plain",)), 0)
    assert message is not None
    assert type(message.payload) is bytes
{% endif %}
{% endif %}
{% if reads %}


def test_order_across_topics() -> None:
    """A reader of several topics gets their messages in the order of publishing."""
    for number, topic in enumerate(["one", "two", "two", "one"]):
        broker.put(topic, b"%d" % number)
    reader = {{ cookiecutter.__class }}Reader({"topics": ["one", "two"], "receive_timeout_ms": 0})
    reader.open()
    assert [payload for payload, _, _ in reader] == [b"0", b"1", b"2", b"3"]
    reader.close()
{% endif %}
