"""Being told, whatever the thread, how a promise or future that is not ours ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from inspect import iscoroutine
from typing import Any, Protocol

from promise import Promise
from promise.promise import STATE_FULFILLED, STATE_PENDING, STATE_REJECTED

__all__ = ["Settle", "follow_future", "follow_plain"]


class Settle(Protocol):
    """Takes the state, the value or reason and its traceback; of several calls the first counts."""

    def __call__(self, state: int, outcome: Any, traceback: Any = None, /) -> None: ...


def follow_plain(other: Promise[Any], settle: Settle) -> Promise[Any] | None:
    """Have ``settle`` called with the outcome of a promise that takes no lock.

    Another thread may be settling it just now. A callback registered at that moment would overwrite
    the outcome; a child without a callback does not. It may still come too late to be told, hence
    the look afterwards.

    :returns: the promise to follow instead, if ``other`` has begun to follow that one
    """
    child: Any = type(other)()
    child._fulfill = lambda value: settle(STATE_FULFILLED, value)
    child._reject = lambda reason, traceback=None: settle(STATE_REJECTED, reason, traceback)
    if other._state == STATE_PENDING:
        try:
            other._add_callbacks(None, None, child)
        except AssertionError:
            if other._is_following:
                return other._target()
    if other._state == STATE_FULFILLED:
        settle(STATE_FULFILLED, other._rejection_handler0)
    elif other._state == STATE_REJECTED:
        settle(STATE_REJECTED, other._fulfillment_handler0, other._traceback)
    return None


def follow_future(future: Any, adopt: Callable[[Any], None], settle: Settle) -> None:
    """Have ``adopt`` called with the result of a future, or ``settle`` with its exception.

    :param future: of ``concurrent.futures`` or of an event loop, which need not be this thread's;
        or a coroutine, which this thread's running event loop then runs
    :raises RuntimeError: a coroutine was given and no event loop runs in this thread
    """
    if iscoroutine(future):
        future = _start(future)

    def finish(finished: Any) -> None:
        try:
            value = finished.result()
        except BaseException as error:  # noqa: BLE001 - a cancellation is none
            settle(STATE_REJECTED, error)
        else:
            adopt(value)

    if future.done():
        finish(future)
    elif asyncio.isfuture(future):
        future.get_loop().call_soon_threadsafe(future.add_done_callback, finish)
    else:
        future.add_done_callback(finish)


_tasks: set[asyncio.Task[Any]] = set()
"""An event loop holds its tasks weakly; nobody else may hold one that a promise follows."""


def _start(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    try:
        task = asyncio.get_running_loop().create_task(coroutine)
    except RuntimeError:
        coroutine.close()
        raise
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return task
