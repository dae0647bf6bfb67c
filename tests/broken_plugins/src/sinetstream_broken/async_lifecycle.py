"""Classes that break the rules of ``rules/lifecycle.py`` in the asynchronous roles."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import Any, ClassVar

from promise import Promise

from sinetstream_broken import left_behind as synchronous
from sinetstream_broken.correct import MemoryAsyncReader, MemoryAsyncWriter
from sinetstream_broken.lifecycle import LONG_S, linger
from sinetstream_broken.marking import breaks
from sinetstream_broken.structural import StructuralAsyncReader, StructuralAsyncWriter
from sinetstream_broken.tcp import TcpAsyncReader, TcpAsyncWriter
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    SinetError,
)
from sinetstream_sdk.promises import Deferred

# -- LIFE-OPEN -----------------------------------------------------------------------------------


@breaks(
    "LIFE-OPEN",
    role="async_reader",
    says=("works after open()", "probe messages arrived"),
    model="structural",
)
class NeverStarted(StructuralAsyncReader):
    """Makes its thread and does not start it."""

    def open(self) -> None:
        self.thread = threading.Thread(target=self.close)


@breaks("LIFE-OPEN", role="async_writer", says=("open() returns", "still running"))
class OpenServes(MemoryAsyncWriter):
    """Runs its loop in the thread that opens it."""

    def open(self) -> None:
        linger()


# -- LIFE-CLOSE ----------------------------------------------------------------------------------


@breaks(
    "LIFE-CLOSE", role="async_reader", says=("close() returns", "still running"), model="structural"
)
class ForgetsToStop(StructuralAsyncReader):
    """Waits for a thread that nobody has told to stop."""

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join(LONG_S)
        super().close()


@breaks(
    "LIFE-CLOSE", role="async_writer", says=("close() returns", "RuntimeError"), model="structural"
)
class JoinsTooEarly(StructuralAsyncWriter):
    """Joins a thread that it has not started."""

    def close(self) -> None:
        was_open = self._open
        super().close()
        if was_open:
            threading.Thread(target=linger).join()


# -- LIFE-CLOSE-TWICE and LIFE-CLOSE-UNOPENED ----------------------------------------------------


@breaks(
    "LIFE-CLOSE-TWICE",
    role="async_reader",
    says=("a second close() returns", "'NoneType'"),
    model="structural",
)
class StopsTwice(StructuralAsyncReader):
    """Joins its thread again, which it has thrown away."""

    opened = False

    def open(self) -> None:
        super().open()
        self.opened = True

    def close(self) -> None:
        self._stop.set()
        if self.opened:
            self._thread.join()  # type: ignore[union-attr]
            self._thread = None


@breaks("LIFE-CLOSE-TWICE", role="async_writer", says=("a second close() returns", "still running"))
class WaitsTwice(MemoryAsyncWriter):
    """Waits again for the end, which is told only once."""

    opened = False
    told = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ended = threading.Semaphore(0)

    def open(self) -> None:
        super().open()
        self.opened = True
        self.told = False

    def close(self) -> None:
        super().close()
        if self.opened and not self.told:
            self.told = True
            self.ended.release()
        if self.opened:
            self.ended.acquire(timeout=LONG_S)


@breaks("LIFE-CLOSE-UNOPENED", role="async_reader", says=("without open()", "AttributeError"))
class AsyncMadeInOpen(MemoryAsyncReader):
    """Looks at what only ``open()`` makes."""

    def open(self) -> None:
        self.executor = threading.Event()
        super().open()

    def close(self) -> None:
        self.executor.set()
        super().close()


@breaks(
    "LIFE-CLOSE-UNOPENED",
    role="async_writer",
    says=("without open()", "cannot join thread"),
    model="structural",
)
class ThreadOfConstructor(StructuralAsyncWriter):
    """Makes its thread in the constructor, and joins it started or not."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.thread = threading.Thread(target=int)

    def open(self) -> None:
        super().open()
        self.thread = threading.Thread(target=int)
        self.thread.start()

    def close(self) -> None:
        super().close()
        self.thread.join()


# -- LIFE-REOPEN ---------------------------------------------------------------------------------


@breaks(
    "LIFE-REOPEN", role="async_reader", says="works after it was opened again", model="structural"
)
class StaysStopped(StructuralAsyncReader):
    """Does not clear the event that stops its thread."""

    def open(self) -> None:
        stop = self._stop
        super().open()
        if stop.is_set() and self._thread is not None:
            self._stop.set()


