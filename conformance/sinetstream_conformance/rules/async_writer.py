"""What an asynchronous writer owes beyond any writer: its promises (guide §3.2.4)."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from typing import Any

from promise import Promise

from sinetstream_conformance.actors import AsyncWriterActor, promise_state
from sinetstream_conformance.channels import Inbox, outbox_of
from sinetstream_conformance.deadline import shorten
from sinetstream_conformance.rule import ASYNC_WRITER, MUST, SHOULD, rule
from sinetstream_conformance.settlements import count_settlements
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Unjudged

SOURCE = "guide §3.2.4"
MESSAGES = 30
AT_ONCE_S = 0.5


def linked_writer(stage: Stage) -> tuple[AsyncWriterActor, Inbox]:
    """An open asynchronous writer and an inbox that it reaches."""
    topic = stage.topic()
    inbox = stage.inbox(topic)
    actor: AsyncWriterActor = stage.writer(topic)
    stage.link(outbox_of(actor), inbox)
    return actor, inbox


def promised(stage: Stage, actor: AsyncWriterActor, payload: bytes) -> Any:
    """The promise of a message; whether it is one at all is AWRITE-PROMISE's business."""
    promise = stage.require(actor.publish(payload), ASYNC_WRITER).value
    if not isinstance(promise, Promise):
        raise Unjudged(f"publish() gives {shorten(promise)}, not a promise; see AWRITE-PROMISE")
    return promise


def all_settled(stage: Stage, promises: list[Any], within_s: float) -> None:
    """Judge that every promise settles in time; they are looked at and nothing else."""
    stage.wait_until(lambda: all(not p.is_pending for p in promises), within_s)
    pending = [number for number, p in enumerate(promises) if p.is_pending]
    stage.expect(
        not pending,
        expected=f"every one of {len(promises)} promises settles within {within_s:g} s",
        observed=f"promise {pending[0] if pending else ''} is still pending "
        f"({len(pending)} of {len(promises)} are)",
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
    actor, _ = linked_writer(stage)
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
    says="every promise settles exactly once, and then callbacks run once; no settlement is lost to "
    "a race between publish() and the acknowledgement",
    source=SOURCE,
    hint="register the message before it is sent, so that its acknowledgement finds it however "
    "early it comes; settle in one place",
    right="self._outstanding[key] = deferred\nself._client.send(key, message)",
    wrong="key = self._client.send(message)\nself._outstanding[key] = deferred",
)
def settle(stage: Stage) -> None:
    with count_settlements() as settlements, stage.races():
        actor, _ = linked_writer(stage)
        promises = [promised(stage, actor, b"settle %d" % n) for n in range(MESSAGES)]
        all_settled(stage, promises, stage.capabilities.delivered_within_s)
        kept = [(promise_state(p), id(p._target_settled_value())) for p in promises]
        stage.idle(0.05)
    for promise in promises:
        _runs_once(stage, promise)
    stage.expect(
        kept == [(promise_state(p), id(p._target_settled_value())) for p in promises],
        expected="a promise keeps the state that it has settled in",
        observed="one changed afterwards: it was settled twice",
    )
    twice = [n for n, p in enumerate(promises) if settlements.of(p) > 1]
    stage.expect(
        not twice,
        expected="each promise is settled exactly once",
        observed=f"promise {twice[0] if twice else ''} was settled more than once",
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
    "that of a Deferred: a plain promise.Promise loses callbacks when then() and the settlement meet",
    cases=("then", "get"),
    right="deferred = Deferred()  # settled from the client's thread",
    wrong="promise = Promise()\nself._on_ack = promise.do_resolve  # from the client's thread",
)
def race(stage: Stage) -> None:
    within_s = stage.capabilities.delivered_within_s
    with stage.races(rate=0.15, budget=1500):
        actor, _ = linked_writer(stage)
        waits = [_meet(stage, actor, b"race %d" % number) for number in range(MESSAGES)]
        end = time.monotonic() + within_s
        for number, (ended, failed) in enumerate(waits):
            done = ended.wait(max(0.2, end - time.monotonic()))
            stage.expect(
                done and not failed,
                expected=f"{stage.case}() on a promise that another thread settles comes to an end",
                observed=f"for message {number} {failed[0]}"
                if failed
                else f"for message {number} it never did, though the promise is "
                f"{_state_of(stage, number)}",
            )


def _state_of(stage: Stage, number: int) -> str:
    promises = stage.kept.get("promises", [])
    return promise_state(promises[number]) if number < len(promises) else "unknown"


