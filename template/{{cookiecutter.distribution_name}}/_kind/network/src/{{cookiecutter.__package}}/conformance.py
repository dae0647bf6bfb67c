{% set reads, writes, async_writes = cookiecutter.__reads, cookiecutter.__writes, cookiecutter.__async_writer %}
"""What the conformance kit needs to know to judge this plugin.

Found through the entry-point group ``sinetstream.conformance``; nothing but the kit imports it, and
the plugin works without the kit installed.
"""

{% if not (reads and writes) %}
import base64
{% endif %}
import socket
from collections.abc import {{ 'Iterator, ' if async_writes else '' }}Mapping
from contextlib import {{ 'AbstractContextManager, contextmanager' if async_writes else 'AbstractContextManager' }}
from typing import Any

from sinetstream_conformance.capabilities import Capabilities, Delivery
from sinetstream_conformance.harness import Harness
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE
from sinetstream_sdk.roles import Role

# REPLACE: import what starts your broker.
from {{ cookiecutter.__package }}.loopback import LoopbackBroker


class BrokerHarness(Harness):
    """Starts a broker on a free port of this machine, and makes it fail when asked to."""

    # REPLACE: say what your messaging system does; the kit judges what is declared here.
    capabilities = Capabilities(
        delivery=Delivery.COMPETING,
        retained=True,
        ordered=True,
        guide_constructor=True,
        largest_payload=64 * 1024,  # bytes; so much is sent, to see it arrive whole
        # What the plugin refuses in 'consistency' must not stand here.
        consistencies=(AT_MOST_ONCE, AT_LEAST_ONCE),
    )

    # REPLACE: start and stop a real broker, such as one in a container, in these two methods;
    # sinetstream_conformance.brokers.process runs one as a child process.
    def start(self) -> None:
        self.broker = LoopbackBroker()
        self.broker.start()
        # The plugin connects to a proxy, so that its connections can be cut.
        self._proxy = FaultProxy(("127.0.0.1", self.broker.port))
        self._proxy.start()
        # Bound and not listening: whoever connects there is refused.
        self._nobody = socket.socket()
        self._nobody.bind(("127.0.0.1", 0))

    def stop(self) -> None:
        # REPLACE: stop it, also after a check has failed.
        self._proxy.stop()
        self.broker.stop()
        self._nobody.close()

    def describe(self) -> str:
        # REPLACE: say in a few words which broker it was.
        return f"loopback broker on port {self.broker.port}"

    def params(self, role: Role) -> Mapping[str, Any]:
        # REPLACE: what a user would write to reach the broker that start() has started.
        return {"brokers": self._proxy.broker}

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        # REPLACE: the same, but for an address where nothing listens; it must differ from params().
        return {"brokers": f"127.0.0.1:{self._nobody.getsockname()[1]}"}

    def disconnected(self) -> AbstractContextManager[Any]:
        """A context in which the broker cannot be reached."""
        # REPLACE: nothing, if your client connects to the one address that it is given.
        return self._proxy.severed()
{% if not writes %}

    def publish(self, topic: str, payload: bytes) -> None:
        """Send past the plugin, which only reads."""
        # REPLACE: send with a client of your system, not with the plugin.
        self.broker.put(topic, base64.b64encode(payload).decode("ascii"))
{% endif %}
{% if not reads %}

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        """Receive past the plugin, which only writes."""
        # REPLACE: receive with a client of your system, not with the plugin.
        payload = self.broker.take(topic, timeout_s)
        return None if payload is None else base64.b64decode(payload)
{% endif %}
{% if async_writes %}

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the broker refuses every message."""
        # REPLACE: such as by a full disk or a withdrawn right; leave it out if that cannot be.
        self.broker.refuses = True
        try:
            yield
        finally:
            self.broker.refuses = False

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which the broker answers no message."""
        # REPLACE: such as by pausing its process or container; leave it out if that cannot be.
        self.broker.answers.clear()
        try:
            yield
        finally:
            self.broker.answers.set()
{% endif %}


HARNESS = BrokerHarness()