@breaks(
    "LIFE-REOPEN", role="async_writer", says=("open() after close() returns", "only be started")
)
class OneThread(MemoryAsyncWriter):
    """Makes its thread in the constructor, so that it can be started once."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.pump = threading.Thread(target=int, name="pump")

    def open(self) -> None:
        self.pump.start()
        super().open()


# -- LIFE-OPEN-TWICE -----------------------------------------------------------------------------


@breaks(
    "LIFE-OPEN-TWICE", role="async_reader", says=("leaks no thread", "delivery"), model="structural"
)
class SecondDelivery(StructuralAsyncReader):
    """Starts a second thread beside the first, and stops only that one."""

    def open(self) -> None:
        self._thread, self._stop = None, threading.Event()
        super().open()
        assert self._thread is not None
        self._thread.name = "delivery"
        # As long as a program lasts, to the eyes of a check.
        threading.Timer(LONG_S, self._stop.set).start()


@breaks(
    "LIFE-OPEN-TWICE",
    role="async_writer",
    says=("returns or raises AlreadyConnectedError", "OSError"),
)
class SecondOpenUnnamed(MemoryAsyncWriter):
    """Raises an error of no library."""

    def open(self) -> None:
        try:
            super().open()
        except AlreadyConnectedError as error:
            raise OSError("already open") from error


# -- LIFE-UNOPENED -------------------------------------------------------------------------------


@breaks("LIFE-UNOPENED", role="async_writer", says=("[before-open]", "is still pending after 3 s"))
class QueuesUnopened(MemoryAsyncWriter):
    """Queues what is published before ``open()``, with nobody to send it."""

    def publish(self, message: bytes) -> Any:
        try:
            return super().publish(message)
        except ConnectionError:
            return Deferred().promise


@breaks("LIFE-UNOPENED", role="async_writer", says=("[after-close]", "fulfilled"))
class FulfilsUnsent(MemoryAsyncWriter):
    """Fulfils the promise of a message that it drops."""

    def publish(self, message: bytes) -> Any:
        try:
            return super().publish(message)
        except ConnectionError:
            return Promise.fulfilled(None)


# -- LIFE-UNREACHABLE ----------------------------------------------------------------------------


@breaks("LIFE-UNREACHABLE", role="async_reader", says="open() returned None", model="tcp")
class ConnectsLater(TcpAsyncReader):
    """Leaves the connecting to its thread, which tells nobody."""

    def open(self) -> None:
        with suppress(ConnectionError):
            super().open()


@breaks(
    "LIFE-UNREACHABLE",
    role="async_writer",
    says=("leaves no thread", "sender"),
    model="tcp",
)
class ThreadFirst(TcpAsyncWriter):
    """Starts its thread, then connects, and leaves the thread there when that fails."""

    def open(self) -> None:
        stop = threading.Event()
        threading.Thread(target=stop.wait, args=(LONG_S,), name="sender", daemon=True).start()
        super().open()
        stop.set()


# -- LIFE-THREADS --------------------------------------------------------------------------------


@breaks("LIFE-THREADS", role="async_reader", says=("no thread is left", "poll"))
class LeavesPolling(MemoryAsyncReader):
    """Has a second thread, of which ``close()`` does not know."""

    def open(self) -> None:
        super().open()
        threading.Thread(target=linger, name="poll", daemon=True).start()


@breaks("LIFE-THREADS", role="async_writer", says=("no thread is left", "ThreadPoolExecutor"))
class LeavesExecutor(MemoryAsyncWriter):
    """Shuts its executor down without waiting for what runs there."""

    def open(self) -> None:
        super().open()
        threading.Thread(target=linger, name="ThreadPoolExecutor-0_0", daemon=True).start()


# -- LIFE-FDS ------------------------------------------------------------------------------------


@breaks(
    "LIFE-FDS",
    role="async_reader",
    says=("no descriptor is left open", "a socket that is not connected"),
    model="tcp",
)
class AsyncSocketForgotten(TcpAsyncReader):
    """Wraps a reader that forgets its socket."""

    reader_class = synchronous.SocketForgotten


@breaks(
    "LIFE-FDS",
    role="async_writer",
    says=("no descriptor is left open", "eventpoll"),
    model="tcp",
)
class AsyncSelectorForgotten(TcpAsyncWriter):
    """Wraps a writer that forgets its selector."""

    writer_class = synchronous.SelectorForgotten


# -- LIFE-PAIR -----------------------------------------------------------------------------------


@breaks(
    "LIFE-PAIR",
    role="async_reader",
    says="works after another instance was closed",
    model="structural",
)
class StopsAll(StructuralAsyncReader):
    """Has one event for all instances."""

    every: ClassVar[weakref.WeakSet[StructuralAsyncReader]] = weakref.WeakSet()

    def open(self) -> None:
        super().open()
        self.every.add(self)

    def close(self) -> None:
        if self in self.every:
            for other in list(self.every):
                other._stop.set()
        super().close()


@breaks("LIFE-PAIR", role="async_writer", says=("works after another instance", "not open"))
class AsyncStateOfClass(MemoryAsyncWriter):
    """Wraps a writer that keeps in the class whether it is open."""

    writer_class = synchronous.StateOfClass

    def publish(self, message: bytes) -> Any:
        if not synchronous.StateOfClass.connected:
            raise ConnectionError("this writer is not open")
        return super().publish(message)


# -- LIFE-MANY -----------------------------------------------------------------------------------


@breaks("LIFE-MANY", role="async_reader", says="bytes more memory per round")
class KeepsHistory(MemoryAsyncReader):
    """Keeps, in the module, what it was opened with each time."""

    history: ClassVar[list[bytearray]] = []

    def open(self) -> None:
        super().open()
        self.history.append(bytearray(16 * 1024))


@breaks("LIFE-MANY", role="async_writer", says=("round 31", "no more threads"))
class CountsThreads(MemoryAsyncWriter):
    """Has a pool that never takes a thread back."""

    threads = 30

    def open(self) -> None:
        if self.threads == 0:
            raise SinetError("the pool has no more threads")
        self.threads -= 1
        super().open()
