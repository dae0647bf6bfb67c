"""Publishing numbered messages over a fault of the broker's, and reading them back.

The fault is that the broker is restarted, or that connections are cut while messages are under way.

A writer and a reader are each driven on a thread of the kit's as a program would drive them: what
fails is tried again, and closed and opened again if that does not help. Everything goes into a
:class:`~sinetstream_conformance.history.History`, which is judged when all is quiet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sinetstream_conformance.actors import (
    Actor,
    AsyncReaderActor,
    AsyncWriterActor,
    is_pending,
    promise_state,
)
from sinetstream_conformance.capabilities import Delivery
from sinetstream_conformance.channels import inbox_of, outbox_of, payload_of
from sinetstream_conformance.cuts import AWAY_S, UNDER_WAY_S, cut_under_way
from sinetstream_conformance.deadline import describe_error
from sinetstream_conformance.harness import NotOffered
from sinetstream_conformance.history import History
from sinetstream_conformance.ordering import partition_of
from sinetstream_conformance.payloads import probe_token
from sinetstream_conformance.publishing import as_promise
from sinetstream_conformance.stage import INBOX_TIMEOUT_MS, Stage
from sinetstream_conformance.verdict import NotDeclared, Unjudged
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.roles import Role

LEAST = 20
"""How many messages must be acknowledged before the fault, and as many after it."""
MOST_OUTSTANDING = 20
PAUSE_S = 0.002
RETRY_S = 0.05
QUIET_S = 1.0
"""How long nothing may come before no repetition is waited for any more."""


def over_a_fault(stage: Stage, guarantee: Consistency) -> History:
    """What became of messages that were published while the fault came that the case names.

    :raises NotDeclared: the harness cannot bring it about, or keep messages for a reader
    :raises NotOffered: likewise
    :raises Unjudged: too little happened to say anything
    """
    needs, befall = FAULTS[stage.case]
    for method in needs:
        stage.harness.expect_offer(method)
    topic, history = stage.topic(), History()
    wanted = guarantee is not Consistency.AT_MOST_ONCE
    reader = _reader(stage, topic, guarantee)
    writer = stage.writer(topic, consistency=guarantee)
    stage.link(outbox_of(writer), inbox_of(reader))
    listener, publisher = _Listener(stage, reader, history), _Publisher(stage, writer, history)
    with listener.driven():
        with publisher.driven():
            _enough(stage, history, 0.0, "before the fault")
            befall(stage, history, publisher)
            back = time.monotonic()
            history.event("the broker takes connections again")
            publisher.may_reopen, listener.may_reopen = back, back
            _enough(stage, history, back, "after the fault")
            if not wanted:
                # Nothing need arrive, so go on until the reader, which may take longer to be back
                # than the writer, has something to show.
                bound_s = stage.capabilities.recovered_within_s
                stage.wait_until(lambda: history.delivered_since(back) > 0, bound_s)
        _settle(stage, history, listener, wanted=wanted)
    if not history.delivered_since(back):
        raise Unjudged(
            f"nothing that was published after the fault came through the plugin's {reader.role} "
            f"({history.summary()}); see FAULT-READ and FAULT-AREAD"
        )
    stage.note(history.summary())
    return history


def _restart(stage: Stage, history: History, _: _Publisher) -> None:
    """Restart the broker."""
    at = time.monotonic()
    history.event("the broker is restarted")
    stage.offered(stage.harness.restart)
    if not history.under_way(at, time.monotonic()):
        raise Unjudged("no message was published during the restart", transient=True)


def _cut(stage: Stage, history: History, publisher: _Publisher) -> None:
    """Cut the connections while messages are under way.

    What was acknowledged before is let arrive, since a broker need not keep it over a cut.
    """
    publisher.paused.set()
    began = time.monotonic()
    stage.wait_until(lambda: not history.unanswerable(began), QUIET_S)
    _arrived(stage, history, QUIET_S)
    with cut_under_way(stage):
        stalled = time.monotonic()
        history.event("the broker does nothing any more")
        publisher.paused.clear()
        stage.idle(UNDER_WAY_S)
        # One that has just been refused is followed by another.
        stage.wait_until(lambda: history.unanswerable(stalled) > 0, AWAY_S)
        under_way = history.unanswerable(stalled)
        history.event("the connections are cut")
    if not under_way:
        raise Unjudged("no message was under way when the connections were cut", transient=True)


FAULTS: dict[str, tuple[tuple[str, ...], Callable[[Stage, History, _Publisher], None]]] = {
    "restart": (("restart",), _restart),
    "cut": (("disconnected", "stalled"), _cut),
}
"""What can come over the messages: which methods of the harness it needs, and what brings it."""


def _reader(stage: Stage, topic: str, guarantee: Consistency) -> Actor:
    """An open reader of the writer's own kind, or else of the other one."""
    kinds = (Role.READER, Role.ASYNC_READER)
    wanted = kinds if stage.role is Role.WRITER else reversed(kinds)
    role = next((role for role in wanted if role in stage.subject.classes), None)
    if role is None:
        raise NotDeclared("the plugin registers no reader to see what became of the messages")
    given: Mapping[str, Any] = {**_durable(stage, role, guarantee), "consistency": guarantee}
    if role is Role.READER:
        given = {**given, "receive_timeout_ms": INBOX_TIMEOUT_MS}
    actor: Actor = stage.build(role, topic, **given)
    if isinstance(actor, AsyncReaderActor):
        stage.attach(actor)
    opened: Actor = stage.opened(actor)
    return opened


