"""Harnesses for the official MQTT and Kafka plugins: what they can do, and the brokers for them.

They stand here, and not in the kit, because the kit knows no plugin by name. Each declares what the
documentation of its plugin promises, and gives the parameters that its users give.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from field_report.topics import KafkaTopics
from sinetstream_conformance.brokers.kafka import ApacheKafka
from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_conformance.brokers.process import LOOPBACK, BrokerProcess, free_port
from sinetstream_conformance.capabilities import Capabilities, Delivery, Order
from sinetstream_conformance.harness import Harness, NotOffered
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.roles import Role


class _OfficialHarness(Harness):
    """A broker of the run's own behind a proxy, unless the user has named one."""

    def __init__(self) -> None:
        self._broker: BrokerProcess | None = None
        self._proxy: FaultProxy | None = None

    def make_broker(self, proxy_port: int) -> BrokerProcess:
        """The broker to start, whose clients connect to a proxy on that port."""
        raise NotImplementedError

    def describe_broker(self) -> str:
        """Its name and version."""
        raise NotImplementedError

    def start(self) -> None:
        if self.given.get("brokers") is None:
            port = free_port()
            self._broker = self.make_broker(port)
            self._broker.start()
            self._proxy = FaultProxy((LOOPBACK, self._broker.port), port)
            self._proxy.start()

    def stop(self) -> None:
        proxy, self._proxy = self._proxy, None
        broker, self._broker = self._broker, None
        if proxy is not None:
            proxy.stop()
        if broker is not None:
            broker.close()

    def describe(self) -> str:
        if self._broker is None:
            return f"the brokers at {self.given.get('brokers')}"
        return f"{self.describe_broker()}, at {self._broker.address}"

    def params(self, role: Role) -> Mapping[str, Any]:
        return {} if self._proxy is None else {"brokers": self._proxy.broker}

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        return {"brokers": f"{LOOPBACK}:{free_port()}"}

    def stalled(self) -> AbstractContextManager[Any]:
        return self._own_broker().pausing()

    @contextmanager
    def disconnected(self) -> Iterator[None]:
        self._own_broker()
        assert self._proxy is not None
        with self._proxy.severed():
            yield

    def _own_broker(self) -> BrokerProcess:
        if self._broker is None:
            raise NotOffered("the broker that was named is not the harness's to stall or stop")
        return self._broker


class OfficialMqtt(_OfficialHarness):
    """sinetstream-mqtt on mosquitto."""

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=True,
        largest_payload=1024 * 1024,
        consistencies=tuple(Consistency),
    )

    def make_broker(self, proxy_port: int) -> BrokerProcess:
        return Mosquitto()

    def describe_broker(self) -> str:
        return f"mosquitto {Mosquitto.version()}"

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        broker = self._own_broker()
        broker.kill()
        try:
            yield
        finally:
            broker.start()

    def restart(self) -> None:
        """Stop mosquitto in order, since it saves its sessions then, and start it again."""
        self._own_broker().restart()

    def durable(self, role: Role) -> Mapping[str, Any]:
        """A session that mosquitto keeps for the reader, as paho 1.x asks for it."""
        return {
            "client_id": f"durable-{uuid.uuid4().hex[:12]}",
            "type_spec": {"clean_session": False},
        }


class OfficialKafka(_OfficialHarness):
    """sinetstream-kafka on one node of Apache Kafka.

    Topics are made before they are used, as users of Kafka make them: a client that meets a topic
    which the broker is only just making fails now and then, and that says nothing of a plugin.
    """

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=Order.PARTITION,
        largest_payload=900_000,
    )

    def __init__(self) -> None:
        super().__init__()
        self._topics: KafkaTopics | None = None

    def make_broker(self, proxy_port: int) -> BrokerProcess:
        return ApacheKafka(advertised=f"{LOOPBACK}:{proxy_port}")

    def describe_broker(self) -> str:
        assert isinstance(self._broker, ApacheKafka)
        return self._broker.describe()

    def start(self) -> None:
        super().start()
        if isinstance(self._broker, ApacheKafka):
            # The listener that the proxy is not in front of.
            self._topics = KafkaTopics(f"{LOOPBACK}:{self._broker.inner_port}")
        else:
            self._topics = KafkaTopics(str(self.given["brokers"]))

    def stop(self) -> None:
        if self._topics is not None:
            self._topics.close()
        super().stop()

    def topic(self) -> str:
        name = super().topic()
        assert self._topics is not None
        # The rule about topics that are nearly the same adds to a name or changes its case.
        self._topics.make(name, f"{name}-2", name.swapcase())
        return name

    def params(self, role: Role) -> Mapping[str, Any]:
        """The address, and for writers a shorter wait than kafka-python's 30 s."""
        waits = {} if role.reads else {"request_timeout_ms": 3000, "max_block_ms": 5000}
        return {**super().params(role), "type_spec": waits}

    def partition(self, raw: Any) -> Hashable:
        return raw.partition  # type: ignore[no-any-return]

    def failing_sends(self) -> AbstractContextManager[Any]:
        return self.stalled()

    def restart(self) -> None:
        """Kill the node and start it again on its data."""
        self._own_broker().restart(kill=True)

    def durable(self, role: Role) -> Mapping[str, Any]:
        """A group, for which Kafka keeps the place where the reader is."""
        return {"type_spec": {"group_id": f"durable-{uuid.uuid4().hex[:12]}"}}
