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
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE
from sinetstream_sdk.roles import Role

# REPLACE: import what starts the library's server.
from {{ cookiecutter.__package }} import vendor

# REPLACE: where that server listens, and where nobody does.
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
        largest_payload=64 * 1024,  # bytes; so much is sent, to see it arrive whole
        # What the plugin refuses in 'consistency' must not stand here.
        consistencies=(AT_MOST_ONCE, AT_LEAST_ONCE),
    )

    # REPLACE: start and stop a real server, such as one in a container, in these two methods;
    # sinetstream_conformance.brokers.process runs one as a child process.
    def start(self) -> None:
        self.server = vendor.Server(ADDRESS)
        self.server.start()
{% if not reads %}
        # REPLACE: drop this if receive() does without it.
        self._listening: dict[str, vendor.Client] = {}
{% endif %}

    def stop(self) -> None:
        # REPLACE: stop it, also after a check has failed.
        self.server.stop()

    def describe(self) -> str:
        # REPLACE: say in a few words which server it was.
        return f"stand-in server at {ADDRESS}"

    def params(self, role: Role) -> Mapping[str, Any]:
        # REPLACE: what a user would write to reach the server that start() has started.
        return {"brokers": ADDRESS}

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        # REPLACE: the same, but for an address where nothing listens; it must differ from params().
        return {"brokers": NOBODY}
{% if not writes %}

    def publish(self, topic: str, payload: bytes) -> None:
        """Send past the plugin, which only reads."""
        # REPLACE: send with the library, not with the plugin.
        self.server.spread(topic, payload)
{% endif %}
{% if not reads %}

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        """Receive past the plugin, which only writes; the first call begins to listen."""
        # REPLACE: receive with the library, not with the plugin.
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
        # REPLACE: such as by a full disk or a withdrawn right; leave it out if that cannot be.
        self.server.refuses = True
        try:
            yield
        finally:
            self.server.refuses = False

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which the server answers no message."""
        # REPLACE: such as by pausing its process or container; leave it out if that cannot be.
        self.server.takes.clear()
        try:
            yield
        finally:
            self.server.takes.set()
{% endif %}


HARNESS = BrokerHarness()
