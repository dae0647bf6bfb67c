"""The line of promises whose callbacks the current thread has to run.

A promise that settles inside a callback joins the end of its thread's line, instead of running its
own callbacks at once: a long chain then does not run as deep as it is long. :mod:`promises
<sinetstream_sdk.promises>` decides what is due, this module when it runs.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Callback", "Registration", "Settled", "attempt", "trampoline"]

logger = logging.getLogger(__name__)

Callback = Callable[[Any], Any]


Registration = tuple[Callback | None, Callback | None, Any]
"""What one ``then()`` asked for: what to call with the value, what with the reason, and the child,
a promise that takes over what the callback leaves."""


class Settled(Protocol):
    """A promise with callbacks to run."""

    def next_registration(self) -> Registration | None:
        """What to run next; None if that is all."""

    def serve(
        self, on_value: Callback | None, on_reason: Callback | None, child: Any
    ) -> BaseException | None:
        """Run it; an exception that has nowhere else to go is returned."""

    @property
    def is_pending(self) -> bool:
        """Whether the promise is still to be settled."""


def attempt(handler: Callback, value: Any) -> tuple[Any, BaseException | None]:
    """What ``handler`` returns for ``value``, and what it raises."""
    try:
        return handler(value), None
    except BaseException as error:  # noqa: BLE001 - a user's code
        return None, error


class _Trampoline(threading.local):
    def __init__(self) -> None:
        self._line: deque[Settled] = deque()
        self._running = False

    def deliver(self, promise: Settled) -> None:
        """Run the callbacks of ``promise``: now, or at the end of the line that is running."""
        self._line.append(promise)
        if not self._running:
            self._running = True
            try:
                self.run()
            finally:
                self._running = False

    def run(self, while_pending: Settled | None = None) -> None:
        """Run callbacks till none is left or, if a promise is given, till it has settled.

        The first promise stays in the line while its callbacks run: ``get()`` inside one of them
        comes here again and finds the rest.

        :raises BaseException: what a callback raised that is no ``Exception``, such as
            ``KeyboardInterrupt``, once all the others have run
        """
        fatal: BaseException | None = None
        while self._line and (while_pending is None or while_pending.is_pending):
            promise = self._line[0]
            registration = promise.next_registration()
            if registration is None:
                self._line.popleft()
                continue
            try:
                error = promise.serve(*registration)
            except Exception as raised:  # noqa: BLE001 - by a plain promise that is a child
                error = raised
            if isinstance(error, Exception):
                logger.error("a callback that no promise stands for raised", exc_info=error)
            elif error is not None:
                fatal = fatal or error
        try:
            if fatal is not None:
                raise fatal
        finally:
            del fatal


trampoline = _Trampoline()
