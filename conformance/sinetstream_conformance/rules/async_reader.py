"""What an asynchronous reader owes: its callbacks (guide §3.2.3)."""

from __future__ import annotations

import threading
import time
from typing import Any

from sinetstream_conformance.actors import AsyncReaderActor, Recorder
from sinetstream_conformance.channels import CallbackInbox, Outbox, payload_of
from sinetstream_conformance.deadline import shorten
from sinetstream_conformance.ordering import Ordering
from sinetstream_conformance.rule import ASYNC_READER, CAN, MUST, SHOULD, rule
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Unjudged

SOURCE = "guide §3.2.3"
MESSAGES = 20
QUIET_S = 0.6


class Mishap(Exception):
    """What the kit's callbacks raise when they are told to."""


def linked_reader(stage: Stage) -> tuple[AsyncReaderActor, Outbox, CallbackInbox]:
    """An open asynchronous reader, an outbox that reaches it, and the inbox of its callbacks."""
    topic = stage.topic()
    actor = stage.async_reader(topic)
    outbox, inbox = stage.outbox(topic), CallbackInbox(actor)
    stage.link(outbox, inbox)
    return actor, outbox, inbox


@rule(
    "AREAD-ON-MESSAGE",
    level=MUST,
    roles=(ASYNC_READER,),
    says="on_message can be set and read back, and each message calls it with payload, topic and "
    "raw message",
    source=SOURCE,
    hint="define on_message as a property with a setter, and call it as "
    "on_message(payload, topic, raw)",
    right="self._on_message(message.payload, message.topic, message)",
    wrong="self._on_message(message)",
)
def on_message(stage: Stage) -> None:
    topic = stage.topic()
    actor: AsyncReaderActor = stage.build(ASYNC_READER, topic)
    _round_trip(stage, actor, "on_message", actor.messages)
    actor.set("on_failure", actor.failures)
    stage.opened(actor)
    outbox, inbox = stage.outbox(topic), CallbackInbox(actor)
    stage.link(outbox, inbox)
    outbox.send(b"for the callback")
    items = inbox.take(1)
    if not items:
        raise Unjudged("the message did not arrive; see LIFE-OPEN")
    arguments = items[0]
    stage.expect(
        len(arguments) == 3 and arguments[0] == b"for the callback" and arguments[1] == topic,
        expected=f"on_message(b'for the callback', {topic!r}, <raw message>)",
        observed=f"on_message called with {shorten(arguments)}",
    )


def _round_trip(stage: Stage, actor: AsyncReaderActor, name: str, callback: Any) -> None:
    stage.expect_returned(actor.set(name, callback), f"{name} can be set")
    value = stage.expect_returned(actor.get(name), f"{name} can be read")
    stage.expect(
        value is callback,
        expected=f"{name} reads back as the callback that was set",
        observed=shorten(value),
    )


@rule(
    "AREAD-ON-FAILURE",
    level=MUST,
    roles=(ASYNC_READER,),
    says="on_failure can be set and read back",
    source=SOURCE,
    hint="define on_failure as a property with a setter",
    right="@on_failure.setter\ndef on_failure(self, callback):\n    self._on_failure = callback",
    wrong="@property\ndef on_failure(self):\n    return self._on_failure  # and no setter",
)
def on_failure(stage: Stage) -> None:
    actor: AsyncReaderActor = stage.build(ASYNC_READER, stage.topic())
    _round_trip(stage, actor, "on_failure", actor.failures)
    stage.opened(actor)
    _round_trip(stage, actor, "on_failure", Recorder(stage, "on_failure"))


@rule(
    "AREAD-SET-BEFORE",
    level=MUST,
    roles=(ASYNC_READER,),
    says="callbacks set before open() are used",
    source="guide §2.2.3: the program sets on_message and then opens",
    hint="do not reset the callbacks in open()",
    right="def open(self):\n    self._thread.start()",
    wrong="def open(self):\n    self._on_message = None\n    self._thread.start()",
)
def set_before(stage: Stage) -> None:
    topic = stage.topic()
    actor: AsyncReaderActor = stage.build(ASYNC_READER, topic)
    stage.attach(actor)
    stage.opened(actor)
    stage.link(stage.outbox(topic), CallbackInbox(actor), judge=True)
    stage.observations += 1


@rule(
    "AREAD-SET-AFTER",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="callbacks set or changed after open() are used from then on; no message is dropped or "
    "delivered to None in between",
    source="guide §3.2.3: properties can be set at any time",
    hint="read the callback once per message, at delivery; hold the message while it is None",
    cases=("set", "changed"),
    right="callback = self._wait_for_callback()\ncallback(payload, topic, raw)",
    wrong="def open(self):\n    self._callback = self.on_message  # fixed from now on",
)
def set_after(stage: Stage) -> None:
    topic = stage.topic()
    if stage.case == "set":
        _set_after_open(stage, topic)
        return
    second = Recorder(stage)
    with stage.races():
        actor, outbox, _ = linked_reader(stage)
        for number in range(MESSAGES):
            recorder = second if number % 2 else actor.messages
            stage.expect_returned(actor.set("on_message", recorder), "on_message can be changed")
            outbox.send(b"%d" % number)
    expected = {b"%d" % number for number in range(MESSAGES)}
    stage.wait_until(
        lambda: expected <= _seen(actor.messages, second),
        stage.capabilities.delivered_within_s,
    )
    lost = expected - _seen(actor.messages, second)
    stage.expect(
        not lost,
        expected="every message reaches one of the callbacks while they are changed",
        observed=f"{len(lost)} of {MESSAGES} reached none",
    )
    stage.expect_returned(actor.set("on_message", second), "on_message can be changed")
    outbox.send(b"to the second")
    stage.expect(
        second.wait(
            lambda: b"to the second" in _seen(second), stage.capabilities.delivered_within_s
        ),
        expected="a callback set while open is used from then on",
        observed="the message went elsewhere or nowhere",
    )


