"""What a writer owes, synchronous (guide §3.2.2) and asynchronous (guide §3.2.4) alike.

Each rule here is known as ``WRITE-...`` for the one and as ``AWRITE-...`` for the other.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial

from sinetstream_conformance.channels import Inbox, Outbox, outbox_of, payload_of
from sinetstream_conformance.deadline import describe_error, shorten
from sinetstream_conformance.full_queues import Sender
from sinetstream_conformance.harness_faults import HarnessError
from sinetstream_conformance.ordering import Ordering
from sinetstream_conformance.payloads import NAMED
from sinetstream_conformance.publishers import Publisher
from sinetstream_conformance.rule import CAN, MUST, SHOULD, WRITERS, rule
from sinetstream_conformance.rules.lifecycle import settled_as_call
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Unjudged, Violation
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.roles import Role

SOURCE = "guide §3.2.2, §3.2.4"
QUIET_S = 0.15
LEAST_QUIET_S = 0.05
LEAKS_WITHIN_S = 0.6
"""How long after a message has come on its own topic it is looked for on others."""
GENERATED = 40
THREADS = 4
PER_THREAD = 25
LEAST_PER_THREAD = 5


def arrives(stage: Stage, outbox: Outbox, inbox: Inbox, payloads: list[bytes]) -> list[bytes]:
    """Send payloads, receive as many, and fail the check if one is missing or changed."""
    sender = Sender(stage, outbox)
    for payload in payloads:
        sender.send(payload)
    received = inbox.payloads(len(payloads))
    missing = Counter(payloads) - Counter(received)
    if missing and (taken := sender.send_rejected_again()):
        received += inbox.payloads(taken)
        missing = Counter(payloads) - Counter(received)
    strange = Counter(received) - Counter(payloads)
    if missing:
        lost = next(iter(missing))
        instead = f"; {shorten(next(iter(strange)))} arrived instead" if strange else ""
        known = outbox.explain()
        stage.expect(
            False,
            expected=f"{_size(lost)} arrives as it was published: {shorten(lost, 60)}",
            observed=f"it did not arrive{instead}{f' ({known})' if known else ''}",
        )
    stage.observations += len(payloads)
    return received


def _size(payload: bytes) -> str:
    return f"a payload of {len(payload)} bytes"


@rule(
    "WRITE-DELIVER",
    level=MUST,
    roles=WRITERS,
    says="a published payload reaches a reader of that topic, equal byte for byte",
    source=SOURCE,
    hint="hand the bytes on as they are: no text encoding, no stripping, no terminator; declare "
    "largest_payload if the system has a limit",
    cases=(*NAMED, "largest", "generated"),
    right="self._client.publish(self._topic, bytes(message))",
    wrong="self._client.publish(self._topic, message.decode())",
)
def deliver(stage: Stage) -> None:
    topic = stage.topic()
    inbox = stage.inbox(topic)
    outbox = stage.outbox(topic)
    stage.link(outbox, inbox, judge=True)
    largest = stage.capabilities.largest_payload
    if stage.case == "largest":
        payloads = [bytes(range(256)) * (largest // 256) + b"\xff" * (largest % 256)]
    elif stage.case == "generated":
        payloads = list(stage.generated(GENERATED))
    else:
        payloads = [NAMED[stage.case]]
    arrives(stage, outbox, inbox, payloads)


class Stamped(bytes):
    """A payload that carries an attribute, as the published host's own payload class does."""

    timestamp = 0


@rule(
    "WRITE-SUBCLASS",
    level=MUST,
    roles=WRITERS,
    says="a subclass of bytes is a payload too",
    source="the published host passes one",
    hint="check with isinstance(message, bytes), never with type(message) is bytes",
    right="if not isinstance(message, bytes):\n    raise InvalidArgumentError(...)",
    wrong="if type(message) is not bytes:\n    raise InvalidArgumentError(...)",
)
def subclass(stage: Stage) -> None:
    outbox, inbox = stage.linked()
    payload = Stamped(b"a subclass of bytes")
    payload.timestamp = 1
    arrives(stage, outbox, inbox, [payload])


_WRONG: dict[str, object] = {"str": "text", "none": None, "int": 5, "list": [1, 2]}


