"""A correct plugin that derives from nothing, written by hand the way the guide writes its example.

It has generators for iterators, threads of its own and its own look at the parameters. From the SDK
it takes the errors, without which no host could tell them apart, and the promise, since a plain one
loses callbacks when two threads meet at it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from promise import Promise

from sinetstream_broken.broker import Broker, Subscription
from sinetstream_broken.correct import MemoryHarness
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
)
from sinetstream_sdk.promises import Deferred

BROKER = Broker(competing=True, retained=True)
POLL_S = 0.02
CLOSE_WITHIN_S = 5.0


def topics_of(params: dict[str, Any]) -> tuple[str, ...]:
    """The topics in ``topics`` or ``topic``."""
    value = params.get("topics")
    if value is None:
        value = params.get("topic")
    topics = (value,) if isinstance(value, str) else value
    if not isinstance(topics, list | tuple) or not topics:
        raise InvalidArgumentError(f"structural: topic must be a str or a list, not {value!r}")
    if not all(isinstance(topic, str) and topic for topic in topics):
        raise InvalidArgumentError(f"structural: topic must be a str that is not empty: {value!r}")
    return tuple(topics)


def timeout_of(params: dict[str, Any]) -> float | None:
    """``receive_timeout_ms`` in seconds, None where there is no limit."""
    value = params.get("receive_timeout_ms")
    if value is None or value == math.inf:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InvalidArgumentError(f"structural: receive_timeout_ms must be a time, not {value!r}")
    return value / 1000


def payload_of(message: object) -> bytes:
    """The message as plain bytes."""
    if not isinstance(message, bytes):
        raise InvalidArgumentError(f"structural: publish() takes bytes, not {type(message)}")
    return bytes(message)


class StructuralReader:
    """Shares a queue with the other readers of its topics."""

    def __init__(self, *args: Any) -> None:
        params = args[-1]
        self._topics = topics_of(params)
        self._timeout_s = timeout_of(params)
        self._subscription: Subscription | None = None

    def open(self) -> None:
        if self._subscription is None:
            self._subscription = BROKER.subscribe(self._topics)

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            BROKER.unsubscribe(subscription)

    def __iter__(self) -> Iterator[tuple[bytes, str, Any]]:
        subscription = self._subscription
        if subscription is None:
            raise ConnectionError("structural: this reader is not open; call open() first")
        while True:
            try:
                letter = BROKER.take(subscription, self._timeout_s)
            except OSError as error:
                raise ConnectionError(f"structural: {error}") from error
            if letter is None:
                return
            yield letter.payload, letter.topic, letter

    def metrics(self) -> Any:
        return {"open": self._subscription is not None}

    def reset_metrics(self) -> None:
        pass


class StructuralWriter:
    """Puts messages into the queue."""

    def __init__(self, *args: Any) -> None:
        (self._topic,) = topics_of({"topic": args[-1].get("topic")})
        self._open = False

    def open(self) -> None:
        self._open = True

    def close(self) -> None:
        self._open = False

    def publish(self, message: bytes) -> None:
        payload = payload_of(message)
        if not self._open:
            raise ConnectionError("structural: this writer is not open; call open() first")
        try:
            BROKER.put(self._topic, payload)
        except OSError as error:
            raise ConnectionError(f"structural: {error}") from error

    def metrics(self) -> Any:
        return None

    def reset_metrics(self) -> None:
        pass


class StructuralAsyncReader:
    """A thread that polls the queue and calls back."""

    def __init__(self, *args: Any) -> None:
        self._topics = topics_of(args[-1])
        timeout_of(args[-1])
        self._on_message: Callable[[bytes, str, Any], object] | None = None
        self._on_failure: Callable[[Exception], object] | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def on_message(self) -> Callable[[bytes, str, Any], object] | None:
        return self._on_message

    @on_message.setter
    def on_message(self, on_message: Callable[[bytes, str, Any], object] | None) -> None:
        self._on_message = on_message

    @property
    def on_failure(self) -> Callable[[Exception], object] | None:
        return self._on_failure

    @on_failure.setter
    def on_failure(self, on_failure: Callable[[Exception], object] | None) -> None:
        self._on_failure = on_failure

    def open(self) -> None:
        if self._thread is not None and not self._stop.is_set():
            raise AlreadyConnectedError("structural: this reader is open; call close() first")
        self.close()
        self._stop = threading.Event()
        subscription = BROKER.subscribe(self._topics)
        self._thread = threading.Thread(target=self._run, args=(self._stop, subscription))
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
            self._thread = None

    def _run(self, stop: threading.Event, subscription: Subscription) -> None:
        try:
            while not stop.is_set():
                # Nothing is fetched that nobody wants, so nothing is dropped.
                callback = self._on_message
                if callback is None:
                    stop.wait(POLL_S)
                    continue
                try:
                    letter = BROKER.take(subscription, POLL_S)
                except OSError as error:
                    self._report(ConnectionError(f"structural: {error}"))
                    stop.wait(POLL_S)
                    continue
                if letter is not None:
                    self._call((self._on_message or callback), letter.payload, letter.topic, letter)
        finally:
            BROKER.unsubscribe(subscription)

    def _call(self, callback: Callable[..., object], *arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception as error:  # noqa: BLE001 - the user's code; its errors are reported
            self._report(error)

    def _report(self, error: Exception) -> None:
        on_failure = self._on_failure
        if on_failure is not None:
            on_failure(error)

    def metrics(self) -> Any:
        return None

    def reset_metrics(self) -> None:
        pass


class StructuralAsyncWriter:
    """A thread that sends, and settles a promise for each message."""

    def __init__(self, *args: Any) -> None:
        (self._topic,) = topics_of({"topic": args[-1].get("topic")})
        self._changed = threading.Condition()
        self._waiting: deque[tuple[bytes, Deferred[None]]] = deque()
        self._thread: threading.Thread | None = None
        self._open = False

    def open(self) -> None:
        if self._open:
            raise AlreadyConnectedError("structural: this writer is open; call close() first")
        self._open = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return
        ends = time.monotonic() + CLOSE_WITHIN_S
        thread.join(max(0.0, ends - time.monotonic()))
        while self._waiting:
            _, deferred = self._waiting.popleft()
            deferred.reject(ConnectionError("structural: closed before this message was sent"))

    def publish(self, message: bytes) -> Promise[None]:
        payload = payload_of(message)
        deferred: Deferred[None] = Deferred()
        with self._changed:
            if self._open:
                self._waiting.append((payload, deferred))
                self._changed.notify_all()
                return deferred.promise
        deferred.reject(ConnectionError("structural: this writer is not open; call open() first"))
        return deferred.promise

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or not self._open)
                if not self._waiting:
                    return
                payload, deferred = self._waiting.popleft()
            try:
                BROKER.put(self._topic, payload)
            except OSError as error:
                refused = ConnectionError(f"structural: {error}")
                refused.__cause__ = error
                deferred.reject(refused)
            else:
                deferred.resolve(None)

    def metrics(self) -> Any:
        return {"waiting": len(self._waiting)}

    def reset_metrics(self) -> None:
        pass


class StructuralHarness(MemoryHarness):
    """The harness of the plugin that derives from nothing."""

    broker = BROKER
