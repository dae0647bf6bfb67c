"""Opening and closing (guide §3.2: open() and close() of every role)."""

from __future__ import annotations

import tracemalloc
import warnings
from typing import Any

from sinetstream_conformance.actors import Actor, AsyncReaderActor, ReaderActor, promise_state
from sinetstream_conformance.channels import Inbox, Outbox, inbox_of, outbox_of
from sinetstream_conformance.deadline import Result
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.residue import (
    Descriptors,
    kit_threads,
    memory_in_use,
    native_threads,
    plugin_threads,
    settle_garbage,
)
from sinetstream_conformance.rule import ALL_ROLES, MUST, READER, SHOULD, WRITERS, rule
from sinetstream_conformance.stage import INBOX_TIMEOUT_MS, Stage
from sinetstream_conformance.verdict import Unjudged, Violation
from sinetstream_sdk.roles import Role

SOURCE = "guide §3.2"
GONE_WITHIN_S = 3.0
ROUNDS = 100
WARM_UP = 20
GROWTH_PER_ROUND = 4096
AT_ONCE_S = 3.0


def build(stage: Stage, topic: str) -> Any:
    """An instance of the role under test, not yet open."""
    given = {"receive_timeout_ms": INBOX_TIMEOUT_MS} if stage.role.reads else {}
    actor = stage.build(stage.role, topic, **given)
    if isinstance(actor, AsyncReaderActor):
        stage.attach(actor)
    return actor


def other_end(stage: Stage, topic: str) -> Outbox | Inbox:
    """What the role under test talks with, opened first so that it does not count as residue."""
    return stage.outbox(topic) if stage.role.reads else stage.inbox(topic)


def connect(stage: Stage, actor: Actor, other: Outbox | Inbox, *, judge: bool = False) -> None:
    """See that a message gets through between ``actor`` and the other end."""
    if isinstance(other, Inbox):
        stage.link(outbox_of(actor), other, judge=judge)
    else:
        stage.link(other, inbox_of(actor), judge=judge)


def works(stage: Stage, actor: Actor, other: Outbox | Inbox, when: str) -> None:
    """Judge that messages get through ``actor``.

    One alone proves little: a loop that has been told to end may still pass on what it was waiting
    for.
    """
    try:
        connect(stage, actor, other, judge=True)
        connect(stage, actor, other, judge=True)
    except Violation as broken:
        raise Violation(
            f"the {actor.role} works {when}",
            broken.observed,
            error=broken.error,
            trace=broken.trace,
        ) from None
    stage.observations += 1


def closed_again(actor: Actor) -> None:
    """Close for a rule that is about something else."""
    result = actor.close()
    if not result.returned:
        raise Unjudged(f"{result.describe()}; see LIFE-CLOSE")


