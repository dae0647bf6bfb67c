"""What a plugin owes when its connection is lost: it recovers or says so, within a bound.

Each role is judged over an ``outage``, after which the broker can be reached again, and with the
connection ``lost`` for as long as the check lasts. A writer is also judged with messages
``under-way`` when the connection breaks, which nobody will ever answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sinetstream_conformance.actors import (
    AsyncWriterActor,
    ReaderActor,
    WriterActor,
    is_pending,
    promise_state,
)
from sinetstream_conformance.channels import (
    CallbackInbox,
    Outbox,
    ReaderInbox,
    ended,
    outbox_of,
)
from sinetstream_conformance.cuts import UNDER_WAY_S, broken_off, cut_under_way
from sinetstream_conformance.deadline import Result, describe_error, shorten
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.payloads import new_probe, probe_token
from sinetstream_conformance.publishing import as_promise
from sinetstream_conformance.rule import (
    ASYNC_READER,
    ASYNC_WRITER,
    READER,
    SHOULD,
    WRITER,
    rule,
)
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import NotDeclared, Unjudged
from sinetstream_sdk.consistency import Consistency

CASES = ("outage", "lost")
WRITERS_CASES = (*CASES, "under-way")
OUTAGE_S = 0.5
TIMEOUT_MS = 200
MESSAGES = 3
SOURCE = (
    "guide §3.2: a plugin hides the messaging system; a program knows only this library's errors"
)

Made = TypeVar("Made")


def recovering_end(stage: Stage) -> float:
    """The monotonic time until which the plugin may take to recover, from now."""
    return time.monotonic() + stage.capabilities.recovered_within_s


def afresh(stage: Stage, make: Callable[[], Made]) -> Made:
    """What ``make`` gives, tried again while it cannot: a broker may need a moment to be back."""
    end = recovering_end(stage)
    while True:
        try:
            return make()
        except Unjudged:
            if stage.past(end):
                raise
            stage.idle(0.1)


def expect_heard_or_told(
    stage: Stage, outbox: Outbox, heard: Callable[[set[str]], bool], told: Callable[[], bool]
) -> None:
    """Publish until a reader that lost its connection gets something or reports an error."""
    end, sent = recovering_end(stage), set[str]()
    while not told() and not heard(sent):
        stage.expect(
            not stage.past(end),
            expected="a reader whose connection was lost reads on within "
            f"{stage.capabilities.recovered_within_s:g} s, or reports an error of this library",
            observed=f"it did neither: none of {len(sent)} messages published since the broker "
            "can be reached again came, and no error",
        )
        token, payload = new_probe()
        outbox.send(payload)
        sent.add(token)


class _Reading:
    """A synchronous reader over which faults come; each ``next()`` is judged."""

    def __init__(self, stage: Stage, reader: ReaderActor) -> None:
        self.stage, self.reader = stage, reader
        self.probes: set[str] = set()
        self.error: BaseException | None = None
        self._iterator: Any = None

    def step(self) -> None:
        """One ``next()``, which must end in time, in one of the ways that the contract has."""
        result = self._next()
        if result.returned:
            if token := probe_token(result.value):
                self.probes.add(token)
            return
        self._iterator = None
        if ended(result):
            self.stage.observations += 1
            return
        self.stage.expect_library_error(
            result,
            expected="when the connection is lost next() ends within receive_timeout_ms: by a "
            "message, by StopIteration or with an error of this library",
        )
        self.error = result.error
        self.stage.idle(0.02)

    def _next(self) -> Result:
        if self._iterator is None:
            iterated = self.reader.iterate()
            if not iterated.returned:
                return iterated
            self._iterator = iterated.value
        bound_s = TIMEOUT_MS / 1000 + self.stage.capabilities.call_within_s
        return self.reader.next(self._iterator, bound_s)

    def heard(self, sent: set[str]) -> bool:
        """Go on reading for a moment; whether one of these probes has come."""
        end = time.monotonic() + 2 * TIMEOUT_MS / 1000
        while not (sent & self.probes or self.error or self.stage.past(end)):
            self.step()
        return bool(sent & self.probes)


@rule(
    "FAULT-READ",
    level=SHOULD,
    roles=(READER,),
    says="when the connection is lost while reading, the reader recovers or raises an error of "
    "this library; next() never hangs past receive_timeout_ms",
    source=SOURCE,
    hint="wait for messages with a deadline whatever the connection does; when it is lost, connect "
    "and subscribe again, or raise ConnectionError from the client's error; or see whether the "
    "harness's disconnected() gives the broker back",
    cases=CASES,
    right="try:\n    message = self._client.receive(timeout=self._timeout_s)\n"
    "except ClientError as error:\n"
    '    raise ConnectionError(f"the broker is gone: {error}") from error',
    wrong="try:\n    message = self._client.receive(timeout=self._timeout_s)\n"
    "except ClientError:\n    message = None  # again and again, without subscribing again",
)
def read(stage: Stage) -> None:
    topic = stage.topic()
    reader = stage.reader(topic, TIMEOUT_MS)
    stage.link(stage.outbox(topic), ReaderInbox(reader))
    reading = _Reading(stage, reader)
    with broken_off(stage):
        end = time.monotonic() + (OUTAGE_S if stage.case == "outage" else 5 * TIMEOUT_MS / 1000)
        while not stage.past(end):
            reading.step()
    if stage.case == "outage":
        outbox = afresh(stage, lambda: stage.outbox(topic))
        expect_heard_or_told(stage, outbox, reading.heard, lambda: reading.error is not None)
    if reading.error is not None:
        stage.note(f"the reader reported {describe_error(reading.error)}")


@rule(
    "FAULT-WRITE",
    level=SHOULD,
    roles=(WRITER,),
    says="when the connection is lost while publishing, the writer recovers or raises an error of "
    "this library within a bound",
    source=SOURCE,
    hint="give publish() a deadline whatever the connection does, raise ConnectionError when it is "
    "over, and connect again for the next message; or see whether the harness's disconnected() "
    "cuts the connections and gives the broker back",
    cases=WRITERS_CASES,
    right="if not acknowledged.wait(self._timeout_s):\n"
    "    raise ConnectionError('no acknowledgement within ...')",
    wrong="self._client.send(message)  # and whether that failed, nobody looks",
)
def write(stage: Stage) -> None:
    topic = stage.topic()
    lost = stage.case == "lost"
    writer: WriterActor = stage.writer(topic, **_guarantee(stage))
    _reach_a_reader(stage, writer, topic)
    bound_s = stage.capabilities.recovered_within_s
    if stage.case == "under-way":
        with cut_under_way(stage):
            pending = writer.start("publish", b"when the connection breaks")
            stage.idle(UNDER_WAY_S)
            _note_answered(stage, pending.done)
    else:
        with broken_off(stage):
            pending = writer.start("publish", b"while the broker is away")
            if lost:
                _expect_refused(stage, pending.wait(bound_s))
                return
            stage.idle(OUTAGE_S)
    result = pending.wait(bound_s)
    if not result.returned:
        _expect_refused(stage, result)
    _expect_arrival_or_error(stage, writer, topic)


def _reach_a_reader(stage: Stage, writer: WriterActor, topic: str) -> None:
    """See that what the writer sends arrives, and leave no reader behind.

    One that stays open, and that nobody reads from, may be given what a later one waits for.
    """
    inbox = stage.inbox(topic)
    stage.link(outbox_of(writer), inbox)
    if isinstance(inbox, ReaderInbox | CallbackInbox):
        inbox.actor.close()


def _guarantee(stage: Stage) -> dict[str, Any]:
    """The parameters of a writer that knows whether the broker has a message, if that is needed.

    Over an ``outage`` any writer will do. Messages are the more likely to be ``under-way`` if they
    are to be acknowledged, but need not be.

    :raises NotDeclared: it is needed, and the plugin does not declare it
    """
    if stage.case == "outage":
        return {}
    if Consistency.AT_LEAST_ONCE in stage.capabilities.consistencies:
        return {"consistency": Consistency.AT_LEAST_ONCE}
    if stage.case == "lost":
        raise NotDeclared("capability 'consistencies' does not name AT_LEAST_ONCE")
    return {}


def _note_answered(stage: Stage, answered: bool) -> None:
    """Remark that no message was under way, as the plugin sees it."""
    if answered:
        stage.note("publishing had an outcome before the connection broke: nothing was under way")


def _expect_refused(stage: Stage, result: Result) -> None:
    stage.expect_library_error(
        result,
        expected="publish() raises an error of this library within "
        f"{stage.capabilities.recovered_within_s:g} s while the broker cannot be reached",
    )


def _expect_arrival_or_error(stage: Stage, writer: WriterActor, topic: str) -> None:
    """Publish until a message arrives; if none does, the writer must have said so."""
    inbox = afresh(stage, lambda: stage.inbox(topic))
    end, sent, silent = recovering_end(stage), set[str](), 0
    while not (sent & inbox.probes):
        if stage.past(end):
            stage.expect(
                not silent,
                expected="a writer whose connection was lost publishes again within "
                f"{stage.capabilities.recovered_within_s:g} s, or raises an error of this library",
                observed=f"it did neither: publish() returned {silent} times since the broker can "
                "be reached again, and nothing arrived",
            )
            stage.note("the writer did not recover, and said so")
            return
        token, payload = new_probe()
        result = writer.publish(payload)
        if result.returned:
            sent.add(token)
            silent += 1
        else:
            _expect_refused(stage, result)
            silent = 0
        inbox.pump(lambda: bool(sent & inbox.probes), 0.2)
    stage.observations += 1


@rule(
    "FAULT-AREAD",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="an asynchronous reader whose connection is lost recovers; if it is lost for good, "
    "on_failure is called",
    source="guide §3.2.3: on_failure is where a program learns that something is wrong",
    hint="call on_failure with a ConnectionError when the client says that the connection is lost "
    "and trying again has come to nothing for a while; or see whether the harness's disconnected() "
    "cuts the connections",
    cases=CASES,
    right="def _on_disconnect(self, reason):\n"
    "    self._on_failure(ConnectionError(f'connection lost: {reason}'))",
    wrong="def _on_disconnect(self, reason):\n    pass",
)
def async_read(stage: Stage) -> None:
    topic = stage.topic()
    actor = stage.async_reader(topic)
    inbox, failures = CallbackInbox(actor), actor.failures
    stage.link(stage.outbox(topic), inbox)
    bound_s = stage.capabilities.recovered_within_s
    with broken_off(stage):
        if stage.case == "lost":
            stage.expect(
                failures.wait(lambda: bool(failures.calls), bound_s),
                expected=f"on_failure is called within {bound_s:g} s of losing the connection",
                observed="it was not",
            )
        else:
            stage.idle(OUTAGE_S)
    if stage.case == "outage":

        def heard(sent: set[str]) -> bool:
            return inbox.pump(lambda: bool(sent & inbox.probes), 2 * TIMEOUT_MS / 1000)

        outbox = afresh(stage, lambda: stage.outbox(topic))
        expect_heard_or_told(stage, outbox, heard, lambda: bool(failures.calls))
    for call in failures.calls[:MESSAGES]:
        stage.note(f"on_failure was called with {shorten(call.arguments)}")
        stage.expect(
            len(call.arguments) == 1 and is_library_error(call.arguments[0]),
            expected="on_failure gets an error of this library",
            observed=f"it was called with {', '.join(shorten(value) for value in call.arguments)}",
        )


@rule(
    "FAULT-AWRITE",
    level=SHOULD,
    roles=(ASYNC_WRITER,),
    says="promises of messages that cannot be sent are rejected within a bound",
    source="guide §3.2.4: the promise is where the outcome shows",
    hint="give each message a deadline, and reject its promise with ConnectionError when it is "
    "over; or see whether the harness's disconnected() cuts the connections and gives the broker "
    "back",
    cases=WRITERS_CASES,
    right="for deferred in self._overdue():\n"
    "    deferred.reject(ConnectionError('no acknowledgement within ...'))",
    wrong="self._outstanding[number] = deferred  # until an acknowledgement comes, or never",
)
def async_write(stage: Stage) -> None:
    topic = stage.topic()
    lost = stage.case == "lost"
    writer: AsyncWriterActor = stage.writer(topic, **_guarantee(stage))
    stage.link(outbox_of(writer), stage.inbox(topic))
    if stage.case == "under-way":
        with cut_under_way(stage):
            promises = _published(stage, writer, MESSAGES)
            stage.idle(UNDER_WAY_S)
            _note_answered(stage, not any(is_pending(promise) for promise in promises))
    else:
        with broken_off(stage):
            promises = _published(stage, writer, MESSAGES)
            if lost:
                early = _settled(stage, promises).count("fulfilled")
                stage.expect(
                    not early,
                    expected="no promise is fulfilled while the broker cannot be reached",
                    observed=f"{early} of {MESSAGES} are",
                )
                return
            stage.idle(OUTAGE_S)
    _settled(stage, promises)
    end = recovering_end(stage)
    while "fulfilled" not in _settled(stage, _published(stage, writer, 1)):
        if stage.past(end):
            stage.note("the writer did not recover, and said so")
            return
        stage.idle(0.1)


def _published(stage: Stage, writer: AsyncWriterActor, count: int) -> list[Any]:
    """The promises of some messages.

    That publish() raises the error itself is another rule's business (AWRITE-REJECT).
    """
    results = [writer.publish(b"over a fault") for _ in range(count)]
    promises = []
    for result in results:
        if not result.returned:
            _expect_refused(stage, result)
        else:
            promises.append(as_promise(result.value))
    return promises


def _settled(stage: Stage, promises: list[Any]) -> list[str]:
    """The states of promises, all of which must settle in time."""
    bound_s = stage.capabilities.recovered_within_s
    stage.wait_until(lambda: not any(is_pending(p) for p in promises), bound_s)
    states = [promise_state(promise) for promise in promises]
    stage.expect(
        "pending" not in states,
        expected=f"each promise settles within {bound_s:g} s, whatever the connection does",
        observed=f"{states.count('pending')} of {len(promises)} are still pending",
    )
    for promise in promises:
        promise.catch(lambda reason: None)  # its state is all that is wanted
    return states