def _durable(stage: Stage, role: Role, guarantee: Consistency) -> Mapping[str, Any]:
    """Parameters that keep messages for the reader while its connection is lost.

    A shared queue keeps them by itself, and AT_MOST_ONCE does not need it.
    """
    try:
        return stage.harness.durable(role)
    except NotOffered as reason:
        spared = guarantee is Consistency.AT_MOST_ONCE
        if spared or stage.capabilities.delivery is Delivery.COMPETING:
            return {}
        raise NotDeclared(str(reason)) from None


def _enough(stage: Stage, history: History, since: float, when: str) -> None:
    """Wait until enough has been acknowledged for a judgement."""
    bound_s = 3 * stage.capabilities.recovered_within_s
    stage.wait_until(lambda: history.acknowledged(since) >= LEAST, bound_s)
    if (count := history.acknowledged(since)) < LEAST:
        raise Unjudged(
            f"only {count} messages were acknowledged {when}, within {bound_s:g} s "
            f"({history.summary()}); see FAULT-WRITE and FAULT-AWRITE"
        )


def _settle(stage: Stage, history: History, listener: _Listener, *, wanted: bool) -> None:
    """Wait until everything acknowledged has come or nothing comes any more, and a while longer."""
    patience_s = stage.capabilities.recovered_within_s if wanted else QUIET_S
    arrived = _arrived(stage, history, patience_s)
    if not arrived and wanted and listener.errors:
        listener.reopen.set()
        arrived = _arrived(stage, history, patience_s)
    if arrived:  # or else it has been quiet for as long already
        stage.idle(QUIET_S)


def _arrived(stage: Stage, history: History, patience_s: float) -> bool:
    """Whether all that was acknowledged comes, each within a time of the one before."""
    while history.missing():
        before = history.delivered
        if not stage.wait_until(
            lambda before=before: history.delivered > before,  # type: ignore[misc]
            patience_s,
        ):
            return not history.missing()
    return True


