"""librdkafka's mock cluster as a process of its own, which can be paused and killed.

    python -m sinetstream_kafka.mock FILE

It writes its address to FILE once it takes connections. It makes topics by itself, with four
partitions, keeps everything in memory and speaks neither TLS nor SASL.
"""

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer, libversion

from sinetstream_conformance.brokers.process import BrokerProcess, python_module

START_WITHIN_S = 10.0


class MockCluster(BrokerProcess):
    """One broker of librdkafka's mock cluster; the system chooses its port."""

    name = "mock Kafka cluster"

    def command(self) -> Sequence[str]:
        """The interpreter at work here, running this module."""
        return python_module(__name__, str(self._told))

    def prepare(self) -> None:
        """Forget the address of the last run."""
        self._told.unlink(missing_ok=True)

    def ports(self) -> tuple[int, ...]:
        """The port, once the cluster has told it."""
        if not self._told.exists():
            return ()
        self.port = int(self._told.read_text(encoding="utf-8"))
        return (self.port,)

    def ready(self) -> bool:
        """Whether the cluster has told its port."""
        return bool(self.ports())

    def describe(self) -> str:
        """What reports call it."""
        return f"mock cluster of librdkafka {libversion()[0]} in a process of its own"

    @property
    def _told(self) -> Path:
        return self.folder / "port"


def main(file: Path) -> None:
    """Run a cluster until the process is ended."""
    client = Producer({"test.mock.num.brokers": 1, "logger": logging.getLogger(__name__)})
    (broker,) = client.list_topics(timeout=START_WITHIN_S).brokers.values()
    part = file.with_suffix(".part")
    part.write_text(str(broker.port), encoding="utf-8")
    part.rename(file)
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
