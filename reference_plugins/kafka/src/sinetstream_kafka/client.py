"""What readers and writers have in common: a librdkafka client, its brokers and its errors."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from sinetstream_sdk import errors
from sinetstream_sdk.describe import Redactor
from sinetstream_sdk.params import Params, Tls

logger = logging.getLogger(__name__)
T = TypeVar("T")

ASK_S, AGAIN_S = 0.5, 0.02
"""How long one question to the brokers may take, and when to ask again."""
# What a wait ends with, for which something that the client told before is the cause.
IN_VAIN = (KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT)


def denied(error: KafkaError) -> bool:
    """Whether it is about the password, or about what the user may do."""
    return "AUTHENTICATION" in error.name() or "AUTHORIZATION" in error.name()


def final(error: KafkaError) -> bool:
    """Whether waiting does not help. No broker refuses these while it is starting."""
    return denied(error) or error.code() in (KafkaError.TOPIC_EXCEPTION, KafkaError._SSL)


class Connection:
    """One client, from its making to its closing, and what it has told of its brokers.

    :param kind: ``Producer`` or ``Consumer``
    :param wait_s: how long to wait for brokers that do not answer
    :raises InvalidArgumentError: librdkafka refuses the properties
    """

    def __init__(self, kind: Any, properties: Mapping[str, Any], wait_s: float) -> None:
        self.brokers: str = properties["bootstrap.servers"]
        self.wait_s = wait_s
        self.lost_at: float | None = None
        """Since when no broker can be reached; None where one may be."""
        self._tls = Tls(ca_certs=properties.get("ssl.ca.location"))
        self._redactor = Redactor(properties)
        self._told: KafkaError | None = None
        try:
            self.client = kind({**properties, "error_cb": self._on_error, "logger": logger})
        except KafkaException as error:
            why = self._redactor.scrub(error.args[0].str())
            raise errors.InvalidArgumentError(f"kafka: the client refuses: {why}") from None

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.lost_at = self.lost_at or time.monotonic()
        elif self._told is None or not final(self._told):
            self._told = error

    def error(self, error: KafkaError, doing: str) -> errors.SinetError:
        """The error of our own for one of the client's."""
        text = error.str()
        if error.code() in IN_VAIN and self._told is not None:
            error, text = self._told, f"{text}: {self._told.str()}"
        if error.code() == KafkaError._SSL:
            text += self._distrust()
        if error.fatal():
            text += "; close() and open() the writer again"
        kind = errors.ConnectionError if error.code() < 0 else errors.SinetError
        kind = errors.AuthorizationError if denied(error) else kind
        return kind(self._redactor.scrub(f"kafka: {doing} at {self.brokers}: {text}"))

    def _distrust(self) -> str:
        """Why the brokers' certificates are refused; the client has one message for all reasons."""
        brokers = Params({"brokers": self.brokers}).brokers(9092)
        reasons = ((broker, self._tls.distrust(broker, ASK_S)) for broker in brokers)
        return next((f"; {broker}: {why}" for broker, why in reasons if why), "")

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """A context in which the client's errors become our own."""
        try:
            yield
        except KafkaException as error:
            raise self.error(error.args[0], what) from None

    def insist(self, ask: Callable[..., T], *args: Any) -> T:
        """What ``ask`` gives, asked again till the time is up or there is no point in it.

        :raises KafkaException: the last answer
        """
        end = time.monotonic() + self.wait_s
        while True:
            try:
                return ask(*args)
            except KafkaException as error:
                self.poll(AGAIN_S)  # has the client call _on_error(), too
                if final(error.args[0]) or final(self._told or error.args[0]):
                    raise
                if time.monotonic() >= end:
                    raise

    def poll(self, within_s: float) -> None:
        """Leave the client to wait, and to call back meanwhile."""
        self.client.poll(within_s)

    def partitions(self, topic: str) -> list[int]:
        """The numbers of the topic's partitions.

        :raises KafkaException: no broker answers, or some partition has none
        """
        told = self.client.list_topics(topic, timeout=ASK_S).topics[topic]
        if told.error is not None:
            raise KafkaException(told.error)
        if any(partition.leader < 0 for partition in told.partitions.values()):
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        self._told = None
        return sorted(told.partitions)
