"""Roles made of a :class:`~sinetstream_sdk.link.Link`, or the like: a new one for each ``open()``.

    class MqttReader(LinkedReader):
        def _make_link(self):
            return MqttSubscription(self._settings, self._topics)

A class of one's own will do as the link if it has ``open()``, ``close()``, which follows an
``open()`` that has failed, too, and an inbox or outbox: for clients that are polled, those of
:mod:`~sinetstream_sdk.polled`.

For the asynchronous reader wrap the synchronous one in
:class:`~sinetstream_sdk.polling.PollingAsyncReader`: the thread that works the link then never
waits for a callback.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
)
from sinetstream_sdk.inbox import Messages, Source
from sinetstream_sdk.promises import SafePromise
from sinetstream_sdk.spi import (
    Plugin,
    PluginAsyncMessageWriter,
    PluginMessageReader,
    PluginMessageWriter,
)

__all__ = ["LinkedAsyncWriter", "LinkedReader", "LinkedSender", "LinkedWriter", "SeekingReader"]


class _Link(Protocol):
    def open(self) -> None: ...
    def close(self) -> None: ...


class ReadingLink(_Link, Protocol):
    """A link that fills an inbox; ``close()`` closes that, too."""

    @property
    def inbox(self) -> Source[Any]:
        """Where the messages are taken from."""

    def unpack(self, message: Any) -> tuple[bytes, str, Any]:
        """Payload, topic and raw message."""


class Sending(Protocol):
    """What messages are sent through: an outbox."""

    @property
    def patience_s(self) -> float | None:
        """How long a promise may take to settle; None where the outbox sees to that."""

    def send(self, payload: bytes) -> SafePromise[Any]:
        """A promise for the delivery of ``payload``."""


class WritingLink(_Link, Protocol):
    """A link that empties an outbox; ``close()`` closes that, too."""

    @property
    def outbox(self) -> Sending:
        """What messages are sent through."""


L = TypeVar("L", bound=_Link)


class _LinkedRole(Plugin, Generic[L]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._link: L | None = None

    @abstractmethod
    def _make_link(self) -> L:
        """A link that has not been opened."""

    def open(self) -> None:
        """Open a new link; one that cannot be opened is closed.

        :raises AlreadyConnectedError: there is one
        """
        if self._link is not None:
            raise AlreadyConnectedError(f"{type(self).__name__} is open; call close() first")
        link = self._make_link()
        try:
            link.open()
        except BaseException:
            link.close()
            raise
        self._link = link

    def close(self) -> None:
        """Close the link; without one, do nothing."""
        link, self._link = self._link, None
        if link is not None:
            link.close()


class LinkedReader(_LinkedRole[ReadingLink], PluginMessageReader):
    """Receives what its link puts into the inbox."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topics = self.params.topics()
        self._timeout_s = self.params.receive_timeout_s()

    def __iter__(self) -> Messages:
        link = self._link
        if link is None:
            return Messages(None, self._timeout_s, lambda _: (b"", "", None))
        return Messages(link.inbox, self._timeout_s, link.unpack)


class SeekingLink(ReadingLink, Protocol):
    """A link that can go back, and ahead."""

    def seek(self, to_end: bool) -> None:
        """Go to the oldest message, or past the newest."""


class SeekingReader(LinkedReader):
    """A reader that can read again, or leave out, what is there, as the link can."""

    def seek_to_beginning(self) -> None:
        """Go to the oldest message; it may be called from any thread.

        :raises ConnectionError: the reader is not open, or has lost its broker
        """
        self._seek(to_end=False)

    def seek_to_end(self) -> None:
        """Leave out what has been published up to now; it may be called from any thread.

        :raises ConnectionError: the reader is not open, or has lost its broker
        """
        self._seek(to_end=True)

    def _seek(self, to_end: bool) -> None:
        if self._link is None:
            raise ConnectionError(f"{type(self).__name__} is not open; call open() first")
        cast(SeekingLink, self._link).seek(to_end)


class LinkedSender(_LinkedRole[WritingLink]):
    """What both writers have in common, for a plugin to derive its own such class from."""

    largest_payload: ClassVar[int | None] = None
    """How many bytes the messaging system can carry at most."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()

    def _send(self, message: bytes) -> SafePromise[Any]:
        name = type(self).__name__
        if not isinstance(message, bytes):
            raise InvalidArgumentError(
                f"{name}.publish() takes bytes; a {type(message).__name__} was given",
                parameter="message",
            )
        if self.largest_payload is not None and len(message) > self.largest_payload:
            raise InvalidArgumentError(
                f"{name}.publish() takes at most {self.largest_payload} bytes; "
                f"{len(message)} were given",
                parameter="message",
            )
        if self._link is None:
            raise ConnectionError(f"{name} is not open; call open() before publish()")
        return self._link.outbox.send(bytes(message))  # a subclass may carry more


class LinkedWriter(LinkedSender, PluginMessageWriter):
    """Sends through its link's outbox, and waits until the broker has the message."""

    def publish(self, message: bytes) -> None:
        """Send one message.

        :raises InvalidArgumentError: it is not bytes, or too large
        :raises ConnectionError: the writer is not open, or the broker did not confirm in time
        """
        link = self._link
        self._send(message).get(None if link is None else link.outbox.patience_s)


class LinkedAsyncWriter(LinkedSender, PluginAsyncMessageWriter):
    """Sends through its link's outbox, whose promises it returns."""

    def publish(self, message: bytes) -> SafePromise[Any]:
        """A promise that is fulfilled once the broker has the message.

        Its callbacks run on the thread that works the link, and hold it up while they do.

        :raises InvalidArgumentError: the message is not bytes, or too large
        :raises ConnectionError: the writer is not open
        """
        return self._send(message)
