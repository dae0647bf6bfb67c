"""Classes that break the rules of ``rules/metrics.py``."""

from __future__ import annotations

from typing import Any

from sinetstream_broken.correct import (
    MemoryAsyncReader,
    MemoryAsyncWriter,
    MemoryReader,
    MemoryWriter,
)
from sinetstream_broken.marking import breaks
from sinetstream_broken.structural import StructuralAsyncReader, StructuralWriter


@breaks("LIFE-METRICS", role="reader", says=("metrics() before open() returns", "'NoneType'"))
class FiguresOfConnection(MemoryReader):
    """Asks a subscription that is not there yet."""

    def metrics(self) -> Any:
        return {"waiting": len(self.subscription.waiting)}  # type: ignore[union-attr]


@breaks("LIFE-METRICS", role="writer", says=("metrics() after close() returns", "'messages'"))
class FiguresThrownAway(MemoryWriter):
    """Throws its figures away in ``close()``."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.figures = {"messages": 0}

    def close(self) -> None:
        super().close()
        self.figures = {}

    def metrics(self) -> Any:
        return self.figures["messages"]


@breaks("LIFE-METRICS", role="async_reader", says=("metrics() while open returns", "still running"))
class FiguresBehindLock(MemoryAsyncReader):
    """Waits for the thread to end, so as not to disturb it."""

    def metrics(self) -> Any:
        if self._thread is not None:
            self._thread.join(8.0)


@breaks(
    "LIFE-METRICS", role="async_writer", says=("metrics() before open()", "NotImplementedError")
)
class FiguresToCome(MemoryAsyncWriter):
    """Has not got round to it."""

    def metrics(self) -> Any:
        raise NotImplementedError


@breaks("LIFE-METRICS-RESET", role="reader", says=("reset_metrics() before open()", "'NoneType'"))
class ResetOfConnection(MemoryReader):
    """Resets the figures of a subscription that is not there yet."""

    def reset_metrics(self) -> None:
        self.subscription.figures = {}  # type: ignore[union-attr]


@breaks("LIFE-METRICS-RESET", role="reader", says=("after close() returns", "'figures'"))
class ResetAfterClose(MemoryReader):
    """Deletes the figures in ``close()``."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.figures = {"messages": 0}

    def close(self) -> None:
        if self.subscription is not None:
            super().close()
            del self.figures

    def reset_metrics(self) -> None:
        self.figures.clear()


@breaks(
    "LIFE-METRICS-RESET-HOST",
    role="writer",
    says="has no attribute 'reset_metrics'",
    model="structural",
)
class WriterWithoutReset:
    """Leaves out what the guide does not ask of a writer."""

    def __init__(self, *args: Any) -> None:
        self._writer = StructuralWriter(*args)

    def open(self) -> None:
        self._writer.open()

    def close(self) -> None:
        self._writer.close()

    def publish(self, message: bytes) -> None:
        self._writer.publish(message)

    def metrics(self) -> Any:
        return None


@breaks(
    "LIFE-METRICS-RESET-HOST",
    role="async_reader",
    says="'NoneType' object is not callable",
    model="structural",
)
class ReaderWithoutReset(StructuralAsyncReader):
    """Has it as None."""

    reset_metrics = None  # type: ignore[assignment]


@breaks("LIFE-METRICS-RESET-HOST", role="async_writer", says="NotImplementedError")
class ResetToCome(MemoryAsyncWriter):
    """Has not got round to it."""

    def reset_metrics(self) -> None:
        raise NotImplementedError
