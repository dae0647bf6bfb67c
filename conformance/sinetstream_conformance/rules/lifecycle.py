"""Opening and closing (guide §3.2: open() and close() of every role)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sinetstream_conformance.actors import Actor, AsyncReaderActor, ReaderActor, promise_state
from sinetstream_conformance.channels import Inbox, Outbox, inbox_of, outbox_of
from sinetstream_conformance.deadline import Result
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.residue import (
    Descriptors,
    kit_threads,
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


def threads_left(stage: Stage, before: frozenset[Any]) -> str:
    """The names of Python threads that have come since ``before`` and do not go."""
    stage.wait_until(lambda: not (plugin_threads() - before), GONE_WITHIN_S)
    return ", ".join(sorted(thread.name for thread in plugin_threads() - before))


def descriptors_left(stage: Stage, before: Descriptors) -> str:
    """What has been opened since ``before`` and is not closed."""
    stage.wait_until(lambda: not Descriptors.now().grown_since(before), GONE_WITHIN_S)
    return Descriptors.now().grown_since(before)


class Surroundings:
    """What is there beside the role under test, its other end included.

    The other end may go on growing: a client connects to a further broker when it likes, be it for
    its first message. So what seems to be left is looked at again once the other end is closed,
    beside what was there before that was opened.
    """

    def __init__(self, stage: Stage, topic: str) -> None:
        self._stage = stage
        settle_garbage()
        self._native_at_first, self._opened_at_first = native_threads(), Descriptors.now()
        self.other = other_end(stage, topic)
        settle_garbage()
        self._threads, self._native = plugin_threads(), native_threads()
        self._opened = Descriptors.now()

    def threads_left(self) -> str:
        """The names of Python threads that have come and do not go."""
        return threads_left(self._stage, self._threads)

    def native_threads_left(self) -> int:
        """How many threads of C libraries have come and do not go."""

        def since(before: frozenset[int]) -> int:
            return len(native_threads() - before - kit_threads())

        if self._gone(lambda: not since(self._native)):
            return 0
        left = since(self._native)
        return 0 if self._alone() and self._gone(lambda: not since(self._native_at_first)) else left

    def descriptors_left(self) -> str:
        """What has been opened and is not closed."""
        left = descriptors_left(self._stage, self._opened)
        if not left or not self._alone():
            return left
        return descriptors_left(self._stage, self._opened_at_first) and left

    def descriptor_count(self) -> int:
        """How many descriptors have come and are open now."""
        return Descriptors.now().count_since(self._opened)

    def _gone(self, condition: Callable[[], bool]) -> bool:
        return self._stage.wait_until(condition, GONE_WITHIN_S)

    def _alone(self) -> bool:
        """Close the other end, if it is an instance of the plugin, too."""
        actor = getattr(self.other, "actor", None)
        return actor is not None and bool(actor.close().returned)


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
    right="def close(self):\n    self._stop.set()\n    self._thread.join(10)",
    wrong="def close(self):\n    self._thread.join()  # nobody told it to stop",
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
    right="def close(self):\n    if self._client is not None:\n        self._client.stop()",
    wrong="def close(self):\n    self._client.stop()",
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
    right="def open(self):\n    self._stop = threading.Event()\n"
    "    self._thread = threading.Thread(target=self._run)\n    self._thread.start()",
    wrong="def open(self):\n    self._thread.start()  # a thread starts only once",
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
    around = Surroundings(stage, topic)
    actor = stage.opened(build(stage, topic))
    again = actor.open()
    if not is_library_error(again.error, "AlreadyConnectedError"):
        stage.expect_returned(again, "a second open() returns or raises AlreadyConnectedError")
    works(stage, actor, around.other, "after a second open()")
    stage.expect_returned(actor.close(), "close() after a second open() returns")
    left = around.threads_left()
    stage.expect(
        not left, expected="the second open() leaks no thread", observed=f"left behind: {left}"
    )
    grown = around.descriptors_left()
    if grown and around.descriptor_count() <= _left_by_one_opening(stage, topic):
        grown = ""
    stage.expect(not grown, expected="the second open() leaks no descriptor", observed=grown)


def _left_by_one_opening(stage: Stage, topic: str) -> int:
    """How many descriptors an instance keeps that was opened once: LIFE-FDS judges those."""
    before = Descriptors.now()
    closed_again(stage.opened(build(stage, topic)))
    descriptors_left(stage, before)
    return Descriptors.now().count_since(before)


@rule(
    "LIFE-UNOPENED",
    level=SHOULD,
    roles=(READER, *WRITERS),
    says="using the role before open() or after close() ends at once with an error of this library "
    "(a reader may end with StopIteration); it never hangs",
    source="a user's mistake must not hang the program",
    hint="look at the state first and raise ConnectionError with a message that says `call open()`",
    cases=("before-open", "after-close"),
    right='if self._client is None:\n    raise ConnectionError("not open: call open() first")',
    wrong="return self._queue.get()  # nobody will ever put anything",
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
    "raise ConnectionError from the client's error; or see whether the harness's unreachable() "
    "leads nowhere",
    right="try:\n    self._client = connect(host, port, timeout=10)\n"
    "except OSError as error:\n"
    '    raise ConnectionError(f"cannot reach {host}:{port}: {error}") from error',
    wrong="self._client.connect_async(host, port)  # and open() returns",
)
def unreachable(stage: Stage) -> None:
    topics = stage.topic_params(stage.role, stage.topic())
    params = stage.offered(stage.nowhere, topics)
    settle_garbage()
    threads, open_before = plugin_threads(), Descriptors.now()
    built = stage.try_build(stage.role, params)
    if not built.returned:
        raise Unjudged(f"{built.describe()}; see CTOR-NOCONNECT")
    stage.expect_library_error(
        built.value.open(),
        "ConnectionError",
        expected="open() raises ConnectionError of this library",
    )
    # The error is gone by now, and what its traceback held with it.
    settle_garbage()
    left = threads_left(stage, threads)
    stage.expect(
        not left, expected="the failed open() leaves no thread", observed=f"left behind: {left}"
    )
    grown = descriptors_left(stage, open_before)
    stage.expect(not grown, expected="the failed open() leaves no descriptor", observed=grown)


@rule(
    "LIFE-PAIR",
    level=SHOULD,
    roles=ALL_ROLES,
    says="two instances in one process are independent: closing one leaves the other working",
    source="programs read and write several topics",
    hint="keep connections and state in the instance, not in the class or the module",
    right="def open(self):\n    self._client = connect(self._host)",
    wrong="class Reader:\n    client = None  # shared by all readers",
)
def pair(stage: Stage) -> None:
    topic = stage.topic()
    other = other_end(stage, topic)
    first = stage.opened(build(stage, stage.topic()))
    second = stage.opened(build(stage, topic))
    closed_again(first)
    works(stage, second, other, "after another instance was closed")
