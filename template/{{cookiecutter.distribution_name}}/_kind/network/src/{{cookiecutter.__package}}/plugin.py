{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
{% set async_reads, async_writes = cookiecutter.__async_reader, cookiecutter.__async_writer %}
"""The roles of the plugin: the parameters on one side, the client on the other.

{% if async_reads and async_writes %}
The synchronous ones come first; the SDK makes the asynchronous ones out of them.
{% elif async_reads or async_writes %}
The SDK makes the asynchronous role out of the synchronous one of the same direction.
{% else %}
A constructor only looks at the parameters; ``open()`` is what connects.
{% endif %}
"""

{% if reads %}
from collections.abc import Iterator
from dataclasses import dataclass
{% endif %}
from typing import Any

from sinetstream_sdk import errors
from sinetstream_sdk.consistency import {{ 'AT_LEAST_ONCE, ' if writes else '' }}EXACTLY_ONCE
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

from {{ cookiecutter.__package }} import TYPE

# REPLACE: import your client.
{% if reads and writes %}
from {{ cookiecutter.__package }}.client import Message, Publisher, Subscriber
{% elif reads %}
from {{ cookiecutter.__package }}.client import Message, Subscriber
{% else %}
from {{ cookiecutter.__package }}.client import Publisher
{% endif %}

# REPLACE: the port of your system, for addresses without one; and in the README.
DEFAULT_PORT = 7411
TIMEOUT_MS = 5000


def connection_settings(params: Params) -> tuple[tuple[Broker, ...], float]:
    """Where the brokers are, and how long to wait for one of them, in seconds.

    :raises InvalidArgumentError: a parameter is wrong, or asks for what the client cannot do
    """
    # REPLACE: read the parameters of your own here, and refuse what you cannot do as you see below.
    timeout_ms = params.specific().number("timeout_ms", TIMEOUT_MS, minimum=1)
    if params.tls() is not None:
        raise params.invalid("tls", "false or absent, because this client does not encrypt")
    if params.consistency() is EXACTLY_ONCE:
        raise params.invalid("consistency", "AT_MOST_ONCE or AT_LEAST_ONCE")
    return params.brokers(DEFAULT_PORT), timeout_ms / 1000
{% if reads %}


@dataclass
class Messages(Iterator[tuple[bytes, str, Message]]):
    """Each ``next()`` waits the whole time anew; once over, it is over for good."""

    subscriber: Subscriber | None
    timeout_s: float | None
    over: bool = False

    def __next__(self) -> tuple[bytes, str, Message]:
        if self.subscriber is None:
            raise errors.ConnectionError(f"{TYPE}: this reader is not open; call open() first")
        # REPLACE: wait for a message, timeout_s seconds at most or, if that is None, for ever;
        # 0 is not for ever, though to many clients it is.
        message = None if self.over else self.subscriber.receive(self.timeout_s)
        if message is None:
            self.over = True
            raise StopIteration
        # REPLACE: the payload as bytes, its topic, and the message as your client has it.
        return message.payload, message.topic, message


class {{ cookiecutter.__class }}Reader(PluginMessageReader):
    """Receives from the topics named by ``topics`` or ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topics = self.params.topics()
        self._timeout_s = self.params.receive_timeout_s()
        self._brokers, self._connect_timeout_s = connection_settings(self.params)
        self._subscriber: Subscriber | None = None

    def open(self) -> None:
        if self._subscriber is not None:
            raise errors.AlreadyConnectedError(f"{TYPE}: this reader is open; call close() first")
        # REPLACE: connect and subscribe; raise errors.ConnectionError if no broker answers in time.
        subscriber = Subscriber(self._brokers, self._connect_timeout_s, self._topics)
        subscriber.connection()
        self._subscriber = subscriber

    def close(self) -> None:
        subscriber, self._subscriber = self._subscriber, None
        if subscriber is not None:
            subscriber.close()  # REPLACE: disconnect, and wake whoever waits for a message

    def __iter__(self) -> Messages:
        return Messages(self._subscriber, self._timeout_s)
{% endif %}
{% if writes %}


class {{ cookiecutter.__class }}Writer(PluginMessageWriter):
    """Sends to the topic named by ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()
        self._brokers, self._timeout_s = connection_settings(self.params)
        self._again = self.params.consistency() is AT_LEAST_ONCE
        self._publisher: Publisher | None = None

    def open(self) -> None:
        if self._publisher is not None:
            raise errors.AlreadyConnectedError(f"{TYPE}: this writer is open; call close() first")
        # REPLACE: connect; raise errors.ConnectionError if no broker answers in time.
        publisher = Publisher(self._brokers, self._timeout_s, again=self._again)
        publisher.connection()
        self._publisher = publisher

    def close(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()  # REPLACE: disconnect

    def publish(self, message: bytes) -> None:
        publisher = self._publisher
        if not isinstance(message, bytes):
            raise errors.InvalidArgumentError(
                f"{TYPE}: publish() takes bytes, not {type(message).__name__}"
            )
        if publisher is None:
            raise errors.ConnectionError(f"{TYPE}: this writer is not open; call open() first")
        # REPLACE: return when the broker has the message; raise errors.SinetError if it refuses.
        publisher.publish(self._topic, message)
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