@rule(
    "LIFE-OPEN",
    level=MUST,
    roles=ALL_ROLES,
    says="open() connects to the broker; afterwards the role works",
    source=SOURCE,
    hint="connect in open(), subscribe there if the role reads, and raise ConnectionError if that "
    "fails",
    right="def open(self):\n    self._client = connect(self._brokers)\n"
    "    self._client.subscribe(self._topics)",
    wrong="def open(self):\n    pass",
)
def opens(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    actor = build(stage, topic)
    stage.expect_returned(actor.open(), "open() returns")
    works(stage, actor, other, "after open()")


@rule(
    "LIFE-CLOSE",
    level=MUST,
    roles=ALL_ROLES,
    says="close() disconnects and returns within a bound",
    source=SOURCE,
    hint="stop and join your threads with a deadline; wake what blocks before you wait for it",
)
def closes(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    actor = stage.opened(build(stage, topic))
    connect(stage, actor, other)
    stage.expect_returned(actor.close(), "close() returns")


@rule(
    "LIFE-CLOSE-TWICE",
    level=SHOULD,
    roles=ALL_ROLES,
    says="close() again is harmless",
    source="the published host's and the guide's example",
    hint="remember that you are closed and return at once",
    right="def close(self):\n    if self._client is None:\n        return\n"
    "    self._client.stop()\n    self._client = None",
    wrong="def close(self):\n    self._client.stop()\n    self._client = None",
)
def closes_twice(stage: Stage) -> None:
    actor = stage.opened(build(stage, stage.topic()))
    closed_again(actor)
    stage.expect_returned(actor.close(), "a second close() returns")


@rule(
    "LIFE-CLOSE-UNOPENED",
    level=SHOULD,
    roles=ALL_ROLES,
    says="close() without open() is harmless",
    source="clean-up code calls close() whether or not open() succeeded",
    hint="let close() cope with what open() never made",
)
def closes_unopened(stage: Stage) -> None:
    stage.expect_returned(build(stage, stage.topic()).close(), "close() without open() returns")


@rule(
    "LIFE-REOPEN",
    level=SHOULD,
    roles=ALL_ROLES,
    says="open() after close() works again",
    source="the guide's example; users reconnect so",
    hint="make in open() all that close() throws away, flags and queues included",
)
def reopens(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    actor = stage.opened(build(stage, topic))
    closed_again(actor)
    stage.expect_returned(actor.open(), "open() after close() returns")
    works(stage, actor, other, "after it was opened again")


@rule(
    "LIFE-OPEN-TWICE",
    level=SHOULD,
    roles=ALL_ROLES,
    says="a second open() is harmless or raises AlreadyConnectedError; nothing leaks, and the role "
    "goes on working",
    source="the published host raises AlreadyConnectedError",
    hint="raise AlreadyConnectedError before you make anything",
    right="def open(self):\n    if self._client is not None:\n"
    "        raise AlreadyConnectedError('open already')",
    wrong="def open(self):\n    self._client = connect()",
)
def opens_twice(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    settle_garbage()
    before, open_before = plugin_threads(), Descriptors.now()
    actor = stage.opened(build(stage, topic))
    again = actor.open()
    if not is_library_error(again.error, "AlreadyConnectedError"):
        stage.expect_returned(again, "a second open() returns or raises AlreadyConnectedError")
    works(stage, actor, other, "after a second open()")
    stage.expect_returned(actor.close(), "close() after a second open() returns")
    left = _threads_left(stage, before)
    stage.expect(
        not left, expected="the second open() leaks no thread", observed=f"left behind: {left}"
    )
    grown = _descriptors_left(stage, open_before)
    stage.expect(not grown, expected="the second open() leaks no descriptor", observed=grown)


def _descriptors_left(stage: Stage, before: Descriptors) -> str:
    stage.wait_until(lambda: not Descriptors.now().grown_since(before), GONE_WITHIN_S)
    return Descriptors.now().grown_since(before)


def _threads_left(stage: Stage, before: frozenset[Any]) -> str:
    stage.wait_until(lambda: not (plugin_threads() - before), GONE_WITHIN_S)
    return ", ".join(sorted(thread.name for thread in plugin_threads() - before))


@rule(
    "LIFE-UNOPENED",
    level=SHOULD,
    roles=(READER, *WRITERS),
    says="using the role before open() or after close() ends at once with an error of this library "
    "(a reader may end with StopIteration); it never hangs",
    source="a user's mistake must not hang the program",
    hint="look at the state first and raise ConnectionError with a message that says `call open()`",
    cases=("before-open", "after-close"),
)
def unopened(stage: Stage) -> None:
    actor = stage.build(stage.role, stage.topic())
    if stage.case == "after-close":
        closed_again(stage.opened(actor))
    if isinstance(actor, ReaderActor):
        result = actor.iterate()
        if result.returned:
            result = actor.next(result.value, AT_ONCE_S)
    else:
        result = actor.call("publish", b"nobody listens", within_s=AT_ONCE_S)
        if stage.role is Role.ASYNC_WRITER and result.returned:
            result = settled_as_call(stage, result)
    stage.expect_library_error(
        result, expected="an error of this library, at once", or_stop=stage.role.reads
    )


def settled_as_call(stage: Stage, result: Result) -> Result:
    """The result of an asynchronous publish() as if the promise's reason had been raised."""
    promise = result.value
    if not hasattr(promise, "is_pending"):
        return result
    stage.wait_until(lambda: not promise.is_pending, AT_ONCE_S)
    state = promise_state(promise)
    if state == "pending":
        raise Violation(
            "publish() raises, or its promise is rejected, at once",
            f"the promise of publish() is still pending after {AT_ONCE_S:g} s",
        )
    if state == "rejected":
        result.error = promise.reason
    return result


@rule(
    "LIFE-UNREACHABLE",
    level=SHOULD,
    roles=ALL_ROLES,
    says="an unreachable broker makes open() raise ConnectionError within a bound, and leaves "
    "nothing behind",
    source="guide §3.2: open() connects",
    hint="wait in open() for the connection, with a deadline; on failure close what was made and "
    "raise ConnectionError from the client's error",
)
def unreachable(stage: Stage) -> None:
    nowhere = stage.offered(stage.harness.unreachable, stage.role)
    topics = stage.topic_params(stage.role, stage.topic())
    settle_garbage()
    threads, open_before = plugin_threads(), Descriptors.now()
    built = stage.try_build(stage.role, stage.params(stage.role, {**topics, **nowhere}))
    if not built.returned:
        raise Unjudged(f"{built.describe()}; see CTOR-NOCONNECT")
    stage.expect_library_error(
        built.value.open(),
        "ConnectionError",
        expected="open() raises ConnectionError of this library",
    )
    # The error is gone by now, and what its traceback held with it.
    settle_garbage()
    left = _threads_left(stage, threads)
    stage.expect(
        not left, expected="the failed open() leaves no thread", observed=f"left behind: {left}"
    )
    grown = _descriptors_left(stage, open_before)
    stage.expect(not grown, expected="the failed open() leaves no descriptor", observed=grown)


@rule(
    "LIFE-THREADS",
    level=SHOULD,
    roles=ALL_ROLES,
    says="after close() no thread of the plugin is left",
    source="a program that closed its readers must be able to end",
    hint="tell your threads to stop, and join them in close()",
)
def threads(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    before, native = plugin_threads(), native_threads()
    actor = stage.opened(build(stage, topic))
    connect(stage, actor, other)
    closed_again(actor)
    left = _threads_left(stage, before)
    stage.expect(
        not left, expected="no thread is left after close()", observed=f"left behind: {left}"
    )
    gone = stage.wait_until(lambda: not (native_threads() - native - kit_threads()), GONE_WITHIN_S)
    stage.expect(
        gone,
        expected="no thread of a C library is left after close()",
        observed=f"{len(native_threads() - native - kit_threads())} are left",
    )


@rule(
    "LIFE-FDS",
    level=SHOULD,
    roles=ALL_ROLES,
    says="after close() no socket or file of the plugin is left, and no ResourceWarning is raised",
    source="descriptors are few, and a broker counts connections",
    hint="close every socket, file, selector and pipe that open() made",
)
def descriptors(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    settle_garbage()
    before = Descriptors.now()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        actor = stage.opened(build(stage, topic))
        connect(stage, actor, other)
        closed_again(actor)
        grown = _descriptors_left(stage, before)
        actor.instance = None
        settle_garbage()
    stage.expect(not grown, expected="no descriptor is left open after close()", observed=grown)
    complaints = [str(w.message) for w in caught if issubclass(w.category, ResourceWarning)]
    stage.expect(
        not complaints,
        expected="no ResourceWarning when the closed instance is thrown away",
        observed="; ".join(complaints)[:300],
    )


@rule(
    "LIFE-PAIR",
    level=SHOULD,
    roles=ALL_ROLES,
    says="two instances in one process are independent: closing one leaves the other working",
    source="programs read and write several topics",
    hint="keep connections and state in the instance, not in the class or the module",
)
def pair(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    first = stage.opened(build(stage, stage.topic()))
    second = stage.opened(build(stage, topic))
    closed_again(first)
    works(stage, second, other, "after another instance was closed")


@rule(
    "LIFE-MANY",
    level=SHOULD,
    roles=ALL_ROLES,
    says=f"{ROUNDS} rounds of open() and close() do not grow threads, descriptors or memory",
    source="long-running programs reconnect",
    hint="look for lists, caches and callbacks that open() adds to and close() does not clear",
)
def many(stage: Stage) -> None:
    actor = build(stage, stage.topic())
    before = plugin_threads()
    fds: Descriptors | None = None
    memory = 0
    tracing = tracemalloc.is_tracing()
    try:
        for number in range(ROUNDS):
            for result in (actor.open(), actor.close()):
                if not result.returned:
                    raise Violation(
                        f"round {number + 1} of open() and close() goes as the first did",
                        result.describe(),
                        error=result.error,
                        trace=result.trace(),
                    )
            if number == WARM_UP - 1:
                settle_garbage()
                fds = Descriptors.now()
                if not tracing:
                    tracemalloc.start(1)
                memory = memory_in_use()
        settle_garbage()
        grown = (memory_in_use() - memory) / (ROUNDS - WARM_UP)
    finally:
        if not tracing:
            tracemalloc.stop()
    left = _threads_left(stage, before)
    stage.expect(not left, expected="no thread is left", observed=f"left behind: {left}")
    assert fds is not None
    more = _descriptors_left(stage, fds)
    stage.expect(not more, expected="the number of descriptors stays", observed=more)
    stage.expect(
        grown < GROWTH_PER_ROUND,
        expected=f"less than {GROWTH_PER_ROUND} bytes more memory per round",
        observed=f"{grown:.0f} bytes more per round",
    )
