"""What the asynchronous building blocks share: a synchronous role, and one thread that works it.

:class:`ThreadedRole` builds the synchronous role, opens it in the caller's thread and hands it to a
thread of its own, which alone uses it from then on and closes it in the end. ``close()`` stops and
joins that thread.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
import traceback
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

from sinetstream_sdk.errors import AlreadyConnectedError, SinetError
from sinetstream_sdk.failures import as_exception
from sinetstream_sdk.spi import Plugin

__all__ = ["IDLE_S", "ThreadedRole"]

logger = logging.getLogger(__name__)

W = TypeVar("W", bound=Plugin)

IDLE_S = 1.0
"""How long a thread with nothing to do sleeps at most; it is woken when there is something."""


class ThreadedRole(Plugin, Generic[W]):
    """A role that owns one thread, which works a synchronous role.

    ``open()`` and ``close()`` may be called from any thread. Inside a callback, which runs on the
    role's own thread, ``close()`` only marks the end: the thread closes the synchronous role once
    the callback has returned, and the next ``close()`` or ``open()`` from elsewhere waits for that.
    ``open()`` after ``close()`` opens the same synchronous role again (LIFE-REOPEN is its duty).

    A process that ends without ``close()`` gets it at exit.
    """

    close_timeout_s: ClassVar[float] = 10.0
    """How long ``close()`` waits for the thread, in seconds."""

    _grace_s: ClassVar[float] = 0.0
    """What it adds to that, in seconds, for a thread that keeps to ``close_timeout_s`` itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        confver = (self.confver,) if len(args) + len(kwargs) > 1 else ()
        self._wrapped: W = self._wrapped_class()(*confver, self._wrapped_params())
        self._gate = threading.RLock()
        self._changed = threading.Condition()
        self._stopping = True
        self._stopped_at = 0.0
        self._thread: threading.Thread | None = None
        self._awaited = False
        self._local = threading.local()
        self._close_error: Exception | None = None

    @property
    def wrapped(self) -> W:
        """The synchronous role; while this role is open, only its thread may use it."""
        return self._wrapped

    # ---- for the derived class

    @abstractmethod
    def _wrapped_class(self) -> type[W]:
        """The class of the synchronous role."""

    def _wrapped_params(self) -> Mapping[str, Any]:
        """What the synchronous role is built from, besides ``confver`` where that was given."""
        return dict(self.params)

    @abstractmethod
    def _run(self) -> None:
        """What the thread does till ``_stopping``, which ``_changed`` guards and tells of."""

    def _abandon(self) -> None:
        """Settle what is left: the thread has ended, or ``close()`` has given it up."""
        return

    # ---- the role

    def open(self) -> None:
        """Open the synchronous role here, then start the thread; nothing is left if that fails.

        :raises AlreadyConnectedError: it is open
        :raises SinetError: called inside a callback, or the thread of last time has not ended
        """
        name = type(self).__name__
        already = AlreadyConnectedError(f"{name} is open; call close() first")
        if self._on_own_thread():
            if not self._stopping:
                raise already
            raise SinetError(
                f"{name} cannot be opened again inside its own callback, because its thread has to "
                "end first; call open() from another thread"
            )
        with self._exclusively("open"):
            if not self._stopping:
                raise already
            stuck = self._join()
            if stuck is not None:
                raise stuck
            self._wrapped.open()
            try:
                self._start()
            except BaseException as error:
                self._wrapped.close()
                if isinstance(error, RuntimeError):
                    raise SinetError(f"{name} cannot start its thread: {error}") from error
                raise

    def close(self) -> None:
        """Stop the thread and wait till it has closed the synchronous role and ended.

        What the synchronous role's ``close()`` raises is raised here; if that runs after a
        ``close()`` inside a callback, it is logged.

        :raises SinetError: the thread did not end in time; the message shows where it stands.
            It is left to end by itself, and a later ``close()`` waits for that again.
        """
        if self._on_own_thread():
            self._stop()
            return
        with self._exclusively("close"):
            self._await_end(True)
            self._stop()
            try:
                stuck = self._join()
            finally:
                self._await_end(False)
        if stuck is None:
            return
        if not self._abandoning():
            self._local.abandoning = True
            try:
                self._abandon()
            finally:
                self._local.abandoning = False
        raise stuck

    def metrics(self) -> Any:
        return self._wrapped.metrics()

    def reset_metrics(self) -> None:
        # A synchronous role that inherits from nothing may lack this one, and info().
        reset = getattr(self._wrapped, "reset_metrics", super().reset_metrics)
        reset()

    def info(self, path: Any, options: Any) -> Any:
        inform = getattr(self._wrapped, "info", super().info)
        return inform(path, options)

    # ---- the thread

    def _on_own_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def _abandoning(self) -> bool:
        """Whether this thread is in ``_abandon()``, whose callbacks may call ``close()`` again."""
        return getattr(self._local, "abandoning", False)

    @contextmanager
    def _exclusively(self, what: str) -> Iterator[None]:
        """One ``open()`` or ``close()`` at a time."""
        limit = self.close_timeout_s + self._grace_s
        if not self._gate.acquire(timeout=limit):
            raise SinetError(
                f"{type(self).__name__}.{what}() waited {limit:g} s in vain for an open() or "
                "close() that runs in another thread"
            )
        try:
            yield
        finally:
            self._gate.release()

    def _start(self) -> None:
        thread = threading.Thread(
            target=self._main, name=f"sinetstream {type(self).__name__}", daemon=True
        )
        with self._changed:
            thread.start()
            self._thread = thread
            self._stopping = False
            _running.add(self)

    def _await_end(self, awaited: bool) -> None:
        with self._changed:
            self._awaited = awaited

    def _stop(self) -> None:
        with self._changed:
            if not self._stopping:
                self._stopping = True
                self._stopped_at = time.monotonic()
            self._changed.notify_all()

    def _join(self) -> SinetError | None:
        """Wait for the thread; if it does not end in time, return the error that says so."""
        thread = self._thread
        if thread is None:
            return None
        limit = self.close_timeout_s + self._grace_s
        thread.join(0 if self._abandoning() else limit)
        if thread.is_alive():
            return SinetError(
                f"the thread of {type(self).__name__} has not ended {limit:g} s after close(); "
                f"it stands at\n{_stack(thread)}"
            )
        error, self._close_error = self._close_error, None
        if error is not None:
            raise error
        return None

    def _main(self) -> None:
        with self._changed:  # till open() has noted that this thread runs
            pass
        try:
            self._run()
        finally:
            self._stop()
            self._abandon()
            self._close_wrapped()
            _running.discard(self)

    def _close_wrapped(self) -> None:
        try:
            self._wrapped.close()
        except BaseException as error:
            name = type(self._wrapped).__name__
            with self._changed:
                if self._awaited:
                    self._close_error = as_exception(error, f"{name}.close()")
                    return
            logger.exception("%s.close() raised", name)


def _stack(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)[-6:]) if frame else "(it has just ended)\n"


_running: set[ThreadedRole[Any]] = set()
"""The roles with a thread. One atexit entry serves all: its table keeps the slots of old ones."""


@atexit.register
def _close_all() -> None:
    for role in tuple(_running):
        try:
            role.close()
        except Exception:
            logger.exception("%s.close() at exit raised", type(role).__name__)
