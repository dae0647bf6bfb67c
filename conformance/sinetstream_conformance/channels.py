"""Sending and receiving in whatever way the plugin, or else the harness, has.

Most rules do not care how a message travels: they need an :class:`Outbox` and an :class:`Inbox`.
Where the role under test is at fault, that is a violation; where only the kit's instrument fails,
the check is unjudged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from sinetstream_conformance.actors import (
    AsyncReaderActor,
    AsyncWriterActor,
    ReaderActor,
    WriterActor,
)
from sinetstream_conformance.deadline import Pending, Result, describe_error, format_error, shorten
from sinetstream_conformance.harness import NotOffered
from sinetstream_conformance.payloads import probe_token
from sinetstream_conformance.verdict import Unjudged, Violation

if TYPE_CHECKING:
    from sinetstream_conformance.stage import Stage


class Outbox(Protocol):
    """Something that sends payloads to one topic."""

    def send(self, payload: bytes) -> None:
        """Send, without waiting for more than the call itself."""

    def explain(self) -> str:
        """What is known of messages that did not arrive; empty where nothing is."""


class WriterOutbox:
    """Sends through the plugin's synchronous writer."""

    def __init__(self, actor: WriterActor) -> None:
        self.actor = actor

    def send(self, payload: bytes) -> None:
        """Publish one payload."""
        self.actor.stage.require(self.actor.publish(payload), self.actor.role)

    def explain(self) -> str:
        """Nothing more is known: ``publish()`` returned."""
        return ""


class AsyncWriterOutbox:
    """Sends through the plugin's asynchronous writer and keeps the promises."""

    def __init__(self, actor: AsyncWriterActor) -> None:
        self.actor = actor
        self.promises: list[Any] = []

    def send(self, payload: bytes) -> None:
        """Publish one payload; its promise is not waited for."""
        result = self.actor.stage.require(self.actor.publish(payload), self.actor.role)
        self.promises.append(result.value)

    def explain(self) -> str:
        """The reasons of rejected promises."""
        reasons = {
            describe_error(promise.reason)
            for promise in self.promises
            if hasattr(promise, "is_rejected") and promise.is_rejected
        }
        return f"promises were rejected: {'; '.join(sorted(reasons))}" if reasons else ""


class HarnessOutbox:
    """Sends past the plugin."""

    def __init__(self, stage: Stage, topic: str) -> None:
        self._stage, self._topic = stage, topic

    def send(self, payload: bytes) -> None:
        """Send one payload through the harness."""
        try:
            self._stage.harness.publish(self._topic, payload)
        except NotOffered as reason:
            raise Unjudged(f"the plugin has no writer, and {reason}") from None

    def explain(self) -> str:
        """Nothing more is known."""
        return ""


class Inbox:
    """Receives; probes of the handshake are kept apart from the messages.

    A message that comes again is passed over: AT_LEAST_ONCE, under which checks run unless they ask
    for another guarantee, permits that. So no check sends one payload twice to one inbox.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.repeats = False
        """Whether messages that come again are kept, too: for rules that count copies."""
        self.items: list[Any] = []
        """Everything received but probes and repetitions, as the plugin gave it."""
        self.again: list[Any] = []
        """The repetitions that were passed over."""
        self.seen: set[bytes] = set()
        """The payloads of all that."""
        self.probes: set[str] = set()
        self._taken = 0

    def pump(self, done: Callable[[], bool], within_s: float) -> bool:
        """Receive until ``done()`` holds or the time is up; say whether it holds."""
        raise NotImplementedError

    def accept(self, item: Any) -> None:
        """Sort one received item."""
        token = probe_token(item)
        if token is not None:
            self.probes.add(token)
        elif self.repeats or payload_of(item) not in self.seen:
            self.seen.add(payload_of(item))
            self.items.append(item)
        else:
            self.again.append(item)

    def explain(self) -> str:
        """What is known of messages that did not arrive; empty where nothing is."""
        return ""

    def take(self, count: int, within_s: float | None = None) -> list[Any]:
        """Up to ``count`` further items, waiting for each as long as a delivery may take."""
        bound = self.stage.capabilities.delivered_within_s if within_s is None else within_s
        goal = self._taken + count
        while len(self.items) < goal:
            before = len(self.items)
            self.pump(lambda before=before: len(self.items) > before, bound)  # type: ignore[misc]
            if len(self.items) == before:
                break
        fresh = self.items[self._taken : goal]
        self._taken += len(fresh)
        return fresh

    def payloads(self, count: int, within_s: float | None = None) -> list[bytes]:
        """The payloads of up to ``count`` further items."""
        return [payload_of(item) for item in self.take(count, within_s)]

    def missing(self, payloads: Iterable[bytes]) -> set[bytes]:
        """Which of the payloads never come, each waited for as long as a delivery may take.

        What has come is still there to be taken.
        """
        bound = self.stage.capabilities.delivered_within_s
        left = set(payloads) - self.seen

        def one_more() -> bool:
            return not left.isdisjoint(self.seen)

        while left and self.pump(one_more, bound):
            left.difference_update(self.seen)
        return left

    def quiet(self, seconds: float) -> list[Any]:
        """Whatever else arrives within ``seconds``; nothing, if all is well."""
        self.pump(lambda: False, seconds)
        fresh = self.items[self._taken :]
        self._taken = len(self.items)
        return fresh


class ReaderInbox(Inbox):
    """Receives through the plugin's synchronous reader, opened with a short timeout."""

    def __init__(self, actor: ReaderActor) -> None:
        super().__init__(actor.stage)
        self.actor = actor
        self._iterator: Any = None

    def pump(self, done: Callable[[], bool], within_s: float) -> bool:
        """Call ``next()`` until ``done()`` or the time is up."""
        end = time.monotonic() + within_s
        while not done():
            if time.monotonic() >= end:
                return done()
            if self._iterator is None:
                self._iterator = self.stage.require(self.actor.iterate(), self.actor.role).value
            result = self.actor.next(self._iterator, self.stage.capabilities.call_within_s)
            if ended(result):
                self._iterator = None
            else:
                self.receive(result)
        return True

    def receive(self, result: Result) -> None:
        """Take what ``next()`` gave."""
        self.accept(self.stage.require(result, self.actor.role).value)


