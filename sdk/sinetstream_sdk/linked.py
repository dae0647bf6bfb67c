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
from collections import deque
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
)
from sinetstream_sdk.inbox import Inbox, Messages, Source
from sinetstream_sdk.link import Link
from sinetstream_sdk.outbox import Outbox
from sinetstream_sdk.promises import SafePromise
from sinetstream_sdk.spi import (
    Plugin,
    PluginAsyncMessageWriter,
    PluginMessageReader,
    PluginMessageWriter,
)

__all__ = [
    "LinkedAsyncWriter",
    "LinkedReader",
    "LinkedSender",
    "LinkedWriter",
    "ReadingLink",
    "SeekingReader",
    "WritingLink",
]


class ReadingLink(Link):
    """A link that puts what it receives into its inbox.

    :param acknowledges: whether :meth:`_acknowledge` is to be called
    """

    def __init__(self, *args: Any, acknowledges: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        release = self._release if acknowledges else _nothing
        self.inbox: Inbox[Any] = Inbox(self.gone, release)
        self._done: deque[Any] = deque()

    @abstractmethod
    def unpack(self, message: Any) -> tuple[bytes, str, Any]:
        """Payload, topic and raw message of what was put into the inbox."""

    def _acknowledge(self, message: Any) -> None:
        """Tell the broker that the caller has done with a message; called on the thread, when up.

        What the caller has done with while the link was down waits until it is up again.
        """
        return

    def close(self) -> None:
        """Close the inbox and the link."""
        self.inbox.close()
        super().close()

    def _release(self, message: Any) -> None:
        self._done.append(message)
        self.wake()

    def _drained(self) -> bool:
        return not self._done or not self.up

    def _work(self) -> bool:
        while self.up and self._done:
            self._acknowledge(self._done.popleft())
        return False


class WritingLink(Link):
    """A link that sends what is put into its outbox, which holds the client's keys.

    :param outbox: its ``wake`` is set here
    """

    def __init__(self, *args: Any, outbox: Outbox[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outbox = outbox
        outbox.wake = self.wake

    @abstractmethod
    def _publish(self, payload: bytes) -> Any:
        """Give a message to the client; called on the thread, when up.

        :return: the key that ``outbox.answer()`` is called with later; None where the client cannot
            take it now
        :raises Exception: the message is rejected with it
        """

    def close(self) -> None:
        """Close the outbox and the link."""
        self.outbox.close()
        super().close()

    def _work(self) -> bool:
        if self.up:
            self.outbox.pass_on(self._publish)
        self.outbox.settle(self.failure or f"{self.broker} does not answer")
        return self.up and self.outbox.sendable

    def _deadline(self) -> float:
        return self.outbox.deadline()

    def _drained(self) -> bool:
        return self.outbox.drained

    def _abandon(self) -> None:
        self.outbox.abandon(self.failure)


def _nothing(_: object) -> None:
    return


class _Connected(Protocol):
    def open(self) -> None: ...
    def close(self) -> None: ...


class _Reading(_Connected, Protocol):
    @property
    def inbox(self) -> Source[Any]: ...
    def unpack(self, message: Any) -> tuple[bytes, str, Any]: ...


class _Seeking(_Reading, Protocol):
    def seek(self, to_end: bool) -> None: ...


class _Sending(Protocol):
    @property
    def patience_s(self) -> float | None: ...
    def send(self, payload: bytes) -> SafePromise[Any]: ...


class _Writing(_Connected, Protocol):
    @property
    def outbox(self) -> _Sending: ...


L = TypeVar("L", bound=_Connected)


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


class LinkedReader(_LinkedRole[_Reading], PluginMessageReader):
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


class SeekingReader(LinkedReader):
    """A reader whose link has a method ``seek(to_end)``."""

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
        cast(_Seeking, self._link).seek(to_end)


class LinkedSender(_LinkedRole[_Writing]):
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