def _seen(*recorders: Recorder) -> set[bytes]:
    return {payload_of(call.arguments) for recorder in recorders for call in list(recorder.calls)}


def _set_after_open(stage: Stage, topic: str) -> None:
    """Messages that come before any callback is set must wait for one, where they are kept."""
    actor: AsyncReaderActor = stage.build(ASYNC_READER, topic)
    stage.opened(actor)
    outbox = stage.outbox(topic)
    early = [b"early %d" % number for number in range(3)]
    kept = stage.capabilities.retained
    if kept:
        for payload in early:
            outbox.send(payload)
        stage.idle(0.2)
    stage.attach(actor)
    inbox = CallbackInbox(actor)
    stage.link(outbox, inbox, judge=True)
    stage.observations += 1
    if kept:
        received = set(inbox.payloads(len(early)))
        stage.expect(
            set(early) <= received,
            expected="messages that came while no callback was set are delivered once there is one",
            observed=f"{len(set(early) - received)} of {len(early)} were dropped",
        )


@rule(
    "AREAD-OPEN",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="open() returns without waiting for a message",
    source="guide §2.2.3: the program goes on after open()",
    hint="receive on a thread of your own, started by open()",
    right="def open(self):\n    self._thread.start()",
    wrong="def open(self):\n    self._receive_until_closed()",
)
def opens(stage: Stage) -> None:
    actor: AsyncReaderActor = stage.build(ASYNC_READER, stage.topic())
    stage.attach(actor)
    stage.expect_returned(actor.open(), "open() returns although no message comes")


@rule(
    "AREAD-RAISING",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="a callback that raises does not end delivery, and the exception reaches on_failure",
    source="guide §3.2.3: on_failure is called with the exception that is the cause",
    hint="call the callback inside try/except Exception, and pass the exception to on_failure",
    right="try:\n    on_message(payload, topic, raw)\nexcept Exception as error:\n"
    "    on_failure(error)",
    wrong="on_message(payload, topic, raw)  # ends the thread if it raises",
)
def raising(stage: Stage) -> None:
    actor, outbox, inbox = linked_reader(stage)
    mishap = Mishap("raised by the conformance kit's on_message")
    actor.messages.behave = _raise(mishap)
    outbox.send(b"raises")
    within_s = stage.capabilities.delivered_within_s
    if inbox.missing([b"raises"]):
        raise Unjudged("the message did not arrive; see LIFE-OPEN")
    told = actor.failures.wait(lambda: bool(actor.failures.calls), within_s)
    actor.messages.behave = None
    outbox.send(b"afterwards")
    stage.expect(
        not inbox.missing([b"afterwards"]),
        expected="messages go on being delivered after a callback has raised",
        observed="the next message never came",
    )
    stage.expect(
        told, expected="on_failure is called with what the callback raised", observed="it is not"
    )
    arguments = actor.failures.calls[0].arguments
    stage.expect(
        bool(arguments) and _stems_from(arguments[0], mishap),
        expected="on_failure(<the exception that the callback raised>)",
        observed=f"on_failure called with {shorten(arguments)}",
    )


def _stems_from(error: object, mishap: Mishap) -> bool:
    while isinstance(error, BaseException):
        if error is mishap:
            return True
        error = error.__cause__ or error.__context__
    return False


def _raise(error: Exception) -> Any:
    def behave(_: object) -> None:
        raise error

    return behave


@rule(
    "AREAD-ORDER",
    level=CAN,
    roles=(ASYNC_READER,),
    says="callbacks come in the order of publishing, and one at a time",
    source="the model of the messaging system, as declared",
    hint="deliver from one thread",
    right="self._executor = ThreadPoolExecutor(max_workers=1)",
    wrong="self._executor.submit(self.on_message, payload, topic, raw)  # several workers",
)
def order(stage: Stage) -> None:
    ordering = Ordering(stage)
    with stage.races():
        actor, outbox, inbox = linked_reader(stage)
        all_sent = threading.Event()

        def slow(_: object) -> None:
            all_sent.wait(1.0)  # so that messages wait, and can be taken in a wrong order
            time.sleep(0.001)

        actor.messages.behave = slow
        for number in range(MESSAGES * 2):
            outbox.send(b"%d" % number)
        all_sent.set()
        received = inbox.take(MESSAGES * 2)
    if not received:
        raise Unjudged("no message arrived; see LIFE-OPEN")
    ordering.judge(received, "callbacks come in the order of publishing")
    stage.expect(
        actor.messages.most_at_once == 1,
        expected="one callback at a time",
        observed=f"up to {actor.messages.most_at_once} at once",
    )


@rule(
    "AREAD-BLOCKED",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="a slow callback loses nothing",
    source="callbacks do work",
    hint="let the messages wait in the client or in a queue of your own while a callback runs",
    right="self._waiting.put(message)  # as many as come",
    wrong="try:\n    self._waiting.put_nowait(message)\nexcept queue.Full:\n    pass",
)
def blocked(stage: Stage) -> None:
    actor, outbox, inbox = linked_reader(stage)
    go_on = threading.Event()

    def slow(_: object) -> None:
        go_on.wait(10.0)

    actor.messages.behave = slow
    sent = [b"%d" % number for number in range(MESSAGES * 2)]
    for payload in sent:
        outbox.send(payload)
    stage.idle(0.3)
    go_on.set()
    received = inbox.payloads(len(sent))
    lost = set(sent) - set(received)
    stage.expect(
        not lost,
        expected=f"all {len(sent)} messages arrive although the first callback is slow",
        observed=f"{len(lost)} never did",
    )
