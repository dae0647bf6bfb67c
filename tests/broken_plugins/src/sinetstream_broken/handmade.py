"""Asynchronous roles written by hand around a client library: what the broken ones derive from.

:class:`Client` is such a library: it sends on a thread of its own and tells by number which message
has been confirmed. :class:`HandmadeAsyncWriter` and :class:`HandmadeAsyncReader` use the SDK's base
classes and its promises, but none of its building blocks.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from promise import Promise

from sinetstream_broken.broker import Broker, Letter, Subscription
from sinetstream_broken.correct import MEMORY
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
)
from sinetstream_sdk.promises import Deferred
from sinetstream_sdk.spi import PluginAsyncMessageReader, PluginAsyncMessageWriter

CONNECTED_S = 10.0
RETRY_S = 0.05


class Client:
    """Sends messages on its own thread, one after another, and confirms each by its number."""

    def __init__(
        self, broker: Broker, topic: str, on_confirmed: Callable[[int, OSError | None], None]
    ) -> None:
        self._broker, self._topic, self._on_confirmed = broker, topic, on_confirmed
        self._lock = threading.Lock()
        self._count = 0
        self._queue: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="client", daemon=True)
        self._thread.start()

    def number(self) -> int:
        """A number for the next message."""
        with self._lock:
            self._count += 1
            return self._count

    def send(self, message: bytes, number: int | None = None) -> int:
        """Begin to send a message; gives its number."""
        number = self.number() if number is None else number
        self._queue.put((number, message))
        return number

    def disconnect(self, *, drain: bool = True) -> None:
        """End the thread, after it has sent what is waiting or at once."""
        if not drain:
            while not self._queue.empty():
                self._queue.get()
        self._queue.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(CONNECTED_S)

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            self._send(*entry)

    def _send(self, number: int, message: bytes) -> None:
        failure: OSError | None = None
        try:
            self._broker.put(self._topic, bytes(message))
        except OSError as error:
            failure = error
        self._on_confirmed(number, failure)


class HandmadeAsyncWriter(PluginAsyncMessageWriter):
    """Publishes through a :class:`Client`; ``publish`` and the rest are there to be mutated."""

    client_class: type[Client] = Client
    broker: ClassVar[Broker] = MEMORY

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topic = self.params.topic()
        self.client: Client | None = None
        self.outstanding: dict[int, Any] = {}

    def open(self) -> None:
        if self.client is not None:
            raise AlreadyConnectedError("handmade: this writer is open already")
        self.outstanding = {}
        self.client = self.client_class(self.broker, self.topic, self.confirmed)

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            self.disconnect(client)

    def disconnect(self, client: Client) -> None:
        """Send what is waiting, then reject what is left."""
        client.disconnect()
        for number in list(self.outstanding):
            self.confirmed(number, ConnectionAbortedError("closed before it was sent"))

    def check(self, message: bytes) -> Client:
        """The client, if there is one and the message may be sent."""
        if self.client is None:
            raise ConnectionError("handmade: this writer is not open")
        if not isinstance(message, bytes):
            raise InvalidArgumentError("handmade: a payload is bytes")
        return self.client

    def publish(self, message: bytes) -> Any:
        client = self.check(message)
        number = client.number()
        deferred: Deferred[Any] = Deferred()
        self.outstanding[number] = deferred
        client.send(message, number)
        return deferred.promise

    def confirmed(self, number: int, failure: OSError | None) -> None:
        """Called on the client's thread."""
        deferred = self.outstanding.pop(number, None)
        if deferred is None:
            return
        if failure is None:
            deferred.resolve(number)
        else:
            deferred.reject(ConnectionError(f"handmade: {failure}"))


class GuideAsyncWriter(PluginAsyncMessageWriter):
    """Hands each message to a pool of threads and makes a promise of the future (guide §4)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topic = self.params.topic()
        self.executor: ThreadPoolExecutor | None = None

    def open(self) -> None:
        if self.executor is not None:
            raise AlreadyConnectedError("handmade: this writer is open already")
        self.executor = ThreadPoolExecutor()

    def close(self) -> None:
        executor, self.executor = self.executor, None
        if executor is not None:
            executor.shutdown()

    def publish(self, message: bytes) -> Any:
        if self.executor is None:
            raise ConnectionError("handmade: this writer is not open")
        if not isinstance(message, bytes):
            raise InvalidArgumentError("handmade: a payload is bytes")
        future = self.executor.submit(lambda: MEMORY.put(self.topic, bytes(message)))
        return Promise.cast(future)


class HandmadeAsyncReader(PluginAsyncMessageReader):
    """Takes messages on a thread of its own; ``deliver`` and the rest are there to be mutated."""

    poll_s: float | None = 0.05

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topics = self.params.topics()
        self.subscription: Subscription | None = None
        self.thread: threading.Thread | None = None
        self._on_message: Any = None
        self._on_failure: Any = None
        self.settable = threading.Condition()

    @property
    def on_message(self) -> Any:
        return self._on_message

    @on_message.setter
    def on_message(self, on_message: Any) -> None:
        with self.settable:
            self._on_message = on_message
            self.settable.notify_all()

    @property
    def on_failure(self) -> Any:
        return self._on_failure

    @on_failure.setter
    def on_failure(self, on_failure: Any) -> None:
        self._on_failure = on_failure

    def open(self) -> None:
        if self.subscription is not None:
            raise AlreadyConnectedError("handmade: this reader is open already")
        self.subscription = MEMORY.subscribe(self.topics)
        self.start(self.subscription)

    def start(self, subscription: Subscription) -> None:
        """Begin to take messages."""
        self.thread = threading.Thread(
            target=self.run, args=(subscription,), name="handmade reader", daemon=True
        )
        self.thread.start()

    def close(self) -> None:
        subscription, self.subscription = self.subscription, None
        if subscription is not None:
            MEMORY.unsubscribe(subscription)
            with self.settable:
                self.settable.notify_all()
        self.join()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(CONNECTED_S)

    def run(self, subscription: Subscription) -> None:
        """What the thread does."""
        while self.subscription is subscription:
            if self.ready(subscription):
                try:
                    letter = MEMORY.take(subscription, self.poll_s)
                except OSError as error:
                    self.cut_off(error)
                    continue
                if letter is not None:
                    self.deliver(letter)

    def cut_off(self, error: OSError) -> None:
        """Report that the broker is away, and give it time to come back."""
        if self._on_failure is not None:
            self._on_failure(ConnectionError(f"handmade: {error}"))
        time.sleep(RETRY_S)

    def ready(self, subscription: Subscription) -> bool:
        """Wait until there is a callback; False if there is none yet."""
        with self.settable:
            return bool(self.settable.wait_for(lambda: self._on_message is not None, 0.05))

    def deliver(self, letter: Letter) -> None:
        """Call back, and report what the callback raises."""
        try:
            self._on_message(letter.payload, letter.topic, letter)
        except Exception as error:  # noqa: BLE001 - whatever a callback raises
            if self._on_failure is not None:
                self._on_failure(error)
