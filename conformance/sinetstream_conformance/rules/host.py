"""The plugin under its host: the programs that users write (guide §2.2)."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

from sinetstream_conformance.channels import Inbox, payload_of
from sinetstream_conformance.deadline import shorten
from sinetstream_conformance.hosts import HostDesk
from sinetstream_conformance.rule import (
    ALL_ROLES,
    ASYNC_READER,
    ASYNC_WRITER,
    MUST,
    READER,
    WRITER,
    rule,
)
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import NotDeclared, Unjudged, Violation

SOURCE = "guide §2.2"
VALUE = b"through the host \x00\xff"
SECRET = b"nobody but the reader may read this sentence"
CRYPTO: dict[str, Any] = {
    "data_encryption": True,
    "crypto": {
        "algorithm": "AES",
        "key_length": 128,
        "mode": "GCM",
        "key_derivation": {"algorithm": "pbkdf2"},
        "password": {"value": "a password of the conformance kit"},
    },
}


def through_host(stage: Stage, topic: str, **given: Any) -> tuple[Any, Inbox]:
    """An outbox and an inbox of the host on ``topic``, which are known to be connected."""
    desk = HostDesk(stage)
    inbox = desk.inbox(topic, **given)
    outbox = desk.outbox(topic, **given)
    stage.link(outbox, inbox, judge=True)
    return outbox, inbox


def arrives(stage: Stage, **given: Any) -> Any:
    """Judge that a value written through the host is read through it; give the message."""
    topic = stage.topic()
    outbox, inbox = through_host(stage, topic, **given)
    outbox.send(VALUE)
    items = inbox.take(1)
    stage.expect(
        bool(items),
        expected="a value written through the host is read through it",
        observed=f"nothing arrived {outbox.explain()}".rstrip(),
    )
    got, got_topic, message = items[0]
    stage.expect(got == VALUE, expected=f"message.value is {VALUE!r}", observed=shorten(got))
    stage.expect(
        got_topic == topic, expected=f"message.topic is {topic!r}", observed=shorten(got_topic)
    )
    return message


@rule(
    "HOST-READ",
    level=MUST,
    roles=(READER,),
    says="the program of guide §2.2.1 works: `for message in reader`, the service read from a "
    "configuration file",
    source="guide §2.2.1",
    hint="run the program by hand with this configuration; the READ-* rules say what the plugin "
    "owes",
    right="with MessageReader(service='my-service') as reader:\n    for message in reader:\n"
    "        print(message.value)",
    wrong="def __iter__(self):\n    while True:\n        yield self._receive()  # goes on for ever",
)
def read(stage: Stage) -> None:
    topic = stage.topic()
    outbox, inbox = through_host(stage, topic)
    outbox.send(VALUE)
    if not inbox.take(1):
        raise Violation("message.value of what was written", "nothing arrived")
    actor = inbox.actor  # type: ignore[attr-defined]
    reader = actor.instance

    def program() -> int:
        return sum(1 for _ in reader)

    result = stage.caller.run("for message in reader", program, 10.0)
    stage.expect_returned(result, "the loop `for message in reader` ends after receive_timeout_ms")


@rule(
    "HOST-WRITE",
    level=MUST,
    roles=(WRITER,),
    says="the program of guide §2.2.2 works: writer.publish(), the service read from a "
    "configuration file",
    source="guide §2.2.2",
    hint="run the program by hand with this configuration; the WRITE-* rules say what the plugin "
    "owes",
    right="with MessageWriter(service='my-service') as writer:\n    writer.publish(b'value')",
    wrong='self._client.send(message + b"\\n")',
)
def write(stage: Stage) -> None:
    arrives(stage)


@rule(
    "HOST-AREAD",
    level=MUST,
    roles=(ASYNC_READER,),
    says="the program of guide §2.2.3 works: on_message is set, the reader opened, and messages "
    "are passed to the callback",
    source="guide §2.2.3",
    hint="run the program by hand with this configuration; the AREAD-* rules say what the plugin "
    "owes",
    right="reader = AsyncMessageReader(service='my-service')\nreader.on_message = show_message\n"
    "reader.open()",
    wrong="self._on_message(payload)",
)
def async_read(stage: Stage) -> None:
    arrives(stage)


@rule(
    "HOST-AWRITE",
    level=MUST,
    roles=(ASYNC_WRITER,),
    says="the program of guide §2.2.4 works: writer.publish(message).then(on_publish)",
    source="guide §2.2.4",
    hint="run the program by hand with this configuration; the AWRITE-* rules say what the plugin "
    "owes",
    right="with AsyncMessageWriter(service='my-service') as writer:\n"
    "    writer.publish(b'value').then(on_publish)",
    wrong="def publish(self, message):\n    self._client.send(message)  # and returns nothing",
)
def async_write(stage: Stage) -> None:
    topic = stage.topic()
    outbox, inbox = through_host(stage, topic)
    calls: list[Any] = []
    writer = outbox.actor.instance

    def program() -> None:
        writer.publish(VALUE).then(calls.append)

    stage.expect_returned(
        stage.caller.run("writer.publish(message).then(on_publish)", program, 10.0),
        "publish() gives a promise that takes on_publish",
    )
    stage.expect(
        stage.wait_until(lambda: bool(calls), stage.capabilities.delivered_within_s),
        expected="on_publish is called once the message is with the broker",
        observed="it is not",
    )
    received = inbox.payloads(1)
    stage.expect(received == [VALUE], expected=f"{VALUE!r} arrives", observed=shorten(received))


@rule(
    "HOST-TIMESTAMP",
    level=MUST,
    roles=ALL_ROLES,
    says="the message carries the time of sending",
    source="guide §2.1: the host adds the time stamp to the message",
    hint="deliver the bytes as they were published: the time stamp is in them",
    right="self._client.send(message)",
    wrong="self._client.send(self._buffers.setdefault(len(message), message))",
)
def timestamp(stage: Stage) -> None:
    topic = stage.topic()
    outbox, inbox = through_host(stage, topic)
    # An earlier message in the place of this one is what the rule is about.
    inbox.repeats = True
    for number in range(2):
        payload = b"stamp %d" % number
        before = time.time_ns() // 1000
        outbox.send(payload)
        after = time.time_ns() // 1000
        inbox.missing([payload])
        items = inbox.quiet(0.0)
        if not items:
            raise Unjudged("nothing arrived; see HOST-READ and HOST-WRITE")
        message = next((item for item in items if payload_of(item) == payload), items[-1])[2]
        sent = message.timestamp_us
        stage.expect(
            isinstance(sent, int) and before <= sent <= after,
            expected="timestamp_us between the microseconds before and after publish()",
            observed=f"{sent}, with {before} before and {after} after",
        )
        stage.expect(
            abs(message.timestamp - sent / 1e6) < 1e-3,
            expected="timestamp in seconds for the same moment",
            observed=f"{message.timestamp}",
        )


@rule(
    "HOST-VALUE",
    level=MUST,
    roles=ALL_ROLES,
    says="with value_type text the reader gets back the same str",
    source="guide §2.1: serialisers and deserialisers",
    hint="deliver the bytes as they were published",
    right="self._client.send(message)",
    wrong='self._client.send(normalise(message.decode(errors="replace")).encode())',
)
def value(stage: Stage) -> None:
    text = "text: Grüße, 日本語, עברית, ﬁ, ½"
    topic = stage.topic()
    desk = HostDesk(stage)
    inbox = desk.inbox(topic, value_type="text")
    outbox: Any = desk.outbox(topic, value_type="text")
    stage.link(_Texts(outbox), inbox, judge=True)
    outbox.send(text)
    items = inbox.take(1)
    got = items[0][0] if items else None
    stage.expect(got == text and isinstance(got, str), expected=repr(text), observed=shorten(got))


class _Texts:
    """Sends the kit's probes as text."""

    def __init__(self, outbox: Any) -> None:
        self._outbox = outbox

    def send(self, payload: bytes) -> None:
        self._outbox.send(payload.decode())

    def explain(self) -> str:
        explained: str = self._outbox.explain()
        return explained


