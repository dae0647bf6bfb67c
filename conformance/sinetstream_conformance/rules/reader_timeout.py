"""How long a synchronous reader waits (guide §3.2.1: receive_timeout_ms).

"Not before" is exact. "Not much after" is judged against the timer noise of this run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sinetstream_conformance.actors import ReaderActor
from sinetstream_conformance.channels import Outbox, ReaderInbox, ended, payload_of
from sinetstream_conformance.deadline import Result
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.payloads import new_probe, probe_token
from sinetstream_conformance.rule import MUST, READER, SHOULD, rule
from sinetstream_conformance.stage import SLOW_S, Stage
from sinetstream_conformance.verdict import Unjudged, Violation

SOURCE = "guide §3.2.1"
TIMEOUTS_MS = (60, 130, 250)
RESTART_MS = 240
WAKE_S = 3.0
MOST_TRIES = 8
BLOCKS_S = {"absent": 1.5, "infinity": 0.3}
"""How long a reader must block to be believed; a default of one second is a common mistake."""


def quiet_reader(stage: Stage, timeout_ms: float) -> tuple[ReaderActor, Outbox, float]:
    """An open reader whose subscription is in effect and for which nothing is under way.

    It comes with an outbox that reaches it, and with the time that a message takes, in seconds.
    """
    topic = stage.topic()
    reader = stage.reader(topic, timeout_ms)
    outbox = stage.outbox(topic)
    return reader, outbox, stage.link(outbox, ReaderInbox(reader))


def fresh_iterator(stage: Stage, reader: ReaderActor) -> Any:
    """A new iterator of the reader."""
    return stage.require(reader.iterate(), reader.role).value


def give_up(
    stage: Stage,
    reader: ReaderActor,
    iterator: Any,
    timeout_ms: float,
    read: bytes | None = None,
) -> Result:
    """A ``next()`` for which nothing comes, timed; what comes late or again is read away.

    :param read: the message that the check has read already; all others are probes
    """
    end = time.monotonic() + stage.capabilities.delivered_within_s
    while True:
        result = reader.next(iterator, timeout_ms / 1000 + WAKE_S)
        known = result.returned and (probe_token(result.value) or payload_of(result.value) == read)
        if not known or stage.past(end):
            return result


@rule(
    "READ-TIMEOUT",
    level=MUST,
    roles=(READER,),
    says="nothing received for receive_timeout_ms: next() raises StopIteration",
    source=SOURCE,
    hint="raise StopIteration from __next__, or return from the generator; never raise it inside a "
    "generator",
    right="try:\n    message = self._queue.get(timeout=self._timeout)\n"
    "except Empty:\n    return  # in a generator",
    wrong="try:\n    message = self._queue.get(timeout=self._timeout)\n"
    "except Empty:\n    raise StopIteration()  # in a generator",
)
def timeout(stage: Stage) -> None:
    timeout_ms = 200
    reader, _, _ = quiet_reader(stage, timeout_ms)
    result = give_up(stage, reader, fresh_iterator(stage, reader), timeout_ms)
    remark = _as_seconds(stage) if result.hung else ""
    _expect_stop(result, f"StopIteration after {timeout_ms} ms without a message", remark)
    stage.observations += 1
    _at_once(stage)


def _at_once(stage: Stage) -> None:
    """A timeout of zero is one, and not "no limit". A plugin may also refuse it."""
    given = {**stage.topic_params(READER, stage.topic()), "receive_timeout_ms": 0}
    built = stage.try_build(READER, stage.params(READER, given))
    if is_library_error(built.error, "InvalidArgumentError"):
        return
    reader: ReaderActor = stage.opened(stage.require(built, READER).value)
    result = reader.next(fresh_iterator(stage, reader), WAKE_S)
    _expect_stop(result, "StopIteration at once with receive_timeout_ms=0 and no message")


def _expect_stop(result: Result, expected: str, remark: str = "") -> None:
    """Fail the check unless a ``next()`` raised StopIteration, and nothing else."""
    if not isinstance(result.error, StopIteration):
        observed = result.describe() + remark
        raise Violation(expected, observed, error=result.error, trace=result.trace())


def _as_seconds(stage: Stage) -> str:
    """A remark if ``receive_timeout_ms`` seems to be taken for seconds."""
    reader = stage.reader(stage.topic(), 1)
    iterated = reader.iterate()
    if not iterated.returned:
        return ""
    result = reader.next(iterated.value, WAKE_S)
    if ended(result) and result.seconds >= 0.9:
        return f"; with receive_timeout_ms=1 it gave up after {result.seconds:.2f} s"
    return ""


@rule(
    "READ-TIMEOUT-EARLY",
    level=MUST,
    roles=(READER,),
    says="StopIteration never comes before receive_timeout_ms has passed",
    source=SOURCE,
    hint="wait on a deadline taken from time.monotonic(), and wait again if woken before it",
    right="deadline = time.monotonic() + timeout_s",
    wrong="return self._queue.get_nowait()",
)
def early(stage: Stage) -> None:
    for timeout_ms, _, result in _give_up_together(stage):
        _not_before(stage, result, timeout_ms, "")
    # What comes on another topic may wake the reader, and is no reason to give up.
    timeout_ms = 600
    reader, _, _ = quiet_reader(stage, timeout_ms)
    elsewhere = stage.outbox(stage.topic())
    elsewhere.send(b"elsewhere")
    iterator = fresh_iterator(stage, reader)
    pending = reader.start_next(iterator)
    for _ in range(3):
        stage.idle(0.2 * timeout_ms / 1000)
        elsewhere.send(b"elsewhere")
    result = pending.wait(timeout_ms / 1000 + WAKE_S)
    if result.returned and probe_token(result.value):
        result = give_up(stage, reader, iterator, timeout_ms)
    _not_before(stage, result, timeout_ms, ", with messages on another topic meanwhile")


def _give_up_together(stage: Stage) -> Iterator[tuple[int, ReaderActor, Result]]:
    """A ``next()`` for which nothing comes, by readers with different timeouts at the same time.

    Each comes as soon as it has ended, the shortest timeout first.
    """
    readers = [(ms, quiet_reader(stage, ms)[0]) for ms in TIMEOUTS_MS]
    iterators = [fresh_iterator(stage, reader) for _, reader in readers]
    begun = [
        reader.start_next(iterator)
        for (_, reader), iterator in zip(readers, iterators, strict=True)
    ]
    for (timeout_ms, reader), iterator, pending in zip(readers, iterators, begun, strict=True):
        result = pending.wait(timeout_ms / 1000 + WAKE_S)
        if result.returned and probe_token(result.value):
            result = give_up(stage, reader, iterator, timeout_ms)
        yield timeout_ms, reader, result


def _not_before(stage: Stage, result: Result, timeout_ms: float, when: str) -> None:
    if not ended(result):
        raise Unjudged(f"{result.describe()}; see READ-TIMEOUT", trace=result.trace())
    took = result.seconds * 1000
    stage.expect(
        took >= timeout_ms,
        expected=f"next() waits at least {timeout_ms} ms",
        observed=f"it gave up after {took:.3f} ms{when}",
    )


@rule(
    "READ-TIMEOUT-LATE",
    level=SHOULD,
    roles=(READER,),
    says="StopIteration comes not much later than receive_timeout_ms",
    source=SOURCE,
    hint="hand the timeout to the client's own receive call in place of polling in long steps",
    right="message = self._client.receive(timeout=self._timeout_s)",
    wrong="while time.monotonic() < deadline:\n    time.sleep(1)",
)
def late(stage: Stage) -> None:
    slack_s = stage.capabilities.timeout_slack_s
    for timeout_ms, reader, result in _give_up_together(stage):
        late_s, surely_late = list[float](), 0
        while True:
            if not ended(result):
                raise Unjudged(f"{result.describe()}; see READ-TIMEOUT", trace=result.trace())
            late_s.append(result.seconds - timeout_ms / 1000)
            # Only what the machine's own timer noise cannot account for speaks against the plugin.
            surely_late += late_s[-1] - 3 * stage.noise_s(result.started) > slack_s
            if min(late_s) <= slack_s or (surely_late >= 2 and len(late_s) >= 3):
                break
            if len(late_s) == MOST_TRIES:
                raise Unjudged("this machine's timers were too late to tell", transient=True)
            result = give_up(stage, reader, fresh_iterator(stage, reader), timeout_ms)
        stage.expect(
            min(late_s) <= slack_s,
            expected=f"next() gives up at most {slack_s * 1000:.0f} ms after {timeout_ms} ms",
            observed=f"at best of {len(late_s)} tries it was {min(late_s) * 1000:.0f} ms late",
        )


@rule(
    "READ-TIMEOUT-RESTART",
    level=MUST,
    roles=(READER,),
    says="each next() waits the whole receive_timeout_ms anew: neither the start of the iteration "
    "nor what the caller did between two calls counts",
    source=SOURCE,
    hint="take the deadline at the start of each next()",
    right="def __next__(self):\n    deadline = time.monotonic() + self._timeout",
    wrong="def __iter__(self):\n    self._deadline = time.monotonic() + self._timeout",
)
def restart(stage: Stage) -> None:
    timeout_ms, sent = RESTART_MS, b"in the middle of the wait"
    reader, outbox, took_s = quiet_reader(stage, timeout_ms)
    if took_s > SLOW_S:
        # The message must have the time to come while next() waits.
        timeout_ms = round(4 * took_s * 1000)
        reader, outbox, _ = quiet_reader(stage, timeout_ms)
    iterator = fresh_iterator(stage, reader)
    pending = reader.start_next(iterator)
    stage.idle(0.4 * timeout_ms / 1000)
    outbox.send(sent)
    first = pending.wait(timeout_ms / 1000 + WAKE_S)
    if first.returned and probe_token(first.value):
        first = give_up(stage, reader, iterator, timeout_ms)
    if not first.returned:
        # Loaded machines may bring the message after the timeout: that says nothing.
        raise Unjudged(f"{first.describe()} while a message was under way", transient=True)
    stage.idle(0.7 * timeout_ms / 1000)
    result = give_up(stage, reader, iterator, timeout_ms, sent)
    if not ended(result):
        raise Unjudged(f"{result.describe()}; see READ-TIMEOUT", trace=result.trace())
    took = result.seconds * 1000
    stage.expect(
        took >= timeout_ms,
        expected=f"the next() after a message waits the whole {timeout_ms} ms again",
        observed=f"it gave up after {took:.3f} ms",
    )


@rule(
    "READ-EXHAUSTED",
    level=SHOULD,
    roles=(READER,),
    says="after StopIteration, next() on that iterator raises StopIteration again",
    source="the iterator protocol of Python, which the guide asks for",
    hint="remember in the iterator that it has ended; a new iter() starts anew",
    right="def __next__(self):\n    if self._ended:\n        raise StopIteration",
    wrong="def __next__(self):\n"
    "    return self._queue.get(timeout=self._timeout)  # goes on after the end",
)
def exhausted(stage: Stage) -> None:
    timeout_ms = 60
    reader, outbox, took_s = quiet_reader(stage, timeout_ms)
    iterator = fresh_iterator(stage, reader)
    first = give_up(stage, reader, iterator, timeout_ms)
    if not ended(first):
        raise Unjudged(f"{first.describe()}; see READ-TIMEOUT", trace=first.trace())
    outbox.send(b"after the end")
    end = time.monotonic() + 3 * max(timeout_ms / 1000, took_s)
    has_come = False
    while not has_come:
        stage.idle(timeout_ms / 1000)
        has_come = stage.past(end)
        again = reader.next(iterator, timeout_ms / 1000 + WAKE_S)
        stage.expect(
            isinstance(again.error, StopIteration),
            expected="an iterator that has ended raises StopIteration again, whatever arrives",
            observed=again.describe(),
        )


@rule(
    "READ-BLOCK",
    level=MUST,
    roles=(READER,),
    says="without receive_timeout_ms, or with infinity, next() blocks until a message comes",
    source=SOURCE,
    hint="take an absent timeout, None and infinity as no limit: self.params.receive_timeout_s()",
    cases=tuple(BLOCKS_S),
    right='timeout_ms = params.get("receive_timeout_ms", math.inf)',
    wrong='timeout_ms = params.get("receive_timeout_ms", 0)',
)
def block(stage: Stage) -> None:
    topic = stage.topic()
    given = stage.params(READER, stage.topic_params(READER, topic))
    if stage.case == "absent":
        del given["receive_timeout_ms"]
    built = stage.try_build(READER, given)
    reader: ReaderActor = stage.opened(stage.expect_returned(built, "the class can be constructed"))
    outbox = stage.outbox(topic)
    iterator = fresh_iterator(stage, reader)
    pending = reader.start_next(iterator)
    blocks_s = BLOCKS_S[stage.case]
    stage.wait_until(lambda: pending.done, blocks_s)
    stage.expect(
        not pending.done,
        expected=f"next() still blocks after {blocks_s * 1000:.0f} ms without a message",
        observed=pending.wait(0.1).describe() if pending.done else "",
    )
    end, pause_s = stage.patience_end(), 0.3
    while not pending.done and not stage.past(end):
        # The subscription may come into effect late, so more than one may be needed.
        outbox.send(new_probe()[1])
        stage.wait_until(lambda: pending.done, pause_s)
        pause_s = min(2 * pause_s, 1.0)
    result = pending.wait(stage.capabilities.delivered_within_s)
    stage.expect_returned(result, "the blocked next() returns a message once one is published")
