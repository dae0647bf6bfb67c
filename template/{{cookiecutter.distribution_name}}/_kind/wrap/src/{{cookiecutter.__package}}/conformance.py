{% set reads, writes, async_writes = cookiecutter.__reads, cookiecutter.__writes, cookiecutter.__async_writer %}
"""What the conformance kit needs to know to judge this plugin.

Found through the entry-point group ``sinetstream.conformance``; nothing but the kit imports it, and
the plugin works without the kit installed.
"""

from collections.abc import {{ 'Iterator, ' if async_writes else '' }}Mapping
{% if async_writes %}
from contextlib import contextmanager
{% endif %}
from typing import Any

from sinetstream_conformance.capabilities import Capabilities, Delivery
from sinetstream_conformance.harness import Harness
from sinetstream_sdk.roles import Role

from {{ cookiecutter.__package }} import vendor

ADDRESS = "localhost:7412"
NOBODY = "localhost:7413"


class BrokerHarness(Harness):
    """Starts the library's own server, and makes it fail when asked to."""

    # REPLACE: say what your messaging system does; the kit judges what is declared here.
    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=True,
        guide_constructor=True,
    )

    # REPLACE: start and stop a real server, such as one in a container, in these two methods.
    def start(self) -> None:
        self.server = vendor.Server(ADDRESS)
        self.server.start()
{% if not reads %}
        self._listening: dict[str, vendor.Client] = {}
{% endif %}

    def stop(self) -> None:
        self.server.stop()

    def describe(self) -> str:
        return f"stand-in server at {ADDRESS}"

    def params(self, role: Role) -> Mapping[str, Any]:
        return {"brokers": ADDRESS}

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        return {"brokers": NOBODY}
{% if not writes %}

    def publish(self, topic: str, payload: bytes) -> None:
        """Send past the plugin, which only reads."""
        self.server.spread(topic, payload)
{% endif %}
{% if not reads %}

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        """Receive past the plugin, which only writes; the first call begins to listen."""
        if topic not in self._listening:
            self._listening[topic] = vendor.Client(ADDRESS)
            self._listening[topic].subscribe(topic)
        record = self._listening[topic].poll(timeout_s)
        return None if record is None else record.body
{% endif %}
{% if async_writes %}

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the server refuses every message."""
        self.server.refuses = True
        try:
            yield
        finally:
            self.server.refuses = False

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which the server answers no message."""
        self.server.takes.clear()
        try:
            yield
        finally:
            self.server.takes.set()
{% endif %}


HARNESS = BrokerHarness()
