"""What an asynchronous writer owes beyond any writer: its promises (guide §3.2.4)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from promise import Promise

from sinetstream_conformance.actors import AsyncWriterActor, is_pending, promise_state
from sinetstream_conformance.channels import Inbox, outbox_of
from sinetstream_conformance.deadline import shorten
from sinetstream_conformance.meetings import arranged
from sinetstream_conformance.promise_races import PromiseRace
from sinetstream_conformance.publishing import (
    acknowledged,
    acknowledged_within,
    as_promise,
    doubt_of_the_harness,
    promised,
    published_and_closed,
    published_with_stops,
    settled_in_turn,
)
from sinetstream_conformance.races import TURNS
from sinetstream_conformance.rule import ASYNC_WRITER, MUST, SHOULD, rule
from sinetstream_conformance.settlements import count_settlements
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Unjudged, Violation

SOURCE = "guide §3.2.4"
AT_ONCE_S = 0.5
LEAST_LOOK_S = 1.0


def linked_writer(stage: Stage) -> tuple[AsyncWriterActor, Inbox]:
    """An open asynchronous writer and an inbox that it reaches."""
    topic = stage.topic()
    inbox = stage.inbox(topic)
    actor: AsyncWriterActor = stage.writer(topic)
    stage.link(outbox_of(actor), inbox)
    return actor, inbox


def all_settled(
    stage: Stage, promises: list[Any], within_s: float, stops: Sequence[str] = ()
) -> None:
    """Judge that every promise settles in time; they are looked at and nothing else.

    :param within_s: how long each may take after the one before
    :param stops: where ``publish()`` was stopped for each of them
    """
    settled_in_turn(stage, promises, within_s)
    pending = [number for number, p in enumerate(promises) if is_pending(p)]
    if not pending:
        stage.observations += 1
        return
    observed = f"promise {pending[0]} is still pending ({len(pending)} of {len(promises)} are)"
    where = [stops[number] for number in pending if number < len(stops) and stops[number]]
    # Where most are lost, it is not for want of time. A busy machine loses some more by itself.
    if where and len(pending) <= len(promises) / 2:
        observed += f"; publish() was stopped at {where[0]} while the acknowledgement came"
    raise Violation(
        f"every one of {len(promises)} promises settles, within {within_s:g} s of the one before",
        observed,
    )


@rule(
    "AWRITE-PROMISE",
    level=MUST,
    roles=(ASYNC_WRITER,),
    says="publish() returns a promise.Promise",
    source=SOURCE,
    hint="return a Promise; `sinetstream_sdk.promises.Deferred` makes one that is safe to settle "
    "from any thread",
    right="deferred = Deferred()\nself._client.send(message, callback=deferred.resolve)\n"
    "return deferred.promise",
    wrong="return self._executor.submit(self._client.send, message)",
)
def is_promise(stage: Stage) -> None:
    actor: AsyncWriterActor = stage.writer(stage.topic())
    result = actor.publish(b"promise me")
    stage.expect_returned(result, "publish() returns")
    stage.expect(
        isinstance(result.value, Promise),
        expected="a promise.Promise",
        observed=shorten(result.value),
    )


@rule(
    "AWRITE-NONBLOCK",
    level=MUST,
    roles=(ASYNC_WRITER,),
    says="publish() returns at once, also while the broker is stalled",
    source=SOURCE,
    hint="queue the message and send it on a thread of your own; "
    "`sinetstream_sdk.publishing.PublishingAsyncWriter` does",
    cases=("usual", "stalled"),
    right="self._queue.put_nowait((message, deferred))",
    wrong="self._client.send(message).get()  # waits for the acknowledgement",
)
def nonblock(stage: Stage) -> None:
    topic = stage.topic()
    inbox = stage.inbox(topic)
    actor: AsyncWriterActor = stage.writer(topic)
    stage.expect_returned(actor.publish(b"the first"), "publish() returns")
    stage.link(outbox_of(actor), inbox)
    if stage.case == "stalled":
        stage.enter(stage.offered(stage.harness.stalled))
    best: float | None = None
    for number in range(3):
        began = time.monotonic()
        result = actor.publish(b"at once %d" % number)
        stage.expect_returned(result, "publish() returns")
        spare = result.seconds - stage.noise_s(began)
        best = spare if best is None else min(best, spare)
    assert best is not None
    stage.expect(
        best <= AT_ONCE_S,
        expected=f"publish() returns within {AT_ONCE_S:g} s",
        observed=f"at best of three it took {best:.2f} s",
    )


@rule(
    "AWRITE-SETTLE",
    level=MUST,
    roles=(ASYNC_WRITER,),
    says="every promise settles exactly once, and then callbacks run once; no settlement is lost "
    "to a race between publish() and the acknowledgement",
    source=SOURCE,
    hint="register the message before it is sent, so that its acknowledgement finds it however "
    "early it comes; settle in one place",
    right="self._outstanding[key] = deferred\nself._client.send(key, message)",
    wrong="key = self._client.send(message)\nself._outstanding[key] = deferred",
)
def settle(stage: Stage) -> None:
    with count_settlements() as settlements:
        with stage.races() as races:
            actor, _ = linked_writer(stage)
            promises, stops = published_with_stops(stage, races, actor)
            all_settled(stage, promises, stage.capabilities.delivered_within_s, stops)
        stage.idle(0.05)
        stage.wait_until(lambda: settlements.at_rest, 1.0)
        kept = [(promise_state(p), id(p._target_settled_value())) for p in promises]
        for promise in promises:
            _runs_once(stage, promise)
        # Settling everything once more in close() is as wrong as a second acknowledgement.
        actor.close()
        stage.wait_until(lambda: settlements.at_rest, 1.0)
    twice = [n for n, p in enumerate(promises) if settlements.of(p) > 1]
    stage.expect(
        not twice,
        expected="each promise is settled exactly once",
        observed=f"promise {twice[0] if twice else ''} was settled more than once "
        f"({len(twice)} of {len(promises)} were)",
    )
    now = [(promise_state(p), id(p._target_settled_value())) for p in promises]
    changed = [
        n for n, (before, after) in enumerate(zip(kept, now, strict=True)) if before != after
    ]
    stage.expect(
        not changed,
        expected="a promise keeps the state and the value that it has settled with",
        observed=f"promise {changed[0] if changed else ''} changed afterwards: it settled twice",
    )


def _runs_once(stage: Stage, promise: Any) -> None:
    """Judge that callbacks of a settled promise run, and once."""
    calls: list[Any] = []
    promise.then(calls.append, calls.append)
    stage.wait_until(lambda: bool(calls), 1.0)
    stage.expect(
        len(calls) == 1,
        expected="a then() callback of a settled promise runs once",
        observed=f"it ran {len(calls)} times",
    )


@rule(
    "AWRITE-RACE",
    level=SHOULD,
    roles=(ASYNC_WRITER,),
    says="then() and get() are right on one thread while another settles the promise",
    source="programs call `writer.publish(m).then(...)` as the guide shows (§2.2.4)",
    hint="return a promise that is safe across threads, `sinetstream_sdk.promises.SafePromise` or "
    "that of a Deferred: a plain promise.Promise loses callbacks when then() and the settlement "
    "meet",
    cases=("then", "get"),
    right="deferred = Deferred()  # settled from the client's thread",
    wrong="promise = Promise()\nself._on_ack = promise.do_resolve  # from the client's thread",
)
def race(stage: Stage) -> None:
    with stage.races(rate=0.0) as races, arranged() as meetings:
        actor, _ = linked_writer(stage)
        took, instance = acknowledged_within(stage, actor), actor.instance
        meeting = PromiseRace(stage, races, meetings, lambda: instance.publish(b"meet"), took)
        for settler_stops in (False, True):
            meeting.run(settler_stops=settler_stops)


@rule(
    "AWRITE-FULFIL",
    level=MUST,
    roles=(ASYNC_WRITER,),
    says="a promise is fulfilled only once the broker has the message, as consistency defines that",
    source=SOURCE,
    hint="resolve in the acknowledgement's handler, not in publish(); or see whether the harness's "
    "failing_sends() and stalled() do what they say",
    cases=("closing", "refusing", "stalled"),
    right="self._client.send(message, on_ack=deferred.resolve)",
    wrong="self._queue.put(message)\nreturn Promise.resolve(None)",
)
def fulfil(stage: Stage) -> None:
    acknowledged(stage)
    if stage.case == "closing":
        promises, inbox = published_and_closed(stage)
        claimed = {b"%d" % n for n, p in enumerate(promises) if promise_state(p) == "fulfilled"}
        if not claimed:
            raise Unjudged("no promise was fulfilled; see AWRITE-SETTLE and AWRITE-CLOSE")
        missing = inbox.missing(claimed)
        stage.expect(
            not missing,
            expected=f"each of the {len(claimed)} messages whose promise was fulfilled arrives",
            observed=f"{len(missing)} never did, {sorted(missing)[:3]} among them",
        )
        return
    actor, inbox = linked_writer(stage)
    began = time.monotonic()
    usual = [promised(stage, actor, b"sent")]
    settled_in_turn(stage, usual)
    took = time.monotonic() - began
    inbox.payloads(1)
    # One that fulfils promises after a time of its own does so here, too.
    within_s = max(LEAST_LOOK_S, 3 * took + TURNS * stage.noise_s(began))
    refusing = stage.case == "refusing"
    doubt = ""
    with _failing(stage) if refusing else stage.offered(stage.harness.stalled):
        promises = [promised(stage, actor, b"not sent %d" % n) for n in range(3)]
        # None can be fulfilled any more once each has been rejected.
        stage.wait_until(
            lambda: (
                any(promise_state(p) == "fulfilled" for p in promises)
                or all(promise_state(p) == "rejected" for p in promises)
            ),
            within_s,
        )
        early = [n for n, p in enumerate(promises) if promise_state(p) == "fulfilled"]
        if early and refusing:
            doubt = doubt_of_the_harness(stage, inbox)
    what = "refuses every message" if refusing else "takes no message"
    stage.expect(
        not early,
        expected=f"no promise is fulfilled while the broker {what}",
        observed=f"promise {early[0] if early else ''} is fulfilled{doubt}",
    )
    for promise in promises:
        promise.catch(lambda reason: None)  # whoever expects a rejection looks at it


def _failing(stage: Stage) -> AbstractContextManager[Any]:
    context: AbstractContextManager[Any] = stage.offered(stage.harness.failing_sends)
    return context


@rule(
    "AWRITE-REJECT",
    level=SHOULD,
    roles=(ASYNC_WRITER,),
    says="a failure to send rejects the promise with an exception; it is neither raised from "
    "publish() nor swallowed",
    source="guide §3.2.4: the promise is where the outcome shows",
    hint="catch what the client raises on the sending thread and reject the promise with it; or "
    "see whether the harness's failing_sends() makes sends fail",
    right="try:\n    self._client.send(message)\nexcept ClientError as error:\n"
    "    deferred.reject(ConnectionError(str(error)))",
    wrong="try:\n    self._client.send(message)\nexcept ClientError:\n    pass",
)
def reject(stage: Stage) -> None:
    acknowledged(stage)
    actor, inbox = linked_writer(stage)
    with _failing(stage):
        result = actor.publish(b"refused")
        stage.expect_returned(result, "publish() returns a promise although the send will fail")
        promise = as_promise(result.value)
        declared = stage.capabilities
        # A writer may try again for a while, as it does while a broker is away.
        within_s = max(declared.delivered_within_s, declared.recovered_within_s)
        stage.wait_until(lambda: not is_pending(promise), within_s)
        state = promise_state(promise)
        doubt = doubt_of_the_harness(stage, inbox) if state == "fulfilled" else ""
    stage.expect(
        state == "rejected",
        expected="the promise of a message that the broker refuses is rejected",
        observed=f"it is still pending after {within_s:g} s"
        if state == "pending"
        else f"it is {state}{doubt}",
    )
    stage.expect(
        isinstance(promise.reason, Exception),
        expected="an exception as the reason",
        observed=shorten(promise.reason),
    )


@rule(
    "AWRITE-CLOSE",
    level=SHOULD,
    roles=(ASYNC_WRITER,),
    says="close() settles what is outstanding: delivered or rejected, never lost in silence",
    source="a program that ends closes its writers and must know what was sent",
    hint="drain the queue with a deadline in close(), and reject what is left",
    right="def close(self):\n    self._drain(deadline)\n    for deferred in self._outstanding:\n"
    "        deferred.reject(ConnectionError('closed before it was sent'))",
    wrong="def close(self):\n    self._stop = True",
)
def close(stage: Stage) -> None:
    promises, inbox = published_and_closed(stage)
    all_settled(stage, promises, 1.0)
    if not stage.capabilities.acknowledges:
        return
    missing = inbox.missing(
        {b"%d" % n for n, p in enumerate(promises) if promise_state(p) == "fulfilled"}
    )
    stage.expect(
        not missing,
        expected="a message whose promise is fulfilled when close() returns arrives",
        observed=f"{len(missing)} of {len(promises)} never did",
    )
