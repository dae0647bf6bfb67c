"""What a rule's function works on: the only way to the plugin, cleaned up after each check.

Everything that a check makes is made through its stage and cleaned up last-in first-out when the
check ends, whatever its verdict. Each check has fresh topics and instances of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any

from sinetstream_conformance import subject as subjects
from sinetstream_conformance.actors import (
    ACTORS,
    Actor,
    AsyncReaderActor,
    ReaderActor,
)
from sinetstream_conformance.channels import (
    HarnessInbox,
    HarnessOutbox,
    Inbox,
    Outbox,
    inbox_of,
    outbox_of,
    reraise_for,
)
from sinetstream_conformance.deadline import Result, describe_error
from sinetstream_conformance.harness import NotOffered
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.payloads import generated, new_probe
from sinetstream_conformance.races import Races, provoked
from sinetstream_conformance.rule import READERS, WRITERS
from sinetstream_conformance.verdict import NotDeclared, Unjudged, Violation
from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from sinetstream_conformance.session import Session

POLL_S = 0.002
SLOW_S = 0.1
"""What takes longer than this is measured again: the first message may have had to wait for more
than the others do, such as a subscription."""
FLUSHED_WITHIN_S = 0.5
INBOX_TIMEOUT_MS = 50


class Stage:
    """The surroundings of one check."""

    def __init__(self, session: Session, role: Role | None, case: str | None) -> None:
        self.session = session
        self.subject = session.subject
        self.harness = session.harness
        self.capabilities = session.harness.capabilities
        self.caller = session.caller
        self.seed = session.seed
        self.case = case or ""
        self.observations = 0
        self.notes: list[str] = []
        self.kept: dict[str, Any] = {}
        """What a rule's own functions pass to one another."""
        self._role = role
        self._stack = ExitStack()
        self._finished = False
        self.left_open = False
        """Whether a ``close()`` never returned, so that what comes afterwards is not late."""
        self.late: list[str] = []
        """What an asynchronous reader under test did after the end of the check."""

    @property
    def role(self) -> Role:
        """The role under test."""
        if self._role is None:
            raise LookupError("a rule about the distribution has no role")
        return self._role

    @property
    def cls(self) -> type:
        """The plugin's class for the role under test."""
        return self.class_for(self.role)

    def class_for(self, role: Role) -> type:
        """The plugin's class for any role that it registers; one that does not load is unjudged."""
        if role not in self.subject.classes:
            error = self.subject.load_errors.get(role)
            raise Unjudged(f"the plugin's {role} does not load ({error}); see PKG-LOAD")
        return self.subject.classes[role]

    # -- judging ---------------------------------------------------------------------------------

    def expect(self, holds: bool, *, expected: str, observed: str, mend: str = "") -> None:
        """Count an observation, and fail the check if it is not what the rule asks for."""
        self.observations += 1
        if not holds:
            raise Violation(expected, observed, mend=mend)

    def expect_returned(self, result: Result, expected: str, *, mend: str = "") -> Any:
        """Fail the check unless the call came back with a value; give that value."""
        self.observations += 1
        if not result.returned:
            raise Violation(
                expected, result.describe(), error=result.error, trace=result.trace(), mend=mend
            )
        return result.value

    def expect_library_error(
        self, result: Result, *names: str, expected: str, or_stop: bool = False
    ) -> None:
        """Fail the check unless the call raised an error of this library (one of ``names``)."""
        self.observations += 1
        wanted = names or ("SinetError",)
        right = any(is_library_error(result.error, name) for name in wanted)
        if not right and not (or_stop and isinstance(result.error, StopIteration)):
            raise Violation(expected, result.describe(), error=result.error, trace=result.trace())

    def require(self, result: Result, role: Role) -> Result:
        """Go on only if a call came back; otherwise the role under test, or nobody, is blamed."""
        if not result.returned:
            reraise_for(role is self._role, f"{result.call} returns", result)
        return result

    def note(self, text: str) -> None:
        """Add a remark to the outcome."""
        self.notes.append(text)

    def declared(self, name: str) -> Any:
        """A declared capability; without a declaration the check is skipped."""
        value = getattr(self.capabilities, name)
        if value is None:
            raise NotDeclared(f"capability {name!r} is not declared")
        return value

    def offered(self, service: Callable[..., Any], *arguments: Any) -> Any:
        """What a service of the harness gives; without the service the check is skipped."""
        try:
            return service(*arguments)
        except NotOffered as reason:
            raise NotDeclared(str(reason)) from None

    def nowhere(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters for the role under test, with those of a broker that is not there.

        :raises NotOffered: the harness has no such parameters
        :raises HarnessError: they are the usual ones, so that nothing would be proved
        """
        nowhere = self.harness.unreachable(self.role)
        usual = subjects.merge(self.harness.params(self.role), self.session.params)
        if subjects.merge(usual, nowhere) == usual:
            what = (
                f"changes nothing: laid over the usual parameters ({', '.join(usual) or 'none'}) "
                "it leaves every one of them as it is, so that the broker is reached as before"
            )
            raise self.harness.fault("unreachable", what)
        return self.params(self.role, {**given, **nowhere})

    # -- time ------------------------------------------------------------------------------------

    def noise_s(self, since: float) -> float:
        """How late timers were, in seconds, since the monotonic time ``since``."""
        return self.session.metronome.noise_s(since)

    def wait_until(self, predicate: Callable[[], bool], within_s: float) -> bool:
        """Poll a condition until it holds or the time is up."""
        end = time.monotonic() + within_s
        while not predicate():
            if time.monotonic() >= end:
                return predicate()
            time.sleep(POLL_S)
        return True

    def patience_end(self) -> float:
        """The monotonic time until which a subscription may take to be in effect, from now."""
        return time.monotonic() + self.session.patience(self.capabilities.ready_within_s)

    def past(self, end: float) -> bool:
        """Whether a monotonic time has passed."""
        return time.monotonic() >= end

    def idle(self, seconds: float) -> None:
        """Let time pass, for rules about what must not happen meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(left)

    # -- making things ---------------------------------------------------------------------------

    def topic(self) -> str:
        """The name of a fresh topic."""
        return self.harness.topic()

    def topic_params(self, role: Role, topics: str | Iterable[str]) -> dict[str, Any]:
        """Parameters that name the topics in the way a host passes them to ``role``."""
        if isinstance(topics, str):
            return {"topic": topics, "topics": topics} if role.reads else {"topic": topics}
        return {"topics": list(topics)}

    def params(self, role: Role, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters for ``role``: the host's, the harness's, the user's, and ``given``."""
        usual = {"consistency": self.capabilities.usual_consistency}
        below = subjects.merge(self.harness.params(role), self.session.params)
        return subjects.merged_params(
            self.subject.name, role, subjects.merge({**usual, **below}, given)
        )

    def try_build(self, role: Role, params: dict[str, Any], form: str | None = None) -> Result:
        """Construct an instance with exactly these parameters; the result's value is an actor."""
        cls = self.class_for(role)
        actor_class = ACTORS[role]

        def build() -> Actor:
            return actor_class(self, role, subjects.construct(cls, params, form))

        result = self.caller.run(f"{cls.__name__}(...)", build, self.capabilities.call_within_s)
        if result.returned:
            self._stack.callback(result.value.clean_up)
        return result

    def refusal_of_bare_parameters(self) -> str:
        """What InvalidArgumentError says to a topic and the parameters given, and no others."""
        topics = self.topic_params(self.role, self.topic())
        given = subjects.merge(self.harness.params(self.role), self.session.params)
        result = self.try_build(self.role, subjects.merge(topics, given))
        refused = is_library_error(result.error, "InvalidArgumentError")
        return describe_error(result.error) if refused and result.error else ""

    def adopt(self, actor: Actor) -> None:
        """Clean up, when the check ends, what was made without the stage."""
        self._stack.callback(actor.clean_up)

    def build(self, role: Role, topics: str | Iterable[str], **given: Any) -> Any:
        """Construct an instance that every check but those of the constructor takes for granted."""
        params = self.params(role, {**self.topic_params(role, topics), **given})
        result = self.try_build(role, params)
        if not result.returned:
            raise Unjudged(
                f"the plugin's {role} cannot be constructed: {result.describe()}; see CTOR-PARAMS",
                trace=result.trace(),
            )
        return result.value

    def opened(self, actor: Any) -> Any:
        """Open an actor, as every check but those of the life cycle takes for granted."""
        result = actor.open()
        if not result.returned:
            raise Unjudged(
                f"the plugin's {actor.role} cannot be opened: {result.describe()}; see LIFE-OPEN",
                trace=result.trace(),
            )
        return actor

    def reader(
        self, topics: str | Iterable[str], timeout_ms: float | None = None, **given: Any
    ) -> ReaderActor:
        """An open synchronous reader."""
        if timeout_ms is not None:
            given["receive_timeout_ms"] = timeout_ms
        reader: ReaderActor = self.opened(self.build(Role.READER, topics, **given))
        return reader

    def async_reader(self, topics: str | Iterable[str], **given: Any) -> AsyncReaderActor:
        """An open asynchronous reader whose callbacks are its recorders."""
        actor: AsyncReaderActor = self.build(Role.ASYNC_READER, topics, **given)
        self.attach(actor)
        return self.opened(actor)  # type: ignore[no-any-return]

    def attach(self, actor: AsyncReaderActor) -> None:
        """Set both callbacks of an asynchronous reader to its recorders.

        Messages come without an ``on_failure``, too, so that one which cannot be set is left to the
        rule about it.
        """
        result = actor.set("on_message", actor.messages)
        if not result.returned:
            raise Unjudged(
                f"callbacks cannot be set: {result.describe()}; see AREAD-ON-MESSAGE",
                trace=result.trace(),
            )
        failing = actor.set("on_failure", actor.failures)
        if not failing.returned:
            self.note(f"no failure can be seen: {failing.describe()}; see AREAD-ON-FAILURE")

    def writer(self, topic: str, **given: Any) -> Any:
        """An open writer: of the role under test, or of the one that the plugin has."""
        role = self.one_of(WRITERS)
        if role is None:
            raise Unjudged("the plugin has no writer for this check to use")
        return self.opened(self.build(role, topic, **given))

    def one_of(self, roles: Sequence[Role]) -> Role | None:
        """The role under test if it is one of ``roles``, or else one that the plugin has, if any.

        One that does not load is chosen only if no other is there.
        """
        if self._role in roles:
            return self._role
        had = [role for role in roles if role in self.subject.roles]
        loaded = [role for role in had if role in self.subject.classes]
        return next(iter(loaded or had), None)

    def outbox(self, topic: str, **given: Any) -> Outbox:
        """A way to send to ``topic``."""
        if self.one_of(WRITERS) is None:
            return HarnessOutbox(self, topic)
        return outbox_of(self.writer(topic, **given))

    def inbox(self, topics: str | Iterable[str], **given: Any) -> Inbox:
        """A way to receive from ``topics``, through the role under test if that one reads."""
        role = self.one_of(READERS)
        if role is Role.READER:
            return inbox_of(self.reader(topics, INBOX_TIMEOUT_MS, **given))
        if role is Role.ASYNC_READER:
            return inbox_of(self.async_reader(topics, **given))
        if not isinstance(topics, str):
            raise Unjudged("the plugin has no reader for this check to use")
        return HarnessInbox(self, topics)

    # -- the handshake ---------------------------------------------------------------------------

    def link(self, outbox: Outbox, inbox: Inbox, *, judge: bool = False) -> float:
        """Make sure that what ``outbox`` sends reaches ``inbox``, before anything is checked.

        Gives the time, in seconds, that a message takes there.

        ``open()`` may return before a subscription is in effect, so marked probes are sent until
        one arrives. If none does in the declared time, the check fails where ``judge`` says that
        this is what the rule is about, and is unjudged otherwise.
        """
        bound = self.session.patience(self.capabilities.ready_within_s)
        end = time.monotonic() + bound
        sent: dict[str, float] = {}
        pause = 0.2
        while not sent.keys() & inbox.probes:
            if time.monotonic() >= end:
                self._nothing_came(bound, len(sent), inbox.explain(), judge=judge)
            token, payload = new_probe()
            sent[token] = time.monotonic()
            try:
                outbox.send(payload)
                inbox.pump(lambda: bool(sent.keys() & inbox.probes), pause)
            except Violation as failed:
                if judge:
                    raise
                raise Unjudged(
                    f"the kit's probe: {failed.observed}; see LIFE-OPEN", trace=failed.trace
                ) from None
            pause = min(pause * 2, 1.0)
        took_s = time.monotonic() - max(sent[token] for token in sent.keys() & inbox.probes)
        self.session.linked()
        if len(sent) > 1 or took_s > SLOW_S:
            took_s = min(took_s, self._flush(outbox, inbox, 2 * took_s))
        return took_s

    def _flush(self, outbox: Outbox, inbox: Inbox, within_s: float) -> float:
        """See that no probe is under way any more, which would be mistaken for a message's fate.

        Those sent before the subscription was in effect may never come. One sent now does. Gives
        the time that it takes, in seconds.
        """
        token, payload = new_probe()
        began = time.monotonic()
        outbox.send(payload)
        inbox.pump(lambda: token in inbox.probes, max(within_s, FLUSHED_WITHIN_S))
        return time.monotonic() - began

    def _nothing_came(self, bound: float, count: int, known: str, *, judge: bool) -> None:
        self.session.not_linked()
        observed = f"none of {count} probe messages arrived within {bound:g} s"
        if known:
            observed += f" ({known})"
        if judge:
            raise Violation(
                f"a message published after open() reaches a reader within {bound:g} s", observed
            )
        raise Unjudged(f"{observed}; see LIFE-OPEN and WRITE-DELIVER")

    def linked(self, topic: str | None = None, **given: Any) -> tuple[Outbox, Inbox]:
        """An outbox and an inbox on a topic, with the handshake done."""
        topic = topic or self.topic()
        inbox = self.inbox(topic)
        outbox = self.outbox(topic, **given)
        self.link(outbox, inbox)
        return outbox, inbox

    # -- surroundings ----------------------------------------------------------------------------

    def generated(self, count: int) -> tuple[bytes, ...]:
        """Payloads from Hypothesis, the same for the same seed."""
        return generated(self.seed, count, self.capabilities.largest_payload)

    def races(self, rate: float = 0.05, budget: int = 400) -> AbstractContextManager[Races]:
        """Hold race windows open in the plugin's code."""
        classes = list(self.subject.classes.values())
        return provoked(self.caller, classes, self.seed, rate=rate, budget=budget)

    def called_back(self, name: str) -> None:
        """Note a callback that comes after this check has ended."""
        if self._finished and not self.left_open and self._role is Role.ASYNC_READER:
            self.late.append(f"{name} was called after close() and after the check had ended")

    def enter(self, context: AbstractContextManager[Any]) -> Any:
        """Enter a context for the rest of the check."""
        return self._stack.enter_context(context)

    def finish(self) -> None:
        """Clean up, last-in first-out."""
        self._stack.close()
        self._finished = True