def ended(result: Result) -> bool:
    """Whether a ``next()`` said that nothing came.

    A generator that raises ``StopIteration`` means the same and says it wrongly; READ-TIMEOUT
    judges that, and every other rule looks past it.
    """
    return isinstance(result.error, StopIteration) or is_pep479(result.error)


def is_pep479(error: BaseException | None) -> bool:
    """Whether this is what a ``raise StopIteration`` inside a generator turns into."""
    return isinstance(error, RuntimeError) and "raised StopIteration" in str(error)


class BlockedInbox(Inbox):
    """Receives through a synchronous reader without a timeout: a ``next()`` is always under way."""

    def __init__(self, actor: ReaderActor) -> None:
        super().__init__(actor.stage)
        self.actor = actor
        self.iterator = self.stage.require(actor.iterate(), actor.role).value
        self.pending: Pending = actor.start_next(self.iterator)

    def pump(self, done: Callable[[], bool], within_s: float) -> bool:
        """Wait for what ``next()`` gives, and call it again, until ``done()`` or the time is up."""
        end = time.monotonic() + within_s
        while not done():
            left = end - time.monotonic()
            if left <= 0 or not self.stage.wait_until(lambda: self.pending.done, left):
                return False
            result = self.pending.wait(0.0)
            if not result.returned:
                raise Unjudged(f"{result.describe()}; see READ-BLOCK", trace=result.trace())
            self.accept(result.value)
            self.pending = self.actor.start_next(self.iterator)
        return True


class CallbackInbox(Inbox):
    """Receives through the plugin's asynchronous reader."""

    def __init__(self, actor: AsyncReaderActor) -> None:
        super().__init__(actor.stage)
        self.actor = actor
        self._calls = actor.messages.calls
        self._recorder = actor.messages
        self._failures = actor.failures
        self._seen = 0

    def pump(self, done: Callable[[], bool], within_s: float) -> bool:
        """Wait for callbacks until ``done()`` or the time is up."""
        end = time.monotonic() + within_s
        while True:
            while self._more():
                self.accept(self._calls[self._seen].arguments)
                self._seen += 1
            left = end - time.monotonic()
            if done():
                return True
            if left <= 0:
                return False
            self._recorder.wait(self._more, left)

    def _more(self) -> bool:
        return len(self._calls) > self._seen

    def explain(self) -> str:
        """What ``on_failure`` was called with."""
        calls = self._failures.calls
        if not calls:
            return ""
        return f"on_failure was called with {shorten(calls[0].arguments)}"


class HarnessInbox(Inbox):
    """Receives past the plugin."""

    def __init__(self, stage: Stage, topic: str) -> None:
        super().__init__(stage)
        self._topic = topic
        try:
            first = stage.harness.receive(topic, 0.0)
        except NotOffered as reason:
            raise Unjudged(f"the plugin has no reader, and {reason}") from None
        if first is not None:
            self.accept((first, topic, first))

    def pump(self, done: Callable[[], bool], within_s: float) -> bool:
        """Ask the harness until ``done()`` or the time is up."""
        end = time.monotonic() + within_s
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            payload = self.stage.harness.receive(self._topic, min(left, 0.1))
            if payload is not None:
                self.accept((payload, self._topic, payload))
        return True


def inbox_of(actor: Any) -> Inbox:
    """The inbox that receives through a reader."""
    return ReaderInbox(actor) if isinstance(actor, ReaderActor) else CallbackInbox(actor)


def outbox_of(actor: Any) -> Outbox:
    """The outbox that sends through a writer."""
    return AsyncWriterOutbox(actor) if isinstance(actor, AsyncWriterActor) else WriterOutbox(actor)


def payload_of(item: Any) -> bytes:
    """The payload in what a reader gave, as well as can be told."""
    value = item[0] if isinstance(item, (tuple, list)) and item else item
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return (
        value.encode("utf-8", "surrogateescape") if isinstance(value, str) else repr(value).encode()
    )


def reraise_for(subject: bool, what: str, result: Result) -> Any:
    """Raise what a failed call means for a check: a violation, or that nothing can be said."""
    if subject:
        raise Violation(
            expected=what,
            observed=result.describe(),
            error=result.error,
            trace=result.trace(),
        )
    detail = "hangs" if result.error is None else describe_error(result.error)
    raise Unjudged(
        f"{result.call}, which this check needs, failed: {detail}",
        trace=result.stuck or (format_error(result.error) if result.error else ""),
    )