def _meet(stage: Stage, actor: AsyncWriterActor, payload: bytes) -> tuple[threading.Event, list[str]]:
    """Publish and at once attach to the promise, so that attaching and settling may meet."""
    ended, failed = threading.Event(), list[str]()
    instance = actor.instance
    promises = stage.kept.setdefault("promises", [])

    def attach() -> None:
        promise = instance.publish(payload)
        promises.append(promise)
        if stage.case == "then":
            promise.then(lambda _: ended.set(), lambda _: ended.set())

    result = stage.caller.run("publish().then()", attach, stage.capabilities.call_within_s)
    if result.error is not None:
        failed.append(result.describe())
        ended.set()
    elif stage.case == "get":
        promise = promises[-1]

        def get() -> None:
            try:
                promise.get(stage.capabilities.delivered_within_s)
            except Exception as error:  # noqa: BLE001 - whatever comes out is evidence
                if promise.is_pending or promise_state(promise) == "fulfilled":
                    failed.append(f"get() raised {error!r}")
            ended.set()

        stage.caller.start("get()", get)
    return ended, failed


@rule(
    "AWRITE-FULFIL",
    level=MUST,
    roles=(ASYNC_WRITER,),
    says="a promise is fulfilled only once the broker has the message, as consistency defines that",
    source=SOURCE,
    hint="resolve in the acknowledgement's handler, not in publish()",
    cases=("closing", "refusing"),
    right="self._client.send(message, on_ack=deferred.resolve)",
    wrong="self._queue.put(message)\nreturn Promise.resolve(None)",
)
def fulfil(stage: Stage) -> None:
    if stage.case == "refusing":
        actor, _ = linked_writer(stage)
        with _failing(stage):
            promises = [promised(stage, actor, b"refused %d" % n) for n in range(3)]
            stage.wait_until(lambda: all(not p.is_pending for p in promises), 1.0)
            early = [n for n, p in enumerate(promises) if p.is_fulfilled]
        stage.expect(
            not early,
            expected="no promise is fulfilled while the broker refuses every message",
            observed=f"promise {early[0] if early else ''} is fulfilled",
        )
        return
    with stage.races():
        actor, inbox = linked_writer(stage)
        promises = [promised(stage, actor, b"%d" % n) for n in range(MESSAGES)]
        stage.wait_until(lambda: any(not p.is_pending for p in promises), 1.0)
        claimed = {b"%d" % n for n, p in enumerate(promises) if p.is_fulfilled}
        actor.close()
    claimed |= {b"%d" % n for n, p in enumerate(promises) if p.is_fulfilled}
    if not claimed:
        raise Unjudged("no promise was fulfilled; see AWRITE-SETTLE")
    received: set[bytes] = set()
    while not claimed <= received:
        fresh = inbox.payloads(1)
        if not fresh:
            break
        received.update(fresh)
    stage.expect(
        claimed <= received,
        expected=f"each of the {len(claimed)} messages whose promise was fulfilled arrives",
        observed=f"{len(claimed - received)} never did, {sorted(claimed - received)[:3]} among them",
    )


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
    hint="catch what the client raises on the sending thread and reject the promise with it",
    right="try:\n    self._client.send(message)\nexcept ClientError as error:\n"
    "    deferred.reject(ConnectionError(str(error)))",
    wrong="try:\n    self._client.send(message)\nexcept ClientError:\n    pass",
)
def reject(stage: Stage) -> None:
    actor, _ = linked_writer(stage)
    with _failing(stage):
        result = actor.publish(b"refused")
        stage.expect_returned(result, "publish() returns a promise although the send will fail")
        promise = result.value
        if not isinstance(promise, Promise):
            raise Unjudged(f"publish() gives {shorten(promise)}; see AWRITE-PROMISE")
        stage.wait_until(lambda: not promise.is_pending, stage.capabilities.delivered_within_s)
        state = promise_state(promise)
    stage.expect(
        state == "rejected",
        expected="the promise of a message that the broker refuses is rejected",
        observed="it is still pending" if state == "pending" else f"it is {state}",
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
    with stage.races(rate=0.1, budget=1500):
        actor, inbox = linked_writer(stage)
        promises = [promised(stage, actor, b"%d" % n) for n in range(MESSAGES)]
        closed = actor.close()
    if not closed.returned:
        raise Unjudged(f"{closed.describe()}; see LIFE-CLOSE")
    all_settled(stage, promises, 1.0)
    claimed = {b"%d" % n for n, p in enumerate(promises) if p.is_fulfilled}
    received = set(inbox.payloads(len(claimed)))
    lost = claimed - received
    stage.expect(
        not lost,
        expected="a message whose promise is fulfilled when close() returns arrives",
        observed=f"{len(lost)} of {len(claimed)} never did",
    )

