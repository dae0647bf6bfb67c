"""Every call into a plugin runs here, on a thread of the kit's own and under a deadline.

A call that does not come back is left behind on its daemon thread, together with a note of where it
is stuck, and the run goes on. Nothing else in the kit calls a plugin directly.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

THREAD_PREFIX = "sinetstream-conformance"

TraceFunction = Callable[[FrameType, str, Any], Any]


@dataclass
class Result:
    """How a call ended: with a value, with an error, or not at all."""

    call: str
    value: Any = None
    error: BaseException | None = None
    stuck: str = ""
    started: float = 0.0
    seconds: float = 0.0

    @property
    def hung(self) -> bool:
        """Whether the call was still running at its deadline."""
        return bool(self.stuck)

    @property
    def returned(self) -> bool:
        """Whether the call came back with a value."""
        return self.error is None and not self.hung

    def describe(self) -> str:
        """One phrase that says how the call ended."""
        if self.hung:
            return f"{self.call} was still running after {self.seconds:.1f} s"
        if self.error is not None:
            return f"{self.call} raised {describe_error(self.error)}"
        return f"{self.call} returned {shorten(self.value)}"

    def trace(self) -> str:
        """Where the call raised or is stuck, without the kit's own frames."""
        if self.hung:
            return self.stuck
        return "" if self.error is None else format_error(self.error)


class Pending:
    """A call that has been started and not yet waited for."""

    def __init__(self, call: str, function: Callable[[], Any]) -> None:
        self.call = call
        self._function = function
        self._done = threading.Event()
        self._result = Result(call)
        self._thread: threading.Thread | None = None

    def run(self, trace: TraceFunction | None) -> None:
        """Make the call on the current thread and keep how it ended."""
        self._thread = threading.current_thread()
        self._result.started = time.monotonic()
        if trace is not None:
            _install(trace)
        try:
            self._result.value = self._function()
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is evidence
            self._result.error = error
        finally:
            if trace is not None:
                _install(None)
            self._result.seconds = time.monotonic() - self._result.started
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether the call has ended."""
        return self._done.is_set()

    def wait(self, within_s: float) -> Result:
        """How the call ended; at the deadline, where it is stuck."""
        if self._done.wait(within_s):
            return self._result
        return Result(
            self.call, stuck=self._where(), started=self._result.started, seconds=within_s
        )

    def _where(self) -> str:
        ident = self._thread.ident if self._thread is not None else None
        frame = sys._current_frames().get(ident) if ident is not None else None
        if frame is None:
            return "(the call had not begun to run)"
        return trim(traceback.format_stack(frame))


def _install(trace: TraceFunction | None) -> None:
    """Trace the current thread, or no longer; let it be if the interpreter goes on refusing.

    Where somebody has an audit hook, CPython 3.11 refuses if another thread is doing the same.
    """
    for _ in range(50):
        try:
            sys.settrace(trace)
        except RuntimeError:
            time.sleep(0.001)
        else:
            return


class _Worker:
    """A thread that makes calls one after another until it is told to stop."""

    def __init__(self, number: int, owner: Caller) -> None:
        self._owner = owner
        self._calls: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self.thread = threading.Thread(
            target=self._run, name=f"{THREAD_PREFIX}-call-{number}", daemon=True
        )
        self.thread.start()

    def _run(self) -> None:
        while (pending := self._calls.get()) is not None:
            pending.run(self._owner.trace)
            pending = None  # the worker must not keep the plugin alive between two calls
            self._owner._idle(self)

    def give(self, pending: Pending | None) -> None:
        self._calls.put(pending)


class Caller:
    """Makes calls under deadlines; owns the threads that they run on."""

    def __init__(self) -> None:
        self.trace: TraceFunction | None = None
        """Set by :mod:`sinetstream_conformance.races` while it injects delays."""
        self._lock = threading.Lock()
        self._spare: list[_Worker] = []
        self._count = 0
        self._closed = False

    def start(self, call: str, function: Callable[[], Any]) -> Pending:
        """Begin a call without waiting for it; ``call`` is what reports call it."""
        pending = Pending(call, function)
        with self._lock:
            if self._spare:
                worker = self._spare.pop()
            else:
                self._count += 1
                worker = _Worker(self._count, self)
        worker.give(pending)
        return pending

    def run(self, call: str, function: Callable[[], Any], within_s: float) -> Result:
        """Make a call and wait for it, at most ``within_s`` seconds."""
        return self.start(call, function).wait(within_s)

    def spare_threads(self) -> set[threading.Thread]:
        """The threads that the next calls are made on; for more than these, others are begun."""
        with self._lock:
            return {worker.thread for worker in self._spare}

    def close(self) -> None:
        """Stop and join the idle threads; one stuck in a plugin can only be left behind."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, []
        for worker in spare:
            worker.give(None)
        for worker in spare:
            worker.thread.join(5.0)

    def _idle(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._spare.append(worker)
                return
        worker.give(None)


def trim(lines: list[str]) -> str:
    """A formatted stack without the frames of the kit and of the thread's start."""
    kept = [line for line in lines if not _is_kits(line.split("\n", 1)[0])]
    return "".join(kept or lines).rstrip()


def _is_kits(frame: str) -> bool:
    """Whether the first line of a stack's entry names the kit, or where Python starts a thread."""
    if not frame.startswith('  File "'):
        return False  # the error itself, which may well be one that the kit raised on purpose
    return "sinetstream_conformance" in frame or "/threading.py" in frame


def format_error(error: BaseException) -> str:
    """The traceback of ``error``, with its causes, without the kit's own frames."""
    return trim(traceback.format_exception(error))


def describe_error(error: BaseException) -> str:
    """The error's class and text in one line."""
    text = str(error)
    name = type(error).__name__
    module = type(error).__module__
    if module not in ("builtins", "__main__"):
        name = f"{module}.{name}"
    return f"{name}: {text}" if text else name


def shorten(value: object, length: int = 120) -> str:
    """The value with its type, cut to a readable length."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a plugin's own object may have a broken repr
        text = f"(its repr raises {type(error).__name__})"
    if len(text) > length:
        text = f"{text[: length - 20]}... ({len(text)} characters)"
    return f"{text} ({type(value).__name__})"