class _Driver:
    """Drives one instance on a thread of the kit's until it is told to stop."""

    def __init__(self, stage: Stage, actor: Actor, history: History) -> None:
        self.stage, self.actor, self.history = stage, actor, history
        self.may_reopen = float("inf")
        """From when on an instance that goes on failing is closed and opened again."""
        self.errors = 0
        self._failing_since: float | None = None
        self._stop = threading.Event()

    @contextmanager
    def driven(self) -> Iterator[None]:
        """Drive it while the context lasts."""
        call = self.stage.caller.start(f"driving the {self.actor.role}", self.drive)
        try:
            yield
        finally:
            self.stop()
            result = call.wait(2 * self.stage.capabilities.recovered_within_s)
        if not result.returned:
            raise Unjudged(
                f"the plugin's {self.actor.role} does not come to an end: {result.describe()}",
                trace=result.trace(),
            )

    def stop(self) -> None:
        """Have it come to an end."""
        self._stop.set()

    def drive(self) -> None:
        """What the thread does."""
        raise NotImplementedError

    def failed(self) -> None:
        """Note a failure, wait a little, and open the instance anew if it fails for too long."""
        self.errors += 1
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        self._stop.wait(RETRY_S)
        patience_s = self.stage.capabilities.recovered_within_s / 2
        if now - max(self._failing_since, self.may_reopen) > patience_s:
            self.open_anew()

    def worked(self) -> None:
        """Note that it does not fail any more."""
        self._failing_since = None

    def open_anew(self) -> None:
        """Close and open the instance, as a program would."""
        self.history.event(f"the {self.actor.role} is closed and opened again")
        with suppress(Exception):  # the broker may not be back; what fails here is tried again
            self.actor.instance.close()
            self.actor.instance.open()
        self._failing_since = None


class _Publisher(_Driver):
    """Publishes one numbered message after another."""

    def __init__(self, stage: Stage, actor: Actor, history: History) -> None:
        super().__init__(stage, actor, history)
        self.paused = threading.Event()
        """Set while nothing more is to be published."""

    def drive(self) -> None:
        under_way: dict[int, Any] = {}
        while not self._stop.is_set():
            if len(under_way) < MOST_OUTSTANDING and not self.paused.is_set():
                number, payload = self.history.publish()
                try:
                    self._publish(number, payload, under_way)
                except Exception as error:  # noqa: BLE001 - noted with the message
                    self.history.refuse(number, describe_error(error))
                    self.failed()
            self._collect(under_way)
            self._stop.wait(PAUSE_S)
        end = time.monotonic() + self.stage.capabilities.recovered_within_s
        while under_way and time.monotonic() < end:
            self._collect(under_way)
            time.sleep(PAUSE_S)

    def _publish(self, number: int, payload: bytes, under_way: dict[int, Any]) -> None:
        answer = self.actor.instance.publish(payload)
        if isinstance(self.actor, AsyncWriterActor):
            under_way[number] = as_promise(answer)
        else:
            self.history.acknowledge(number)
            self.worked()

    def _collect(self, under_way: dict[int, Any]) -> None:
        """Note the promises that have settled."""
        refused = False
        for number, promise in [(n, p) for n, p in under_way.items() if not is_pending(p)]:
            del under_way[number]
            if promise_state(promise) == "fulfilled":
                self.history.acknowledge(number)
                self.worked()
            else:
                self.history.refuse(number, describe_error(promise.reason))
                promise.catch(lambda reason: None)  # its reason has been noted
                refused = True
        if refused:
            self.failed()  # once for all that were under way together


class _Listener(_Driver):
    """Reads, and notes what comes."""

    def __init__(self, stage: Stage, actor: Actor, history: History) -> None:
        super().__init__(stage, actor, history)
        self.reopen = threading.Event()
        """Set to have it closed and opened again once."""
        if isinstance(actor, AsyncReaderActor):  # from now on, before anything is published
            actor.messages.behave = self.note

    def drive(self) -> None:
        if isinstance(self.actor, AsyncReaderActor):
            self._wait(self.actor)
        else:
            self._read()

    def _read(self) -> None:
        iterator = None
        while not self._stop.is_set():
            self._reopen_if_told()
            try:
                iterator = iterator or iter(self.actor.instance)
                item = next(iterator)
            except StopIteration:
                iterator = None
            except Exception:  # noqa: BLE001 - FAULT-READ judges it; here it is tried again
                iterator = None
                self.failed()
            else:
                self.note(item)
                self.worked()

    def _wait(self, actor: AsyncReaderActor) -> None:
        while not self._stop.is_set():
            self.errors = len(actor.failures.calls)
            self._reopen_if_told()
            self._stop.wait(RETRY_S)

    def _reopen_if_told(self) -> None:
        if self.reopen.is_set():
            self.reopen.clear()
            self.open_anew()

    def note(self, item: Any) -> None:
        """Note one message, unless it is a probe."""
        if probe_token(item) is None:
            self.history.deliver(payload_of(item), partition_of(self.stage, item))