@rule(
    "WRITE-TYPE",
    level=SHOULD,
    roles=WRITERS,
    says="anything that is not bytes raises (or rejects the promise), and nothing is delivered",
    source="guide §3.2.2: the type of message must be bytes",
    hint="check the type first: `bytes(5)` is five zero bytes, and a str has no one encoding",
    cases=tuple(_WRONG),
    right="if not isinstance(message, bytes):\n    raise InvalidArgumentError(...)",
    wrong="self._client.send(bytes(message))",
)
def wrong_type(stage: Stage) -> None:
    topic = stage.topic()
    inbox = stage.inbox(topic)
    actor = stage.writer(topic)
    outbox = outbox_of(actor)
    stage.link(outbox, inbox)
    value = _WRONG[stage.case]
    result = actor.publish(value)
    if stage.role is Role.ASYNC_WRITER and result.returned:
        result = settled_as_call(stage, result)
    stage.expect(
        result.error is not None,
        expected=f"publish({value!r}) raises or rejects",
        observed=result.describe(),
    )
    began = time.monotonic()
    outbox.send(b"bytes again")
    received = inbox.payloads(1)
    # What was sent before it comes little later than it, if not earlier.
    quiet_s = min(max(5 * (time.monotonic() - began), LEAST_QUIET_S), QUIET_S)
    received += [repr(item).encode() for item in inbox.quiet(quiet_s)]
    stage.expect(
        received == [b"bytes again"],
        expected=f"nothing of {value!r} is delivered, and bytes still are",
        observed=f"received {shorten(received)}",
    )


@rule(
    "WRITE-ORDER",
    level=CAN,
    roles=WRITERS,
    says="one writer's messages on one topic, or in one partition of it, arrive in the order of "
    "publishing, as capability ordered says",
    source="the model of the messaging system, as declared",
    hint="send from one thread, or wait for each acknowledgement before the next message; or see "
    "whether the reader hands them out in another order",
    right="self._executor = ThreadPoolExecutor(max_workers=1)",
    wrong="self._executor = ThreadPoolExecutor()",
)
def order(stage: Stage) -> None:
    ordering = Ordering(stage)
    payloads = [b"%d" % number for number in range(60)]
    topic = stage.topic()
    inbox = stage.inbox(topic)
    with stage.races(rate=0.0) as races:
        outbox = stage.outbox(topic)
        stage.link(outbox, inbox)
        races.threads_rate = 0.5  # those that send side by side overtake one another
        sender = Sender(stage, outbox)
        for payload in payloads:
            sender.send(payload)
        received = inbox.take(len(payloads) - len(sender.rejected()))
    if not received:
        raise Unjudged("no message arrived; see WRITE-DELIVER")
    ordering.judge(received, "messages arrive in the order of publishing")


@rule(
    "WRITE-ISOLATION",
    level=MUST,
    roles=WRITERS,
    says="a reader of another topic never sees the messages",
    source=SOURCE,
    hint="compare whole topic names, not prefixes or lower-cased ones, and keep no default topic",
    right="if subscription.topic == topic:\n    deliver(message)",
    wrong="if subscription.topic.startswith(topic):\n    deliver(message)",
)
def isolation(stage: Stage) -> None:
    topic = stage.topic()
    outbox, inbox = stage.linked(topic)
    others = {}
    for other in (stage.topic(), *_near_names(topic)):
        try:
            others[other] = stage.linked(other)
        except (Unjudged, HarnessError) as reason:
            if not others:
                raise
            # The harness was not asked to make it.
            stage.note(f"topic {other!r} cannot be used, and so is not looked at: {reason}")
    began = time.monotonic()
    outbox.send(b"for one topic only")
    if inbox.payloads(1) != [b"for one topic only"]:
        raise Unjudged("the message did not arrive on its own topic; see WRITE-DELIVER")
    took_s = time.monotonic() - began
    stage.idle(min(max(LEAKS_WITHIN_S, 3 * took_s), stage.capabilities.delivered_within_s))
    for other, (other_outbox, other_inbox) in others.items():
        # What was sent before may wait for what is sent now.
        stage.link(other_outbox, other_inbox)
        seen = other_inbox.quiet(0.02)
        stage.expect(
            not seen,
            expected=f"a reader of {other!r} sees nothing of what is published on {topic!r}",
            observed=f"it sees {shorten(seen[0]) if seen else ''}",
        )


def _near_names(topic: str) -> list[str]:
    """Names that careless code takes for the topic's."""
    return [name for name in (f"{topic}-2", topic.swapcase()) if name != topic]


