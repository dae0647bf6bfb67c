"""What the conformance kit needs to know to judge this plugin.

Found through the entry-point group ``sinetstream.conformance``; nothing but the kit imports it, and
the plugin works without the kit installed.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from sinetstream_conformance.capabilities import Capabilities, Delivery
from sinetstream_conformance.harness import Harness
from sinetstream_queue.plugin import broker
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.errors import ConnectionError as BrokerGone

STALL_LIMIT_S = 60.0
"""How long a stalled message waits for the end of a context that is never left."""


class QueueHarness(Harness):
    """The broker is this process: there is nothing to start, and it fails only if made to."""

    capabilities = Capabilities(
        delivery=Delivery.COMPETING,
        retained=True,
        ordered=True,
        guide_constructor=True,
        largest_payload=1024 * 1024,
        consistencies=tuple(Consistency),
    )

    def describe(self) -> str:
        return "queues in this process"

    @contextmanager
    def failing_sends(self) -> Iterator[None]:
        """A context in which the broker refuses every message."""

        def refuse(topic: str, payload: bytes) -> None:
            raise BrokerGone(f"queue: the harness refuses {len(payload)} bytes for {topic!r}")

        with patch.object(broker, "put", refuse):
            yield

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """A context in which putting a message takes as long as the context lasts."""
        over = threading.Event()
        put = broker.put

        def wait_and_put(topic: str, payload: bytes) -> None:
            if not over.wait(STALL_LIMIT_S):
                raise BrokerGone(f"queue: stalled for more than {STALL_LIMIT_S} s")
            put(topic, payload)

        with patch.object(broker, "put", wait_and_put):
            try:
                yield
            finally:
                over.set()


HARNESS = QueueHarness()
