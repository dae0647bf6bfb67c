"""The Kafka plugin on Apache Kafka, of which a node is killed outright and started again."""

from __future__ import annotations

import logging
import time
import uuid
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Producer

from sinetstream_conformance.brokers.kafka import ApacheKafka, KafkaCluster
from sinetstream_kafka.reader import KafkaAsyncReader
from sinetstream_kafka.writer import KafkaAsyncWriter, KafkaWriter
from sinetstream_sdk.consistency import Consistency
from soak.run import Site

__all__ = ["KafkaSite"]

PATIENCE_MS = 120_000
COPIES_WITHIN_S = 60.0
ASK_S = 2.0

# Each refused connection has a line there, and there are thousands.
logging.getLogger("sinetstream_kafka").setLevel(logging.CRITICAL)


class KafkaSite(Site):
    """One node or several, each of which is killed in its turn.

    With three, each message is kept three times and counts as written once two have it. The next
    one is killed only after the last has caught up: more than that three nodes do not promise.
    """

    reader, writer, async_writer = KafkaAsyncReader, KafkaWriter, KafkaAsyncWriter

    def __init__(self, nodes: str = "1") -> None:
        self._brokers = KafkaCluster(int(nodes)) if int(nodes) > 1 else ApacheKafka()
        self._topic = f"soak-{uuid.uuid4().hex[:8]}"
        self._kills = 0

    def describe(self) -> str:
        nodes = self._nodes()
        return nodes[0].describe().replace("one node", f"{len(nodes)} node(s), killed in turn")

    def params(self, guarantee: Consistency, reads: bool) -> dict[str, Any]:
        wait = "default_api_timeout_ms" if reads else "delivery_timeout_ms"
        return {
            "brokers": self._brokers.address,
            "topic": self._topic,
            "consistency": guarantee.name,
            "type_spec": {wait: PATIENCE_MS, "reconnect_backoff_max_ms": 500},
        }

    def partition(self, raw: Any) -> str:
        return str(raw.partition())

    def restart(self) -> None:
        nodes = self._nodes()
        nodes[self._kills % len(nodes)].restart(kill=True)
        self._kills += 1
        self._await_copies()

    def _nodes(self) -> list[ApacheKafka]:
        brokers = self._brokers
        return [brokers] if isinstance(brokers, ApacheKafka) else list(brokers.nodes.values())

    def _await_copies(self) -> None:
        """Wait until every node has what it missed.

        :raises TimeoutError: one has not, in time
        """
        client = Producer({"bootstrap.servers": self._brokers.address, "log_level": 0})
        end = time.monotonic() + COPIES_WITHIN_S
        try:
            while not self._complete(client):
                if time.monotonic() >= end:
                    raise TimeoutError(f"no complete copies {COPIES_WITHIN_S:g} s after a kill")
                time.sleep(0.1)
        finally:
            client.close()

    def _complete(self, client: Producer) -> bool:
        try:
            told = client.list_topics(self._topic, timeout=ASK_S).topics[self._topic]
        except Exception:  # noqa: BLE001 - asked again, till the time is up
            return False
        wanted = min(len(self._nodes()), 3)
        return all(len(one.isrs) == wanted for one in told.partitions.values())

    def __enter__(self) -> Self:
        self._brokers.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._brokers.close()