@rule(
    "WRITE-COUNT",
    level=SHOULD,
    roles=WRITERS,
    says="messages published from several threads, sharing one writer or each with its own, all "
    "arrive, and none twice, unless consistency allows otherwise",
    source="programs share a writer between threads",
    hint="guard the client with a lock if it is not thread-safe; do not publish again what was "
    "acknowledged",
    cases=("shared", "own"),
    right="with self._lock:\n    self._client.send(message)",
    wrong="self._pending = message\nself._client.send(self._pending)",
)
def count(stage: Stage) -> None:
    judged = 0
    rounds: list[tuple[Consistency, list[bytes], Inbox]] = []
    declared = sorted(stage.capabilities.consistencies, key=lambda c: c.value)
    # Whether a writer is shared has nothing to do with the guarantee: the strongest one will do.
    for consistency in declared if stage.case == "shared" else declared[-1:]:
        rounds.append((consistency, *_from_threads(stage, consistency)))
    stage.idle(QUIET_S)
    for consistency, sent, inbox in rounds:
        copies = Counter(_received(stage, inbox))
        lost = [payload for payload in sent if not copies[payload]]
        twice = [payload for payload, number in copies.items() if number > 1]
        if consistency is not Consistency.AT_MOST_ONCE:
            judged += 1
            stage.expect(
                not lost,
                expected=f"all {len(sent)} messages arrive under {consistency.name}",
                observed=f"{len(lost)} are lost, {lost[:3]} among them",
            )
        if inbox.repeats and copies:
            judged += 1
            stage.expect(
                not twice,
                expected=f"no message arrives twice under {consistency.name}",
                observed=f"{len(twice)} do, {twice[:3]} among them",
            )
    if not judged:
        raise Unjudged("no message arrived, or no declared consistency says what to expect")


def _from_threads(stage: Stage, consistency: Consistency) -> tuple[list[bytes], Inbox]:
    """What was sent, and where it was received as far as it came; copies may still arrive."""
    topic = stage.topic()
    given = {"consistency": consistency}
    inbox = stage.inbox(topic, **given)
    inbox.repeats = consistency is not Consistency.AT_LEAST_ONCE
    with stage.races(rate=0.0) as races:
        outbox = stage.outbox(topic, **given)
        stage.link(outbox, inbox)
        outboxes = [outbox] * THREADS
        if stage.case == "own":
            outboxes = [outbox, *(stage.outbox(topic, **given) for _ in range(THREADS - 1))]
        publishers = [Publisher(stage, box, races, t) for t, box in enumerate(outboxes)]
        bound = stage.capabilities.call_within_s
        took = publishers[0].measure(b"measured")
        # A lock has one thread wait for all others: of messages that take long there are fewer.
        each = min(PER_THREAD, max(LEAST_PER_THREAD, int(bound / THREADS / took)))
        races.threads_rate = 0.02
        within_s = 2 * max(bound, THREADS * each * took)
        pending = [
            stage.caller.start(
                f"{stage.role}.publish() on thread {number + 1} of {THREADS}",
                partial(publisher.publish_all, each, THREADS, publishers[0].points, within_s),
            )
            for number, publisher in enumerate(publishers)
        ]
        for call in pending:
            stage.expect_returned(
                call.wait(within_s + stage.capabilities.delivered_within_s),
                "publish() from several threads works",
            )
    refusals = [refusal for publisher in publishers for refusal in publisher.refusals]
    if refusals:
        first = describe_error(refusals[0])
        stage.note(f"{len(refusals)} messages were refused, and published again: {first}")
    sent = [payload for publisher in publishers for payload in publisher.sent()]
    inbox.missing(sent)
    return sent, inbox


def _received(stage: Stage, inbox: Inbox) -> list[bytes]:
    """What has arrived by now."""
    received: list[bytes] = []
    end = time.monotonic() + stage.capabilities.delivered_within_s
    while fresh := inbox.quiet(LEAST_QUIET_S):
        received += [payload_of(item) for item in fresh]
        if stage.past(end):
            break
    return received


@rule(
    "WRITE-CLOSED",
    level=SHOULD,
    roles=WRITERS,
    says="before open() and after close() publish() raises an error of this library, at once",
    source="a message that cannot be sent must not vanish",
    hint="raise ConnectionError when the writer is not open",
    cases=("before-open", "after-close"),
    right="if self._client is None:\n    raise ConnectionError('not open: call open() first')",
    wrong="if self._client is not None:\n    self._client.send(message)",
)
def closed(stage: Stage) -> None:
    topic = stage.topic()
    actor = stage.build(stage.role, topic)
    if stage.case == "after-close":
        stage.opened(actor)
        actor.close()
    result = actor.publish(b"nobody sends this")
    if stage.role is Role.ASYNC_WRITER and result.returned:
        result = settled_as_call(stage, result)
    if result.hung:
        raise Violation("publish() ends at once", result.describe(), trace=result.trace())
    stage.expect_library_error(result, expected="publish() raises an error of this library")
