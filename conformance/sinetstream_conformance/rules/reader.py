"""What a synchronous reader gives (guide §3.2.1); its timeouts are in ``reader_timeout``."""

from __future__ import annotations

from typing import Any

from sinetstream_conformance.capabilities import Order
from sinetstream_conformance.channels import (
    AsyncWriterOutbox,
    BlockedInbox,
    Outbox,
    ended,
    inbox_of,
    payload_of,
)
from sinetstream_conformance.deadline import Pending, shorten
from sinetstream_conformance.payloads import probe_token
from sinetstream_conformance.publishing import settled_in_turn
from sinetstream_conformance.rule import CAN, MUST, READER, READERS, SHOULD, rule
from sinetstream_conformance.stage import INBOX_TIMEOUT_MS, Stage
from sinetstream_conformance.verdict import Unjudged, Violation

SOURCE = "guide §3.2.1"
QUIET_S = 0.1
PAYLOADS = (b"first \x00\xff", b"second \x01\xfe", b"third \x02\xfd")


def received(stage: Stage, topic: str) -> list[Any]:
    """What the role under test gives for three messages on ``topic``."""
    outbox, inbox = stage.linked(topic)
    for payload in PAYLOADS:
        outbox.send(payload)
    items = inbox.take(len(PAYLOADS))
    if not items:
        raise Unjudged(f"none of {len(PAYLOADS)} messages arrived; see WRITE-DELIVER")
    # What seems to come again stands, perhaps, in the place of a message that did not come.
    return (items + inbox.again)[: len(PAYLOADS)]


@rule(
    "READ-ITERATOR",
    level=MUST,
    roles=(READER,),
    says="__iter__() returns an iterator object: it has __next__, and its own __iter__ returns "
    "itself",
    source=SOURCE,
    hint="return an object with __next__ and with an __iter__ that returns self, as a generator is",
    right="def __iter__(self):\n    return _Messages(self)\n\n"
    "class _Messages:\n    def __iter__(self):\n        return self",
    wrong="def __iter__(self):\n    return _Messages(self)  # a class without __iter__",
)
def iterator(stage: Stage) -> None:
    reader = stage.reader(stage.topic(), INBOX_TIMEOUT_MS)
    given = stage.expect_returned(reader.iterate(), "__iter__() returns an iterator")
    kind = type(given)
    stage.expect(
        hasattr(kind, "__next__"),
        expected="an object that has __next__",
        observed=f"a {kind.__name__} without __next__",
    )
    stage.expect(
        hasattr(kind, "__iter__"),
        expected="an iterator that has __iter__",
        observed=f"a {kind.__name__} without __iter__",
    )
    again = stage.caller.run(
        "iter(iterator)", lambda: iter(given), stage.capabilities.call_within_s
    )
    stage.expect_returned(again, "__iter__() of the iterator returns")
    stage.expect(
        again.value is given,
        expected="__iter__() of the iterator returns the iterator itself",
        observed=f"another object, {shorten(again.value)}",
    )


@rule(
    "READ-TUPLE",
    level=MUST,
    roles=(READER,),
    says="each message is a tuple of exactly three values",
    source=SOURCE,
    hint="yield `(payload, topic, raw_message)`",
    right="return payload, topic, message",
    wrong="return payload, topic",
)
def is_tuple(stage: Stage) -> None:
    for item in received(stage, stage.topic()):
        stage.expect(
            isinstance(item, tuple) and len(item) == 3,
            expected="a tuple of three values: payload, topic, raw message",
            observed=shorten(item),
        )


@rule(
    "READ-BYTES",
    level=MUST,
    roles=READERS,
    says="the first value is bytes: the payload alone, without headers or metadata of the "
    "messaging system",
    source=SOURCE,
    hint="pass the payload on as the client gives it, as bytes(payload) if it is another type",
    right="return bytes(message.body), message.topic, message",
    wrong="return message.body.decode(), message.topic, message",
)
def is_bytes(stage: Stage) -> None:
    for sent, item in zip(
        PAYLOADS, _unordered(stage, received(stage, stage.topic())), strict=False
    ):
        value = _value(item, 0)
        stage.expect(
            isinstance(value, bytes), expected="bytes as the payload", observed=shorten(value)
        )
        stage.expect(
            value == sent, expected=f"the payload alone, {sent!r}", observed=shorten(value)
        )


