{% set reads, writes = cookiecutter.__reads, cookiecutter.__writes %}
{% set async_reads, async_writes = cookiecutter.__async_reader, cookiecutter.__async_writer %}
"""The roles of the plugin, to be read from the top.

{% if async_reads and async_writes %}
The synchronous ones come first; the SDK makes the asynchronous ones out of them.
{% elif async_reads or async_writes %}
The SDK makes the asynchronous role out of the synchronous one of the same direction.
{% else %}
A constructor only looks at the parameters; ``open()`` is where it begins.
{% endif %}
"""

{% if reads %}
from collections.abc import Iterator
from dataclasses import dataclass
{% endif %}
from typing import Any

from sinetstream_sdk import errors
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
{% if reads %}

# REPLACE: import what your messages travel through.
from {{ cookiecutter.__package }}.broker import Message, Subscription, broker


@dataclass
class Messages(Iterator[tuple[bytes, str, Message]]):
    """Each ``next()`` waits the whole time anew; once over, it is over for good."""

    subscription: Subscription | None
    timeout_s: float | None
    over: bool = False

    def __next__(self) -> tuple[bytes, str, Message]:
        if self.subscription is None:
            raise errors.ConnectionError(f"{TYPE}: this reader is not open; call open() first")
        # REPLACE: wait for a message, timeout_s seconds at most or, if that is None, for ever.
        message = None if self.over else broker.take(self.subscription, self.timeout_s)
        if message is None:
            self.over = True
            raise StopIteration
        # REPLACE: the payload as bytes, its topic, and the message as your system has it.
        return message.payload, message.topic, message


class {{ cookiecutter.__class }}Reader(PluginMessageReader):
    """Takes messages from the topics named by ``topics`` or ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topics = self.params.topics()
        self._timeout_s = self.params.receive_timeout_s()
        # REPLACE: read the parameters of your own here: self.params.specific().integer("depth", 1)
        self._subscription: Subscription | None = None

    def open(self) -> None:
        if self._subscription is not None:
            raise errors.AlreadyConnectedError(f"{TYPE}: this reader is open; call close() first")
        # REPLACE: open what you read from; raise errors.ConnectionError if it is not there.
        self._subscription = Subscription(self._topics)

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            broker.end(subscription)  # REPLACE: close it, and wake whoever waits for a message

    def __iter__(self) -> Messages:
        return Messages(self._subscription, self._timeout_s)
{% endif %}
{% if writes %}
{% if not reads %}

# REPLACE: import what your messages travel through.
from {{ cookiecutter.__package }}.broker import broker
{% endif %}


class {{ cookiecutter.__class }}Writer(PluginMessageWriter):
    """Puts messages into the topic named by ``topic``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()
        # REPLACE: read the parameters of your own here: self.params.specific().integer("depth", 1)
        self._is_open = False

    def open(self) -> None:
        if self._is_open:
            raise errors.AlreadyConnectedError(f"{TYPE}: this writer is open; call close() first")
        # REPLACE: open what you write to; raise errors.ConnectionError if it is not there.
        self._is_open = True

    def close(self) -> None:
        self._is_open = False  # REPLACE: close it

    def publish(self, message: bytes) -> None:
        if not isinstance(message, bytes):
            raise errors.InvalidArgumentError(
                f"{TYPE}: publish() takes bytes, not {type(message).__name__}"
            )
        if not self._is_open:
            raise errors.ConnectionError(f"{TYPE}: this writer is not open; call open() first")
        # REPLACE: return when the message is safe; raise errors.SinetError if it is refused.
        broker.put(self._topic, bytes(message))  # a subclass may carry more than the payload
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
