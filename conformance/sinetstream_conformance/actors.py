"""The plugin's objects as checks handle them: each call under a deadline, each instance cleaned up.

An actor wraps one instance of one role. Its methods give a
:class:`~sinetstream_conformance.deadline.Result` and never raise what the plugin raised: the rule
decides what that means.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sinetstream_conformance.deadline import Pending, Result
from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from sinetstream_conformance.stage import Stage


class Actor:
    """One instance of a plugin's class."""

    def __init__(self, stage: Stage, role: Role, instance: Any) -> None:
        self.stage = stage
        self.role = role
        self.instance: Any = instance
        self.closed = False
        self.close_hangs = False

    def call(self, name: str, *arguments: Any, within_s: float | None = None) -> Result:
        """Call a method of the instance and wait until it ends or its time is up."""
        bound = self.stage.capabilities.call_within_s if within_s is None else within_s
        return self.start(name, *arguments).wait(bound)

    def start(self, name: str, *arguments: Any) -> Pending:
        """Begin a call without waiting for it."""
        instance = self.instance
        return self.stage.caller.start(
            f"{self.role}.{name}()", lambda: getattr(instance, name)(*arguments)
        )

    def open(self) -> Result:
        """Call ``open()``."""
        self.closed = False
        return self.call("open")

    def close(self) -> Result:
        """Call ``close()``."""
        result = self.call("close")
        self.closed = result.returned
        self.close_hangs = result.hung
        return result

    def clean_up(self) -> None:
        """Close what the check left open, and let go of the instance."""
        if self.instance is not None and not self.closed and not self.close_hangs:
            result = self.call("close", within_s=self.stage.session.closing_within_s())
            self.close_hangs = result.hung
            if result.hung:
                self.stage.session.close_hung()
                self.stage.note(f"cleaning up: {result.describe()}")
        self.stage.left_open = self.stage.left_open or self.close_hangs
        self.instance = None

    def get(self, name: str) -> Result:
        """Read an attribute of the instance."""
        instance = self.instance
        return self.stage.caller.run(
            f"{self.role}.{name}",
            lambda: getattr(instance, name),
            self.stage.capabilities.call_within_s,
        )

    def set(self, name: str, value: Any) -> Result:
        """Set an attribute of the instance."""
        instance = self.instance
        return self.stage.caller.run(
            f"{self.role}.{name} = ...",
            lambda: setattr(instance, name, value),
            self.stage.capabilities.call_within_s,
        )


class ReaderActor(Actor):
    """A synchronous reader."""

    def iterate(self) -> Result:
        """Call ``iter()`` on the reader."""
        instance = self.instance
        return self.stage.caller.run(
            "iter(reader)", lambda: iter(instance), self.stage.capabilities.call_within_s
        )

    def start_next(self, iterator: Any) -> Pending:
        """Begin a ``next()`` without waiting for it."""
        return self.stage.caller.start("next()", lambda: next(iterator))

    def next(self, iterator: Any, within_s: float) -> Result:
        """Call ``next()`` on an iterator of the reader."""
        return self.start_next(iterator).wait(within_s)


@dataclass(frozen=True)
class Callback:
    """One call of ``on_message`` as the recorder saw it; ``left`` is None while it runs."""

    arguments: tuple[Any, ...]
    entered: float
    thread: str


class Recorder:
    """A callback that keeps what it is called with, and can be told to misbehave."""

    def __init__(self, stage: Stage, name: str = "on_message") -> None:
        self._stage = stage
        self._name = name
        self.changed = threading.Condition()
        self.calls: list[Callback] = []
        self.running = 0
        self.most_at_once = 0
        self.behave: Callable[[tuple[Any, ...]], None] | None = None
        """Called inside the callback, outside any lock; what it raises goes to the plugin."""

    def __call__(self, *arguments: Any) -> None:
        call = Callback(arguments, time.monotonic(), threading.current_thread().name)
        with self.changed:
            self.calls.append(call)
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
            self.changed.notify_all()
        self._stage.called_back(self._name)
        try:
            if self.behave is not None:
                self.behave(arguments)
        finally:
            with self.changed:
                self.running -= 1
                self.changed.notify_all()

    def wait(self, predicate: Callable[[], bool], within_s: float) -> bool:
        """Wait until ``predicate`` holds; it is looked at whenever the callback enters or ends."""
        with self.changed:
            return self.changed.wait_for(predicate, within_s)


class AsyncReaderActor(Actor):
    """An asynchronous reader with its recorders."""

    def __init__(self, stage: Stage, role: Role, instance: Any) -> None:
        super().__init__(stage, role, instance)
        self.messages = Recorder(stage)
        self.failures = Recorder(stage, "on_failure")


class WriterActor(Actor):
    """A synchronous writer."""

    def publish(self, payload: Any) -> Result:
        """Call ``publish()``."""
        return self.call("publish", payload)


class AsyncWriterActor(Actor):
    """An asynchronous writer."""

    def publish(self, payload: Any) -> Result:
        """Call ``publish()``; the result's value is the promise."""
        return self.call("publish", payload)

    def settle(self, promise: Any, within_s: float) -> str:
        """Wait until a promise settles: ``fulfilled``, ``rejected`` or ``pending``.

        The promise is only looked at. Neither ``then`` nor ``get`` is called while another thread
        may be settling it: with a plain promise that by itself loses the settlement.
        """
        self.stage.wait_until(lambda: promise_state(promise) != "pending", within_s)
        return promise_state(promise)


def promise_state(promise: Any) -> str:
    """The state of a promise: ``fulfilled``, ``rejected`` or ``pending``."""
    if is_pending(promise):
        return "pending"
    return "fulfilled" if promise.is_fulfilled else "rejected"


def is_pending(promise: Any) -> bool:
    """Whether a promise has yet to settle.

    A plain promise that another thread is just making follow a third one cannot tell, and raises.
    """
    try:
        return bool(promise.is_pending)
    except AssertionError:
        return True


ACTORS: dict[Role, type[Actor]] = {
    Role.READER: ReaderActor,
    Role.WRITER: WriterActor,
    Role.ASYNC_READER: AsyncReaderActor,
    Role.ASYNC_WRITER: AsyncWriterActor,
}
