"""Publishing asynchronously so that mistakes come to light: interrupted, or with close() after it.

The promises are only looked at: ``then`` or ``get`` on a plain promise may by itself lose what
another thread settles.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

from promise import Promise

from sinetstream_conformance.actors import AsyncWriterActor, is_pending
from sinetstream_conformance.channels import Inbox, outbox_of
from sinetstream_conformance.deadline import shorten
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.races import Races
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import NotDeclared, Unjudged
from sinetstream_sdk.roles import Role

MESSAGES = 30
LEAST_MESSAGES = 3
MOST_MESSAGES = 100
_LEAST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.05
_MOST_S = 0.5
"""How long a stop is at most, where the plugin's threads are busy or the machine is."""
_FALL_BEHIND_S = 0.002
_LET_THROUGH_S = 0.5
_LONG_S = 0.5


def as_promise(value: Any) -> Any:
    """The promise, if it is one; whether it should be is AWRITE-PROMISE's business."""
    if not isinstance(value, Promise):
        raise Unjudged(f"publish() gives {shorten(value)}, not a promise; see AWRITE-PROMISE")
    return value


def acknowledged(stage: Stage) -> None:
    """Skip the check where no writer can know whether the broker has a message."""
    if not stage.capabilities.acknowledges:
        raise NotDeclared(
            "capability 'consistencies' names no guarantee under which a broker says that it has a "
            "message"
        )


def promised(stage: Stage, actor: AsyncWriterActor, payload: bytes) -> Any:
    """The promise of a message."""
    return as_promise(stage.require(actor.publish(payload), Role.ASYNC_WRITER).value)


def acknowledged_within(stage: Stage, actor: AsyncWriterActor) -> float:
    """How long a promise takes to settle here, in seconds, at best of three.

    Twice is enough where that is long: not because of the machine's noise then, nor of messages
    that were under way before.
    """
    times = []
    for number in range(3):
        began = time.monotonic()
        promise = promised(stage, actor, b"measured %d" % number)
        settled_in_turn(stage, [promise])
        times.append(time.monotonic() - began)
        if min(times) > _LONG_S and number:
            break
    return min(times)


def waiting(promises: list[Any]) -> list[Any]:
    """Those that are promises and have yet to settle."""
    return [p for p in promises if isinstance(p, Promise) and is_pending(p)]


def settled_in_turn(stage: Stage, promises: list[Any], within_s: float | None = None) -> bool:
    """Wait for promises, and say whether all settled. A writer may send one message after another.

    :param within_s: how long each may take after the one before; as long as a delivery, if not told
    """
    bound_s = stage.capabilities.delivered_within_s if within_s is None else within_s

    def fewer_than(left: int) -> bool:
        return len(waiting(promises)) < left

    left = len(promises) + 1
    while left and stage.wait_until(partial(fewer_than, left), bound_s):
        left = len(waiting(promises))
    return not left


def published_with_stops(
    stage: Stage, races: Races, actor: AsyncWriterActor
) -> tuple[list[Any], list[str]]:
    """Promises of messages, and where the thread was stopped in the ``publish()`` of each.

    Each time it is further on. The stop is long enough for an acknowledgement to come, and to find
    nobody who waits for it.
    """
    least_s = min(max(2 * acknowledged_within(stage, actor), _LEAST_PAUSE_S), _LONGEST_PAUSE_S)
    instance, promises, stops = actor.instance, list[Any](), list[str]()
    at = points = 0

    def hold() -> None:
        races.let_others_run(least_s, _MOST_S, stage.noise_s)

    while len(promises) < MOST_MESSAGES and (len(promises) < MESSAGES or at < points):
        at = at + 1 if at < points else 1
        payload = b"stopped at %d" % at

        def publish(at: int = at, payload: bytes = payload) -> tuple[Any, str, int]:
            with races.stop(at, hold) as stop:
                promise = instance.publish(payload)
            return promise, stop.where, stop.passed

        result = stage.caller.run("publish()", publish, stage.capabilities.call_within_s)
        others = waiting(promises)
        if others and is_library_error(result.error):
            # The queue may be full. It is not when nothing is waiting.
            settled_in_turn(stage, others)
            result = stage.caller.run("publish()", publish, stage.capabilities.call_within_s)
        promise, where, points = stage.require(result, Role.ASYNC_WRITER).value
        promises.append(as_promise(promise))
        stops.append(where)
    return promises, stops


def published_and_closed(stage: Stage) -> tuple[list[Any], Inbox]:
    """Promises of messages published just before ``close()``, most of them still under way then.

    The first is given its time, so that one is fulfilled where ``close()`` rejects all others. How
    long it takes says how many ``close()`` can be expected to send.
    """
    bound_s = stage.capabilities.call_within_s
    topic = stage.topic()
    inbox = stage.inbox(topic)
    with stage.races(rate=0.0) as races:
        actor: AsyncWriterActor = stage.writer(topic)
        stage.link(outbox_of(actor), inbox)
        began = time.monotonic()
        instance, promises = actor.instance, [promised(stage, actor, b"0")]
        published = threading.Event()
        settled_in_turn(stage, promises)
        took = time.monotonic() - began
        messages = min(MESSAGES, max(LEAST_MESSAGES, int(bound_s / 3 / took)))

        def publish_and_close() -> None:
            try:
                for number in range(1, messages):
                    promises.append(as_promise(instance.publish(b"%d" % number)))
            except Exception as error:
                if not is_library_error(error):  # such an error may say that the queue is full
                    raise
            finally:
                published.set()
            instance.close()

        with races.slow(_FALL_BEHIND_S):
            call = stage.caller.start("publish(), then close()", publish_and_close)
            published.wait(bound_s)
            stage.idle(0.02)  # close() finds the plugin's threads still busy
        result = call.wait(bound_s + messages * took)
    actor.close_hangs = result.hung
    if isinstance(result.error, Unjudged):
        raise result.error
    stage.expect_returned(result, "close() returns while messages are under way")
    actor.closed = True
    return promises, inbox


def doubt_of_the_harness(stage: Stage, inbox: Inbox) -> str:
    """What speaks for a harness whose ``failing_sends()`` lets messages through; empty if nothing.

    To be asked inside that context, once a promise is fulfilled there.
    """
    signs = []
    with suppress(Unjudged):
        if inbox.payloads(1, _LET_THROUGH_S):
            signs.append("the message arrives")
    if Role.WRITER in stage.subject.classes:
        with suppress(Unjudged):
            writer = stage.opened(stage.build(Role.WRITER, stage.topic()))
            if writer.publish(b"refused, too").returned:
                signs.append("publish() of the plugin's synchronous writer succeeds")
    if not signs:
        return ""
    return (
        f"; the harness may be to blame: inside its failing_sends() {' and '.join(signs)}, "
        "so see first whether that makes sends fail"
    )