def _unordered(stage: Stage, items: list[Any]) -> list[Any]:
    """Items in the order of publishing; where order is not promised, sorted as they were sent."""
    if stage.capabilities.ordered in (True, Order.TOPIC):
        return items
    rank = {payload: number for number, payload in enumerate(PAYLOADS)}
    return sorted(items, key=lambda item: rank.get(payload_of(item), len(rank)))


def _value(item: Any, index: int) -> Any:
    try:
        return item[index]
    except (TypeError, IndexError, KeyError):
        raise Violation("three values: payload, topic, raw message", shorten(item)) from None


@rule(
    "READ-TOPIC",
    level=MUST,
    roles=READERS,
    says="the second value is the name of the topic that the message came from, as str",
    source=SOURCE,
    hint="take the topic from the message, not from the parameters: with several topics or a "
    "wildcard they differ",
    right="return payload, message.topic, message",
    wrong="return payload, self._topics[0], message",
)
def topic_name(stage: Stage) -> None:
    topic = stage.topic()
    for item in received(stage, topic):
        value = _value(item, 1)
        stage.expect(
            isinstance(value, str) and value == topic,
            expected=f"the topic's name, {topic!r}",
            observed=shorten(value),
        )


@rule(
    "READ-RAW",
    level=MUST,
    roles=READERS,
    says="the third value is the messaging system's own message object: not None, and each "
    "message's own",
    source="guide §3.2.1; §4 gives the payload where there is no other",
    hint="pass on the client's message object; where there is none, the payload",
    right="return message.payload, message.topic, message",
    wrong="return message.payload, message.topic, None",
)
def raw(stage: Stage) -> None:
    items = received(stage, stage.topic())
    raws = [_value(item, 2) for item in items]
    for value in raws:
        stage.expect(
            value is not None, expected="the messaging system's message object", observed="None"
        )
    if len(raws) < 2:
        raise Unjudged("only one message arrived, so that nothing can be told apart")
    stage.expect(
        len({id(value) for value in raws}) == len(raws),
        expected="each message comes with an object of its own",
        observed=f"several messages share {shorten(raws[0])}",
    )


@rule(
    "READ-TOPICS",
    level=SHOULD,
    roles=READERS,
    says="the topics are taken from params['topics'], a str or a list of str, as the host passes "
    "them, and from params['topic'], as the guide has it",
    source="guide §4.2.3; the published host",
    hint="use self.params.topics() and subscribe to each of them",
    cases=("topic", "topics-str", "topics-list", "topics-several"),
    right="self._topics = self.params.topics()",
    wrong='self._topics = params["topics"][0]',
)
def topics(stage: Stage) -> None:
    names = [stage.topic() for _ in range(2 if stage.case == "topics-several" else 1)]
    given: dict[str, Any] = {
        "topic": {"topic": names[0]},
        "topics-str": {"topics": names[0]},
    }.get(stage.case, {"topics": names})
    if stage.role is READER:
        given["receive_timeout_ms"] = INBOX_TIMEOUT_MS
    result = stage.try_build(stage.role, stage.params(stage.role, given))
    actor = stage.expect_returned(result, f"a reader can be constructed with {given}")
    outboxes = {name: stage.outbox(name) for name in names}
    if stage.role is not READER:
        stage.attach(actor)
    stage.expect_returned(actor.open(), f"open() with {given} returns")
    inbox = inbox_of(actor)
    for name, outbox in outboxes.items():
        stage.link(outbox, inbox, judge=True)
        outbox.send(f"on {name}".encode())
        items = inbox.take(1)
        stage.expect(
            bool(items),
            expected=f"a message on {name!r} arrives when the reader has {given}",
            observed="it does not",
        )
        value = _value(items[0], 1)
        stage.expect(value == name, expected=f"its topic is {name!r}", observed=shorten(value))


