"""How an asynchronous reader stops calling back (guide §3.2.3: close())."""

from __future__ import annotations

import threading
import time

from sinetstream_conformance.rule import ASYNC_READER, SHOULD, rule
from sinetstream_conformance.rules.async_reader import MESSAGES, QUIET_S, linked_reader
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Unjudged, Violation


@rule(
    "AREAD-CLOSE",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="once close() has returned, no callback runs or starts",
    source="what the callback uses may be gone by then",
    hint="join the delivering thread in close(), with a deadline",
    cases=("busy", "idle"),
    right="def close(self):\n    self._stop.set()\n    self._thread.join(timeout)",
    wrong="def close(self):\n    self._stop.set()",
)
def close(stage: Stage) -> None:
    actor, outbox, _ = linked_reader(stage)
    if stage.case == "busy":
        inside = threading.Event()

        def slow(_: object) -> None:
            first = not inside.is_set()
            inside.set()
            stage.idle(0.6 if first else 0.1)  # the first is the one that close() is to meet

        actor.messages.behave = slow
        for number in range(MESSAGES):
            outbox.send(b"%d" % number)
        if not inside.wait(stage.capabilities.delivered_within_s):
            raise Unjudged("no message arrived; see LIFE-OPEN")
    closed = actor.close()
    returned = time.monotonic()
    running = actor.messages.running
    stage.expect_returned(closed, "close() returns")
    stage.expect(
        not running,
        expected="no callback runs when close() returns",
        observed=f"{running} was still running",
    )
    if stage.case == "idle":
        outbox.send(b"after close")
    actor.messages.wait(lambda: actor.messages.calls[-1].entered > returned, QUIET_S)
    late = [call for call in actor.messages.calls if call.entered > returned]
    stage.expect(
        not late,
        expected="no callback starts after close() has returned",
        observed=f"{len(late)} did, the first {(late[0].entered - returned) * 1000:.1f} ms later"
        if late
        else "",
    )


@rule(
    "AREAD-CLOSE-INSIDE",
    level=SHOULD,
    roles=(ASYNC_READER,),
    says="close() from inside a callback does not deadlock",
    source="programs close the reader when they have seen what they waited for",
    hint="do not join the current thread; let it end by itself once the callback has returned",
    right="if self._thread is not threading.current_thread():\n    self._thread.join(timeout)",
    wrong="self._thread.join()",
)
def close_inside(stage: Stage) -> None:
    actor, outbox, _ = linked_reader(stage)
    ended, errors = threading.Event(), list[BaseException]()
    instance = actor.instance

    def closing(_: object) -> None:
        try:
            instance.close()
        except BaseException as error:  # noqa: BLE001 - whatever close() raises is evidence
            errors.append(error)
        ended.set()

    actor.messages.behave = closing
    outbox.send(b"close me")
    within_s = stage.capabilities.call_within_s
    if not actor.messages.wait(lambda: actor.messages.running > 0 or ended.is_set(), within_s):
        raise Unjudged("the message did not arrive; see LIFE-OPEN")
    done = ended.wait(within_s)
    stage.expect(
        done,
        expected="close() called inside on_message returns",
        observed=f"it was still running after {within_s:g} s: a deadlock",
    )
    if errors:
        raise Violation(
            "close() called inside on_message returns",
            f"it raised {errors[0]!r}",
            error=errors[0],
        )
    actor.messages.wait(lambda: not actor.messages.running, within_s)
    actor.messages.behave = None
    stage.expect_returned(actor.close(), "close() from outside afterwards returns")
