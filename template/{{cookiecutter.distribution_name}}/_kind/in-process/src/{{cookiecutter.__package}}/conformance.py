{% set reads, writes, async_writes = cookiecutter.__reads, cookiecutter.__writes, cookiecutter.__async_writer %}
"""What the conformance kit needs to know to judge this plugin.

Found through the entry-point group ``sinetstream.conformance``; nothing but the kit imports it, and
the plugin works without the kit installed.
"""

{% if async_writes %}
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

{% endif %}
from sinetstream_conformance.capabilities import Capabilities, Delivery
from sinetstream_conformance.harness import Harness
from sinetstream_sdk.consistency import Consistency
{% if async_writes %}
from sinetstream_sdk.errors import ConnectionError as BrokerGone
{% endif %}
{% if not reads %}

# REPLACE: import what your messages travel through.
from {{ cookiecutter.__package }}.broker import Subscription, broker
{% elif not writes or async_writes %}

# REPLACE: import what your messages travel through.
from {{ cookiecutter.__package }}.broker import broker
{% endif %}
{% if async_writes %}

STALL_LIMIT_S = 60.0
"""How long a stalled message waits for the end of a context that is never left."""
{% endif %}


class BrokerHarness(Harness):
    """The broker is this process: there is nothing to start, and it fails only if made to."""

    # REPLACE: say what your messaging system does; the kit judges what is declared here.
    capabilities = Capabilities(
        delivery=Delivery.COMPETING,
        retained=True,
        ordered=True,
        guide_constructor=True,
        largest_payload=1024 * 1024,  # bytes; so much is sent, to see it arrive whole
        # What the plugin refuses in 'consistency' must not stand here.
        consistencies=tuple(Consistency),
    )
{% if not reads %}

    def __init__(self) -> None:
        # REPLACE: drop this if receive() does without it.
        self._listening: dict[str, Subscription] = {}
{% endif %}

    def describe(self) -> str:
        # REPLACE: say in a few words what the plugin is judged on.
        return "queues in this process"
{% if not writes %}

    def publish(self, topic: str, payload: bytes) -> None:
        """Send past the plugin, which only reads."""
        # REPLACE: send by what your messages travel through.
        broker.put(topic, payload)
{% endif %}
{% if not reads %}

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        """Receive past the plugin, which only writes."""
        # REPLACE: receive from what your messages travel through.
        listening = self._listening.setdefault(topic, Subscription((topic,)))
        message = broker.take(listening, timeout_s)
        return None if message is None else message.payload
{% endif %}
{% if async_writes %}

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the broker refuses every message."""

        # REPLACE: make what your plugin sends with fail; leave the method out if that cannot be.
        def refuse(topic: str, payload: bytes) -> None:
            raise BrokerGone(f"the harness refuses {len(payload)} bytes for {topic!r}")

        with patch.object(broker, "put", refuse):  # REPLACE: the call that sends
            yield

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which putting a message takes as long as the context lasts."""
        # REPLACE: hold up what your plugin sends with; leave the method out if that cannot be.
        over = threading.Event()
        put = broker.put

        def wait_and_put(topic: str, payload: bytes) -> None:
            if not over.wait(STALL_LIMIT_S):
                raise BrokerGone(f"stalled for more than {STALL_LIMIT_S} s")
            put(topic, payload)

        # REPLACE: the call that sends.
        with patch.object(broker, "put", wait_and_put):
            try:
                yield
            finally:
                over.set()
{% endif %}


HARNESS = BrokerHarness()