@rule(
    "HOST-CRYPT",
    level=MUST,
    roles=ALL_ROLES,
    says="with encryption the broker sees no plain text, the reader gets it back, and altered "
    "messages are refused",
    source="guide §2.1: encryption and decryption",
    hint="deliver the bytes as they were published, all of them and no others",
    cases=("secret", "altered"),
    right="self._client.send(message)",
    wrong="self._client.send(message[:MAXIMUM])",
)
def crypt(stage: Stage) -> None:
    if stage.session.host == "sdk" and find_spec("cryptography") is None:
        raise NotDeclared("no encryption here: pip install 'sinetstream-plugin-sdk[crypto]'")
    topic = stage.topic()
    desk = HostDesk(stage)
    if stage.case == "secret":
        bare = stage.inbox(topic)
        outbox = desk.outbox(topic, **CRYPTO)
        stage.link(stage.outbox(topic), bare)
        outbox.send(SECRET)
        seen = [payload_of(item) for item in bare.take(1)]
        stage.expect(
            len(seen) == 1, expected="the broker carries one message", observed=shorten(seen)
        )
        stage.expect(
            SECRET not in seen[0],
            expected="the bytes at the broker do not hold the plain text",
            observed="they do",
        )
        arrives(stage, **CRYPTO)
        return
    _altered(stage, desk, topic)


def _altered(stage: Stage, desk: HostDesk, topic: str) -> None:
    """Judge that a message changed on its way is refused, and the next one is read."""
    good = desk.host.encode(CRYPTO, SECRET)
    altered = good[:-1] + bytes([good[-1] ^ 1])
    if not desk.host.refuses(CRYPTO, altered):
        raise NotDeclared(f"the {desk.host.name} host does not verify what it decrypts")
    inbox = desk.inbox(topic, **CRYPTO)
    outbox: Any = desk.outbox(topic, **CRYPTO)
    stage.link(outbox, inbox, judge=True)
    past: Any = stage.outbox(topic)
    past.send(altered)
    outbox.send(VALUE)
    values = _until(stage, inbox, VALUE)
    stage.expect(
        SECRET not in values,
        expected="an altered message reaches nobody",
        observed="its plain text was delivered",
    )
    stage.expect(VALUE in values, expected="the message after it is read", observed=shorten(values))
    # Two writers sent the two messages, so that the altered one may come last.
    inbox.pump(lambda: bool(desk.refusals(inbox)), stage.capabilities.delivered_within_s)
    told = bool(desk.refusals(inbox))
    stage.expect(
        told,
        expected="InvalidMessageError for the altered message",
        observed="no error was reported",
    )


def _until(stage: Stage, inbox: Inbox, last: bytes) -> list[Any]:
    """What comes up to ``last``."""
    values: list[Any] = []
    end = time.monotonic() + stage.capabilities.delivered_within_s
    while last not in values and time.monotonic() < end:
        values += [item[0] for item in inbox.take(1, 0.3)]
    return values