@rule(
    "READ-CLOSE-BLOCKED",
    level=SHOULD,
    roles=(READER,),
    says="close() from another thread ends a blocked next() within a bound, by StopIteration or an "
    "error of this library; nothing is consumed afterwards",
    source="a program that wants to end closes the reader that another thread waits on",
    hint="let next() wait on a condition that close() notifies, or in short steps between which it "
    "looks at a flag",
    right="with self._changed:\n"
    "    self._changed.wait_for(lambda: self._closed or self._messages, timeout)",
    wrong="message = self._queue.get()  # close() cannot wake it",
)
def close_blocked(stage: Stage) -> None:
    topic = stage.topic()
    reader = stage.reader(topic)
    outbox = stage.outbox(topic)
    inbox = BlockedInbox(reader)
    blocked = _block(stage, outbox, inbox)
    stage.expect_returned(reader.close(), "close() returns while next() is blocked")
    result = blocked.wait(stage.capabilities.delivered_within_s)
    if result.returned and probe_token(result.value):
        raise Unjudged("a probe of the kit's came while close() was called", transient=True)
    if not ended(result):
        stage.expect_library_error(
            result,
            expected="the blocked next() ends with StopIteration or an error of this library",
            or_stop=True,
        )
    stage.observations += 1
    late = reader.start_next(inbox.iterator)
    outbox.send(b"after close")
    after = late.wait(3.0)
    stage.expect(
        not after.returned,
        expected="nothing is consumed after close()",
        observed=after.describe(),
    )


def _block(stage: Stage, outbox: Outbox, inbox: BlockedInbox) -> Pending:
    """A ``next()`` that waits for a message, on a reader whose subscription is in effect.

    Every probe that still comes is consumed before.
    """
    quiet_s = max(QUIET_S, 2 * stage.link(outbox, inbox))
    end = stage.patience_end()
    while True:
        blocked = inbox.pending
        inbox.pump(lambda before=blocked: inbox.pending is not before, quiet_s)  # type: ignore[misc]
        if inbox.pending is blocked:
            return blocked
        if stage.past(end):
            raise Unjudged("the reader does not block: next() gives one message after another")


@rule(
    "READ-BACKLOG",
    level=CAN,
    roles=READERS,
    says="messages published before open() are seen, or never are, as capability retained says",
    source="the model of the messaging system, as declared",
    hint="declare `retained` as your system behaves (`sinetstream-sdk explain retained` says what "
    "it means), or mend what open() subscribes to",
    right="capabilities = Capabilities(retained=True)  # and subscribe from the beginning",
    wrong="capabilities = Capabilities(retained=True)  # and subscribe from now on",
)
def backlog(stage: Stage) -> None:
    retained = stage.declared("retained")
    topic = stage.topic()
    _sent_and_with_the_broker(stage, stage.outbox(topic), b"from before open()")
    inbox = stage.inbox(topic)
    if retained:
        items = inbox.take(1)
        stage.expect(
            [payload_of(item) for item in items] == [b"from before open()"],
            expected="the message from before open() is seen, as capability retained=True says",
            observed=f"received {shorten(items)}",
        )
        return
    stage.link(stage.outbox(topic), inbox)
    seen = [payload_of(item) for item in inbox.quiet(0.2)]
    stage.expect(
        b"from before open()" not in seen,
        expected="the message from before open() is never seen, as capability retained=False says",
        observed="it is seen",
    )


def _sent_and_with_the_broker(stage: Stage, outbox: Outbox, payload: bytes) -> None:
    """Send, and wait until the broker has it, as well as can be told."""
    if not isinstance(outbox, AsyncWriterOutbox):
        other = stage.topic()
        took_s = stage.link(stage.outbox(other), stage.inbox(other))
        outbox.send(payload)
        stage.idle(min(max(QUIET_S, 2 * took_s), stage.capabilities.delivered_within_s))
        return
    outbox.send(payload)
    if not settled_in_turn(stage, outbox.promises):
        raise Unjudged("the promise of a message is still pending; see AWRITE-SETTLE")
    if known := outbox.explain():
        raise Unjudged(f"a message could not be sent: {known}; see AWRITE-FULFIL")
