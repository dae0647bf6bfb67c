"""Classes that break PKG-SHAPE.

Faults in how a plugin is packaged are those of whole distributions; the tests write them on the
spot, see ``tests/conformance/fabricated.py``.
"""

from __future__ import annotations

from typing import Any

from sinetstream_broken.correct import MemoryAsyncWriter
from sinetstream_broken.marking import breaks
from sinetstream_broken.structural import StructuralAsyncReader, StructuralReader, StructuralWriter


@breaks("PKG-SHAPE", role="reader", says="it lacks reset_metrics", model="structural")
class NoReset:
    """Has no ``reset_metrics()``, which the guide asks of the reader."""

    def __init__(self, *args: Any) -> None:
        self._reader = StructuralReader(*args)

    def open(self) -> None:
        self._reader.open()

    def close(self) -> None:
        self._reader.close()

    def metrics(self) -> Any:
        return None

    def __iter__(self) -> Any:
        return iter(self._reader)


@breaks("PKG-SHAPE", role="reader", says="it lacks __iter__", model="structural")
class NextOnly:
    """Is an iterator without being iterable."""

    def __init__(self, *args: Any) -> None:
        self._reader = StructuralReader(*args)
        self._messages: Any = None

    def open(self) -> None:
        self._reader.open()
        self._messages = iter(self._reader)

    def close(self) -> None:
        self._reader.close()

    def __next__(self) -> Any:
        return next(self._messages)

    def metrics(self) -> Any:
        return None

    def reset_metrics(self) -> None:
        pass


@breaks("PKG-SHAPE", role="writer", says="it lacks publish", model="structural")
class SendsOnly:
    """Calls it ``send``."""

    def __init__(self, *args: Any) -> None:
        self._writer = StructuralWriter(*args)

    def open(self) -> None:
        self._writer.open()

    def close(self) -> None:
        self._writer.close()

    def send(self, message: bytes) -> None:
        self._writer.publish(message)

    def metrics(self) -> Any:
        return None

    def reset_metrics(self) -> None:
        pass


@breaks(
    "PKG-SHAPE",
    role="async_reader",
    says="it lacks on_message, on_failure",
    model="structural",
)
class CallbacksOfInstance:
    """Makes the callbacks attributes of the instance, where no host sees them in the class."""

    def __init__(self, *args: Any) -> None:
        self._reader = StructuralAsyncReader(*args)
        self.on_message: Any = None
        self.on_failure: Any = None

    def open(self) -> None:
        self._reader.on_message = lambda *message: self.on_message(*message)
        self._reader.open()

    def close(self) -> None:
        self._reader.close()

    def metrics(self) -> Any:
        return None


@breaks(
    "PKG-SHAPE",
    role="async_writer",
    says=("MetricsProperty.metrics is a method", "it is a property"),
)
class MetricsProperty(MemoryAsyncWriter):
    """Makes ``metrics`` a property."""

    @property
    def metrics(self) -> Any:  # type: ignore[override]
        return None
