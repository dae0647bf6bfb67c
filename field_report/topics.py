"""Topics of a Kafka broker, made and waited for with the client that the official plugin uses."""

from __future__ import annotations

import time
from contextlib import suppress

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from kafka import KafkaConsumer, TopicPartition

PARTITIONS = 4
READY_WITHIN_S = 20.0


class KafkaTopics:
    """Makes topics on one broker; whoever has made it closes it."""

    def __init__(self, address: str) -> None:
        self._admin = KafkaAdminClient(bootstrap_servers=address)
        self._client = KafkaConsumer(bootstrap_servers=address)

    def make(self, *names: str) -> None:
        """Make topics, and return once each of their partitions has a leader that answers.

        :raises TimeoutError: that took longer than ``READY_WITHIN_S``
        """
        wanted = [NewTopic(name, PARTITIONS, 1) for name in names]
        parts = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
        end = time.monotonic() + READY_WITHIN_S
        while True:
            try:  # anything may fail for a moment after the broker was restarted
                if wanted:
                    with suppress(TopicAlreadyExistsError):
                        self._admin.create_topics(wanted)
                    wanted = []
                self._client.end_offsets(parts)
            except (KafkaError, KeyError) as error:  # KeyError: a partition it had no answer for
                if time.monotonic() > end:
                    raise TimeoutError(f"the topics {names} are not ready: {error}") from error
                time.sleep(0.01)
            else:
                return

    def close(self) -> None:
        """Close both connections."""
        self._client.close()
        self._admin.close()
