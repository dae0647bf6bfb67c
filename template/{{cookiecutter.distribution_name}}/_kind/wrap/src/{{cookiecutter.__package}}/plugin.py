{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
{% set async_reads, async_writes = cookiecutter.__async_reader, cookiecutter.__async_writer %}
"""The roles of the plugin, wrapped around a client library that knows nothing of SINETStream.

{% if async_reads and async_writes %}
The synchronous ones come first; the SDK makes the asynchronous ones out of them.
{% elif async_reads or async_writes %}
The SDK makes the asynchronous role out of the synchronous one of the same direction.
{% else %}
A constructor only looks at the parameters; ``open()`` is what connects.
{% endif %}
"""

import threading
{% if reads %}
import time
{% endif %}
from collections.abc import Iterator
from contextlib import contextmanager
{% if reads %}
from dataclasses import dataclass
{% endif %}
from typing import Any

from sinetstream_sdk import errors
from sinetstream_sdk.consistency import EXACTLY_ONCE
from sinetstream_sdk.params import Broker, Params
{% if async_reads %}
from sinetstream_sdk.polling import PollingAsyncReader
{% endif %}
{% if async_writes %}
from sinetstream_sdk.publishing import PublishingAsyncWriter
{% endif %}
{% if reads and writes %}
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter
{% elif reads %}
from sinetstream_sdk.spi import PluginMessageReader
{% else %}
from sinetstream_sdk.spi import PluginMessageWriter
{% endif %}

# REPLACE: vendor by the library that you wrap, whose import belongs to those above.
from {{ cookiecutter.__package }} import TYPE, vendor

# REPLACE: the port of your system, for addresses without one; and in the README.
DEFAULT_PORT = 7412
{% if reads %}
STEP_S = 0.05
"""How long one call of the library may block; ``close()`` may take that long."""
LEAST_S = 0.001
"""What stands for no time at all: to many libraries 0 means for ever."""
{% endif %}
{% if writes %}
TIMEOUT_MS = 5000
{% endif %}


@contextmanager
def translated(what: str, broker: Broker) -> Iterator[None]:
    """Turn the library's errors into SINETStream's."""
    # REPLACE: name the errors of the library that you wrap, those of the connection first.
    try:
        yield
    except vendor.NotReachableError as error:
        raise errors.ConnectionError(
            f"{TYPE}: cannot {what}: the broker at {broker} is not there ({error}); see that it "
            "runs, and that 'brokers' names it"
        ) from error
    except vendor.VendorError as error:
        raise errors.SinetError(f"{TYPE}: cannot {what} at {broker}: {error}") from error


def broker_in(params: Params) -> Broker:
    """The broker to connect to.

    :raises InvalidArgumentError: a parameter is wrong, or asks for what the library cannot do
    """
    # REPLACE: read the parameters of your own here, and refuse what you cannot do as you see below.
    if params.tls() is not None:
        raise params.invalid("tls", "false or absent, because the library does not encrypt")
    if params.consistency() is EXACTLY_ONCE:
        raise params.invalid("consistency", "AT_MOST_ONCE or AT_LEAST_ONCE")
    brokers = params.brokers(DEFAULT_PORT)
    if len(brokers) > 1:
        raise params.invalid("brokers", "one address")
    return brokers[0]
{% if reads %}


# REPLACE: vendor.Record, here and below, by the type of your library's messages.
@dataclass
class Messages(Iterator[tuple[bytes, str, vendor.Record]]):
    """Each ``next()`` waits the whole time anew; once over, it is over for good."""

    reader: "{{ cookiecutter.__class }}Reader"
    over: bool = False

    def __next__(self) -> tuple[bytes, str, vendor.Record]:
        record = None if self.over else self.reader.receive()
        if record is None:
            self.over = True
            raise StopIteration
        # REPLACE: the payload as bytes, its topic, and the message as the library has it.
        return record.body, record.subject, record


class {{ cookiecutter.__class }}Reader(PluginMessageReader):
    """Receives from the topics named by ``topics`` or ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topics = self.params.topics()
        self._timeout_s = self.params.receive_timeout_s()
        self._broker = broker_in(self.params)
        # REPLACE: vendor.Client, here and below, by your library's client.
        self._client: vendor.Client | None = None
        self._one_at_a_time = threading.Lock()

    def open(self) -> None:
        if self._client is not None:
            raise errors.AlreadyConnectedError(f"{TYPE}: this reader is open; call close() first")
        # REPLACE: connect and subscribe, with a deadline.
        client = vendor.Client(str(self._broker))
        with translated("open()", self._broker):
            client.connect()
            for topic in self._topics:
                client.subscribe(topic)
        self._client = client

    def close(self) -> None:
        client, self._client = self._client, None  # receive() sees it after a step at most
        if client is not None:
            with self._one_at_a_time, translated("close()", self._broker):
                client.disconnect()  # REPLACE: disconnect

    # REPLACE: vendor.Record by the type of your library's messages.
    def receive(self) -> vendor.Record | None:
        """The next message, or None once the time is up or the reader was closed meanwhile.

        The library cannot be woken, so it is asked for a short time again and again.
        """
        client = self._client
        if client is None:
            raise errors.ConnectionError(f"{TYPE}: this reader is not open; call open() first")
        now = time.monotonic()
        end = None if self._timeout_s is None else now + self._timeout_s
        is_first = True
        while client is self._client and (is_first or end is None or now < end):
            step = STEP_S if end is None else max(LEAST_S, min(STEP_S, end - now))
            with self._one_at_a_time, translated("receive", self._broker):
                # REPLACE: wait for a message, for step seconds at most.
                record = client.poll(step) if client is self._client else None
            if record is not None:
                return record
            now = time.monotonic()
            is_first = False
        return None

    def __iter__(self) -> Messages:
        return Messages(self)
{% endif %}
{% if writes %}


class {{ cookiecutter.__class }}Writer(PluginMessageWriter):
    """Sends to the topic named by ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()
        self._broker = broker_in(self.params)
        timeout_ms = self.params.specific().number("timeout_ms", TIMEOUT_MS, minimum=1)
        self._timeout_s = timeout_ms / 1000
        # REPLACE: vendor.Client by your library's client.
        self._client: vendor.Client | None = None
        self._one_at_a_time = threading.Lock()

    def open(self) -> None:
        if self._client is not None:
            raise errors.AlreadyConnectedError(f"{TYPE}: this writer is open; call close() first")
        # REPLACE: connect, with a deadline.
        client = vendor.Client(str(self._broker))
        with translated("open()", self._broker):
            client.connect()
        self._client = client

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with self._one_at_a_time, translated("close()", self._broker):
                client.disconnect()  # REPLACE: disconnect

    def publish(self, message: bytes) -> None:
        if not isinstance(message, bytes):
            raise errors.InvalidArgumentError(
                f"{TYPE}: publish() takes bytes, not {type(message).__name__}"
            )
        with self._one_at_a_time:
            if self._client is None:
                raise errors.ConnectionError(f"{TYPE}: this writer is not open; call open() first")
            with translated("publish()", self._broker):
                # REPLACE: return when the server has the message; raise what translated() knows.
                # A subclass of bytes may carry more than the payload.
                self._client.send(self._topic, bytes(message), self._timeout_s)
{% endif %}
{% if async_reads %}


class {{ cookiecutter.__class }}AsyncReader(PollingAsyncReader):
    """Passes what a :class:`{{ cookiecutter.__class }}Reader` receives to ``on_message``."""

    reader_class = {{ cookiecutter.__class }}Reader
{% endif %}
{% if async_writes %}


class {{ cookiecutter.__class }}AsyncWriter(PublishingAsyncWriter):
    """Sends through a :class:`{{ cookiecutter.__class }}Writer` and returns promises."""

    writer_class = {{ cookiecutter.__class }}Writer
{% endif %}
