"""What goes over a connection: messages received until they are taken, or sent until confirmed."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import MQTT_ERR_NO_CONN, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.client import refused
from sinetstream_mqtt.connection import IDLE_S, Connection
from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk import errors
from sinetstream_sdk.promises import Deferred, SafePromise

logger = logging.getLogger(__name__)


class Received:
    """A message, and the number of the connection on which its acknowledgement is expected."""

    def __init__(self, message: MQTTMessage, number: int) -> None:
        self.message, self.number = message, number


class Subscription(Connection):
    """Receives; a message of QoS 1 is acknowledged once the next one is asked for, or on close.

    The broker sends only so many that are not acknowledged, so that they cannot pile up here.
    """

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        super().__init__(settings, topics, resumes=settings.qos > 0)
        self._inbox: deque[Received] = deque()
        self._taken: Received | None = None
        self._to_confirm: deque[Received] = deque()
        assert self._client is not None
        self._client.on_message = self._on_message

    def take(self, timeout_s: float | None) -> MQTTMessage | None:
        """The next message; None once the time is up or the connection closed.

        :raises ConnectionError: there is no connection, and has not been for some time
        """
        end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            self._confirm_taken()
            while not self._inbox and not self._stopping:
                if gone := self._gone():
                    raise gone
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, IDLE_S))
            if self._stopping:
                if self._ended and self._failure:
                    raise self._failure
                return None
            self._taken = self._inbox.popleft()
            return self._taken.message

    def close(self) -> None:
        with self._changed:
            self._confirm_taken()
        super().close()

    def _confirm_taken(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None and taken.message.qos == 1:
            self._to_confirm.append(taken)
            self._wake()

    def _drained(self) -> bool:
        return not self._to_confirm or not self._up

    def _work(self) -> bool:
        while self._up and self._to_confirm:
            taken = self._to_confirm.popleft()
            if taken.number == self._number and self._client is not None:
                self._client.ack(taken.message.mid, 1)
        return False

    def _on_message(self, _: Any, __: Any, message: MQTTMessage) -> None:
        with self._changed:
            if message.dup and message.qos == 1 and self._still_here(message):
                return
            self._inbox.append(Received(message, self._number))
            self._changed.notify()

    def _still_here(self, again: MQTTMessage) -> bool:
        """Whether a message that comes again, after reconnecting, has not been taken yet."""
        for waiting in self._inbox:
            old = waiting.message
            same = (old.mid, old.topic, old.payload) == (again.mid, again.topic, again.payload)
            if same and waiting.number < self._number:
                waiting.number = self._number
                return True
        return False


class Sent:
    """A message, its promise, and the monotonic time by which that is settled."""

    def __init__(self, payload: bytes, deadline: float) -> None:
        self.payload, self.deadline = payload, deadline
        self.outcome: Deferred[None] = Deferred()


class Publication(Connection):
    """Sends; no more are given to paho than may be in flight, so that the rest can be called back.

    Promises are settled on the thread, but outside paho, which holds locks while it calls back.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        super().__init__(settings, resumes=settings.qos == 2)
        self._topic = topic
        self._queue: deque[Sent] = deque()
        self._in_flight: dict[int, Sent] = {}
        self._answers: deque[tuple[int, ReasonCode]] = deque()
        assert self._client is not None
        self._client.on_publish = self._on_publish

    def send(self, payload: bytes) -> SafePromise[None]:
        """A promise that is fulfilled once the broker has the message, as QoS defines that.

        :raises ConnectionError: the connection is closed
        """
        sent = Sent(payload, time.monotonic() + self._settings.publish_timeout)
        limit = self._settings.max_queued
        with self._changed:
            if self._stopping:
                raise self._failure or errors.ConnectionError("mqtt: this writer is closed")
            full = 0 < limit <= len(self._queue)
            if not full:
                self._queue.append(sent)
                self._wake()
        if full:
            text = f"mqtt: {limit} messages are waiting, which is max_queued_messages.queue_size"
            sent.outcome.reject(errors.SinetError(text))
        return sent.outcome.promise

    def _drained(self) -> bool:
        return not self._queue and not any(
            s.outcome.promise.is_pending for s in self._in_flight.values()
        )

    def _next_deadline(self) -> float:
        heads = [sent.deadline for sent in self._pending()]
        return min(heads, default=float("inf"))

    def _pending(self) -> list[Sent]:
        """The oldest that waits, and the oldest in flight whose promise is not settled."""
        flying = (s for s in self._in_flight.values() if s.outcome.promise.is_pending)
        return [*list(self._queue)[:1], *([first] if (first := next(flying, None)) else [])]

    def _work(self) -> bool:
        room = self._settings.max_inflight - len(self._in_flight)
        while self._up and self._queue and room > 0:
            room -= 1
            self._publish(self._queue.popleft())
        while self._answers:
            mid, reason = self._answers.popleft()
            sent = self._in_flight.pop(mid, None)
            if sent is not None and reason.is_failure:
                self._reject(sent, refused(self._settings, "the message", reason))
            elif sent is not None:
                self._settle(sent.outcome.resolve, None)
        self._expire(time.monotonic())
        return bool(self._up and self._queue and len(self._in_flight) < self._settings.max_inflight)

    def _publish(self, sent: Sent) -> None:
        assert self._client is not None
        settings = self._settings
        try:
            info = self._client.publish(self._topic, sent.payload, settings.qos, settings.retain)
        except ValueError as error:
            self._reject(sent, errors.InvalidArgumentError(f"mqtt: {error}"))
            return
        if info.rc == MQTT_ERR_NO_CONN and settings.qos == 0:
            self._queue.appendleft(sent)
        else:
            self._in_flight[info.mid] = sent

    def _expire(self, now: float) -> None:
        why = self._failure or f"{self._settings.broker} has not answered"
        within = f"within {self._settings.publish_timeout:g} s"
        while self._queue and self._queue[0].deadline <= now:
            text = f"mqtt: the message could not be sent {within}: {why}"
            self._reject(self._queue.popleft(), errors.ConnectionError(text))
        for sent in self._in_flight.values():
            if sent.deadline > now:
                break
            text = f"mqtt: the message was not confirmed {within}, and may or may not arrive: {why}"
            self._reject(sent, errors.ConnectionError(text))

    def _abandon(self) -> None:
        why = f": {self._failure}" if self._failure else ""
        for left, text in (
            (self._queue, "closed before the message was sent"),
            (self._in_flight.values(), "closed before the message was confirmed; it may arrive"),
        ):
            for sent in left:
                self._reject(sent, errors.ConnectionError(f"mqtt: {text}{why}"))

    def _reject(self, sent: Sent, error: Exception) -> None:
        if sent.outcome.promise.is_pending:
            self._settle(sent.outcome.reject, error)

    def _settle(self, settle: Callable[[Any], bool], outcome: object) -> None:
        try:
            settle(outcome)
        except BaseException:  # as sys.exit() in a callback; other promises are waiting still
            logger.exception("mqtt: the callback of a promise raised")

    def _on_publish(self, _: Any, __: Any, mid: int, reason: ReasonCode, ___: Any) -> None:
        self._answers.append((mid, reason))
