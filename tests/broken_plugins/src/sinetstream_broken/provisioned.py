"""A correct plugin whose topics must be made before they are used; their names are numbers."""

from __future__ import annotations

from itertools import count

from sinetstream_broken.broker import Broker, Subscription
from sinetstream_broken.correct import MemoryHarness, MemoryReader, MemoryWriter
from sinetstream_sdk.errors import ConnectionError  # noqa: A004 - the published name


class ProvisionedBroker(Broker):
    """A shared queue that knows the topics it was told of, and no others."""

    def __init__(self) -> None:
        super().__init__(competing=True, retained=True)
        self.made: set[str] = set()

    def subscribe(self, topics: tuple[str, ...]) -> Subscription:
        self.expect_made(*topics)
        return super().subscribe(topics)

    def put(self, topic: str, payload: bytes) -> None:
        self.expect_made(topic)
        super().put(topic, payload)

    def expect_made(self, *topics: str) -> None:
        """Refuse what nobody has made.

        :raises FileNotFoundError: there is no such topic
        """
        if unknown := set(topics) - self.made:
            raise FileNotFoundError(f"no such topic: {', '.join(sorted(unknown))}")


PROVISIONED = ProvisionedBroker()


class ProvisionedReader(MemoryReader):
    """Reads topics that exist."""

    broker = PROVISIONED

    def open(self) -> None:
        try:
            super().open()
        except OSError as error:
            raise ConnectionError(f"provisioned: {error}") from error


class ProvisionedWriter(MemoryWriter):
    """Writes to topics that exist."""

    broker = PROVISIONED


class ProvisionedHarness(MemoryHarness):
    """Makes the topics."""

    broker = PROVISIONED

    def __init__(self) -> None:
        self._numbers = count(1795317106)

    def topic(self) -> str:
        name = str(next(self._numbers))
        PROVISIONED.made.add(name)
        return name
