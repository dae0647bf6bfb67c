"""What readers and writers have in common: a librdkafka client, its brokers and its errors."""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from sinetstream_sdk import errors
from sinetstream_sdk.describe import Redactor

logger = logging.getLogger(__name__)

T = TypeVar("T")

ASK_S, AGAIN_S = 0.5, 0.02
"""How long one question to the brokers may take, and when to ask again."""
DENIED = (
    KafkaError._AUTHENTICATION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)
FAR = (KafkaError.REQUEST_TIMED_OUT, KafkaError.NETWORK_EXCEPTION)
IN_VAIN = (KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT)
"""What a wait ends with, for which something that the client told before is the cause."""
# Waiting does not help here. A broker that is starting refuses neither a password nor a handshake.
FINAL = (*DENIED, KafkaError.TOPIC_EXCEPTION, KafkaError._SSL)


def distrust(properties: Mapping[str, Any]) -> str:
    """Why a broker's certificate is not accepted; the client has one message for all reasons."""
    for address in properties["bootstrap.servers"].split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            context = ssl.create_default_context(cafile=properties.get("ssl.ca.location"))
            with (
                socket.create_connection((host.strip("[]"), int(port)), ASK_S) as plain,
                context.wrap_socket(plain, server_hostname=host.strip("[]")),
            ):
                continue
        except ssl.SSLCertVerificationError as error:
            return f"; {address}: {error.verify_message}"
        except (OSError, ValueError):
            continue
    return ""


class Link:
    """One client, from its making to its closing, and what it has told of its brokers.

    :param kind: ``Producer`` or ``Consumer``
    :raises InvalidArgumentError: librdkafka refuses the properties
    """

    def __init__(self, kind: Any, properties: Mapping[str, Any]) -> None:
        self._properties = properties
        self._redactor = Redactor(properties)
        self._told: KafkaError | None = None
        self.lost_at: float | None = None
        """The monotonic time since when no broker can be reached; None if one may be."""
        try:
            self.client = kind({**properties, "error_cb": self._on_error, "logger": logger})
        except KafkaException as error:
            why = self._redactor.scrub(error.args[0].str())
            raise errors.InvalidArgumentError(f"kafka: the client refuses: {why}") from None

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.lost_at = self.lost_at or time.monotonic()
        elif self._told is None or self._told.code() not in FINAL:
            self._told = error

    def error(self, error: KafkaError, doing: str) -> errors.SinetError:
        """The error of our own for one of the client's."""
        code, text = error.code(), error.str()
        if code in IN_VAIN and self._told is not None:
            code, text = self._told.code(), f"{text}: {self._told.str()}"
        if error.fatal():
            text += "; close() and open() the writer again"
        kind = errors.ConnectionError if code < 0 or code in FAR else errors.SinetError
        kind = errors.AuthorizationError if code in DENIED else kind
        return kind(
            self._redactor.scrub(
                f"kafka: {doing} at {self._properties['bootstrap.servers']}: {text}"
            )
        )

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """A context in which the client's errors become our own."""
        try:
            yield
        except KafkaException as error:
            own = self.error(error.args[0], what)
            if self._told is not None and self._told.code() == KafkaError._SSL:
                own.args = (own.args[0] + distrust(self._properties),)
            raise own from None

    def insist(self, ask: Callable[[], T], within_s: float) -> T:
        """What ``ask`` gives, asked again till the time is up or there is no point in it.

        Messages that come meanwhile are lost, so the reader must not have begun.

        :raises KafkaException: the last answer
        """
        end = time.monotonic() + within_s
        while True:
            try:
                return ask()
            except KafkaException as error:
                self.client.poll(0)  # has the client call _on_error()
                code = error.args[0].code() if self._told is None else self._told.code()
                if code in FINAL or error.args[0].code() in FINAL or time.monotonic() >= end:
                    raise
            time.sleep(AGAIN_S)

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

    def complain_if_lost(self, topic: str, limit_s: float) -> None:
        """Raise, every ``limit_s`` seconds, if no broker could be reached for so long.

        :raises KafkaException: that is so
        """
        if self.lost_at is not None and time.monotonic() - self.lost_at >= limit_s:
            self.lost_at = time.monotonic()
            self.partitions(topic)
            self.lost_at = None
