"""What the conformance kit needs to know to judge this plugin, and the brokers to do it with.

Found through the entry-point group ``sinetstream.conformance``; nothing but the kit imports it, and
the plugin works without the kit installed.

- With nothing given, the client's own mock cluster is started in a process of its own, on loopback.
- ``--sinetstream-param brokers=host:port`` judges on those brokers instead. They must make topics
  ``conformance-...`` by themselves; what needs a broker that can be stalled is skipped.
- ``--sinetstream-harness sinetstream_kafka.conformance:ApacheHarness`` starts Apache Kafka.
"""

from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sinetstream_conformance.brokers.kafka import ApacheKafka
from sinetstream_conformance.brokers.process import LOOPBACK, free_port
from sinetstream_conformance.capabilities import Capabilities, Delivery, Order
from sinetstream_conformance.harness import Harness, NotOffered
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_kafka.mock import MockCluster
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.roles import Role

ON_APACHE = (
    "judge on Apache Kafka with --sinetstream-harness sinetstream_kafka.conformance:ApacheHarness"
)
WAIT_MS = 8000
"""A node that was paused takes its time to be in service again."""
GIVE_UP_MS = 3000


class KafkaHarness(Harness):
    """Topics that every reader gets all of, on a broker started for the run or on the user's."""

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=Order.PARTITION,
        guide_constructor=True,
        largest_payload=900_000,
        consistencies=tuple(Consistency),
    )

    def __init__(self) -> None:
        self._broker: MockCluster | ApacheKafka | None = None

    def make_broker(self) -> MockCluster | ApacheKafka:
        """The broker to start where the user has named none."""
        return MockCluster()

    def address(self) -> str:
        """Where the broker that was started is reached."""
        assert self._broker is not None
        return self._broker.address

    def start(self) -> None:
        """Start a broker if there is none to use."""
        if not self.given.get("brokers"):
            self._broker = self.make_broker()
            self._broker.start()

    def stop(self) -> None:
        """Stop what was started."""
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.close()

    def describe(self) -> str:
        if self._broker is None:
            return f"the Kafka brokers at {self.given.get('brokers')}"
        return f"{self._broker.describe()}, at {self._broker.address}"

    def params(self, role: Role) -> Mapping[str, Any]:
        """The address, and shorter waits than users have."""
        waits = {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 200}
        if role.reads:
            waits |= {"default_api_timeout_ms": WAIT_MS, "fetch_max_wait_ms": 20}
        else:
            waits |= {"max_block_ms": WAIT_MS, "delivery_timeout_ms": GIVE_UP_MS}
        address = {} if self._broker is None else {"brokers": self.address()}
        return {**address, "type_spec": waits}

    def partition(self, raw: Any) -> Hashable:
        """The number that Kafka gave it."""
        return raw.partition()  # type: ignore[no-any-return]

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        """A port on which nothing listens."""
        wait = "default_api_timeout_ms" if role.reads else "max_block_ms"
        return {"brokers": f"{LOOPBACK}:{free_port()}", "type_spec": {wait: 1000}}

    def stalled(self) -> AbstractContextManager[Any]:
        """The broker's process, stopped in its tracks."""
        return self._own_broker().pausing()

    def failing_sends(self) -> AbstractContextManager[Any]:
        """A broker that answers nothing, so that sending fails after ``delivery_timeout_ms``."""
        return self.stalled()

    def disconnected(self) -> AbstractContextManager[Any]:
        """Not with the mock cluster: it has its clients connect to the port that it listens on."""
        self._own_broker()
        raise NotOffered(f"nothing can come between the mock cluster and its clients; {ON_APACHE}")

    def restart(self) -> None:
        """Not with the mock cluster."""
        self._own_broker()
        raise NotOffered(f"the mock cluster keeps nothing over a restart; {ON_APACHE}")

    def durable(self, role: Role) -> Mapping[str, Any]:
        """Nothing: Kafka keeps its messages, and a reader the place where it is."""
        return {}

    def _own_broker(self) -> MockCluster | ApacheKafka:
        if self._broker is None:
            raise NotOffered("the brokers that were named are not the harness's to stall or stop")
        return self._broker


class ApacheHarness(KafkaHarness):
    """The same with one node of Apache Kafka, which ``make brokers`` brings, behind a proxy."""

    _proxy: FaultProxy | None = None

    def make_broker(self) -> ApacheKafka:
        """A node that has its clients connect to a proxy."""
        port = free_port()
        node = ApacheKafka(advertised=f"{LOOPBACK}:{port}")
        self._proxy = FaultProxy((LOOPBACK, node.port), port)
        return node

    def start(self) -> None:
        super().start()
        if self._proxy is not None:
            self._proxy.start()

    def stop(self) -> None:
        proxy, self._proxy = self._proxy, None
        if proxy is not None:
            proxy.stop()
        super().stop()

    def address(self) -> str:
        assert self._proxy is not None
        return self._proxy.broker

    def disconnected(self) -> AbstractContextManager[Any]:
        """The proxy before the broker lets nobody through."""
        self._own_broker()
        assert self._proxy is not None
        return self._proxy.severed()

    def restart(self) -> None:
        """Kill the node and start it again on its data."""
        self._own_broker().restart(kill=True)
