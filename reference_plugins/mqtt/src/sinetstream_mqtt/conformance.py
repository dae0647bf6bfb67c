"""What the conformance kit needs to know to judge this plugin, and the brokers to do it with.

Found through the entry-point group ``sinetstream.conformance``; nothing but the kit imports it, and
the plugin works without the kit installed.

- With nothing given, amqtt is started in a process of its own, on loopback; it is in the extra
  ``test`` of this distribution.
- ``--sinetstream-param brokers=host:port`` judges on that broker instead. It must take the topics
  ``conformance-...``; what needs a broker that can be stalled or killed is skipped.
- ``--sinetstream-harness sinetstream_mqtt.conformance:MosquittoHarness`` starts mosquitto.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_conformance.brokers.process import (
    LOOPBACK,
    BrokerProcess,
    NotInstalled,
    free_port,
    python_module,
)
from sinetstream_conformance.capabilities import Capabilities, Delivery
from sinetstream_conformance.harness import Harness, NotOffered
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.roles import Role

ON_MOSQUITTO = (
    "judge on mosquitto with --sinetstream-harness sinetstream_mqtt.conformance:MosquittoHarness"
)
PATIENCE = {"connection_timeout": 5, "publish_timeout": 3, "recovery_timeout": 2}
"""Shorter than the plugin's own defaults, which are made for real networks; in seconds."""


class Amqtt(BrokerProcess):
    """The broker that needs no installation beside pip's; it speaks MQTT 3.1.1."""

    name = "amqtt"

    def command(self) -> Sequence[str]:
        """The interpreter at hand, running :mod:`sinetstream_mqtt.embedded`."""
        if find_spec("amqtt") is None:
            raise NotInstalled(
                "the package amqtt is not installed, which is the broker to judge the plugin on; "
                "run `pip install 'sinetstream-plugin-mqtt[test]'`, or name a broker of your own "
                "with --sinetstream-param brokers=host:port"
            )
        return python_module("sinetstream_mqtt.embedded", str(self.port))


class MqttHarness(Harness):
    """Publish/subscribe, with a broker of its own unless the user has named one."""

    capabilities = Capabilities(
        delivery=Delivery.BROADCAST,
        retained=False,
        ordered=True,
        guide_constructor=True,
        largest_payload=1024 * 1024,
        consistencies=tuple(Consistency),
    )

    def __init__(self) -> None:
        self._broker: BrokerProcess | None = None
        self._proxy: FaultProxy | None = None

    def make_broker(self) -> BrokerProcess:
        """The broker to start where the user has named none."""
        return Amqtt()

    def version(self) -> str:
        """The version of that broker."""
        return version("amqtt")

    def start(self) -> None:
        """Start a broker if there is none to use."""
        if self.given.get("brokers") is None:
            self._broker = self.make_broker()
            self._broker.start()
            self._proxy = FaultProxy((LOOPBACK, self._broker.port))
            self._proxy.start()

    def stop(self) -> None:
        """Stop what was started."""
        proxy, self._proxy = self._proxy, None
        broker, self._broker = self._broker, None
        if proxy is not None:
            proxy.stop()
        if broker is not None:
            broker.close()

    def describe(self) -> str:
        if self._broker is None:
            return f"the MQTT broker at {self.given.get('brokers')}"
        return f"{self._broker.name} {self.version()} at {self._broker.address}"

    def params(self, role: Role) -> Mapping[str, Any]:
        mine = {} if self._proxy is None else {"brokers": self._proxy.broker}
        return {**mine, "type_spec": PATIENCE}

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        return {"brokers": f"{LOOPBACK}:{free_port()}"}

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the broker is gone; sending fails once publish_timeout is over."""
        broker = self._own_broker()
        broker.kill()
        try:
            yield
        finally:
            broker.start()

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which the broker's process is stopped in its tracks."""
        with self._own_broker().pausing():
            yield

    @contextmanager
    def disconnected(self) -> Iterator[None]:
        """A context in which the proxy before the broker lets nobody through."""
        self._own_broker()
        assert self._proxy is not None
        with self._proxy.severed():
            yield

    def restart(self) -> None:
        """Not with amqtt."""
        raise NotOffered(f"amqtt keeps nothing over a restart; {ON_MOSQUITTO}")

    def durable(self, role: Role) -> Mapping[str, Any]:
        """Not with amqtt: what it was sending when a connection is cut does not always come."""
        raise NotOffered(f"amqtt loses messages when a session's connection is cut; {ON_MOSQUITTO}")

    def _own_broker(self) -> BrokerProcess:
        if self._broker is None:
            raise NotOffered("the broker that was named is not the harness's to stall or stop")
        return self._broker


class MosquittoHarness(MqttHarness):
    """The same with mosquitto, which has to be installed."""

    def make_broker(self) -> BrokerProcess:
        return Mosquitto()

    def version(self) -> str:
        return Mosquitto.version()

    def restart(self) -> None:
        """Stop mosquitto in order, since it saves its sessions then, and start it again."""
        self._own_broker().restart()

    def durable(self, role: Role) -> Mapping[str, Any]:
        """Nothing: from QoS 1 on the plugin has the broker keep its session by itself."""
        return {}
