"""The figures of one reader or writer, under the names that the published host gives them."""

from __future__ import annotations

from threading import Lock
from time import time as _now
from typing import Any, NamedTuple

__all__ = ["Counters", "Metrics"]

_NO_MIN, _NO_MAX = 1 << 63, -1


class Metrics(NamedTuple):
    """The figures from ``start_time`` to ``end_time``, the time of the last event.

    Sizes in bytes, times in seconds unless the name says ``ms``. The message's size is the one on
    the wire; the compressed and uncompressed ones are those of its payload.
    """

    start_time: float
    end_time: float
    msg_count_total: int
    msg_uncompressed_bytes_total: int
    msg_compressed_bytes_total: int
    msg_bytes_total: int
    msg_size_min: int | None
    msg_size_max: int | None
    error_count_total: int
    raw: Any = None
    """The plugin's own figures, or None."""

    @property
    def start_time_ms(self) -> float:
        """:attr:`start_time` in milliseconds."""
        return self.start_time * 1000

    @property
    def end_time_ms(self) -> float:
        """:attr:`end_time` in milliseconds."""
        return self.end_time * 1000

    @property
    def time(self) -> float:
        """How long the figures were collected, in seconds."""
        return self.end_time - self.start_time

    @property
    def time_ms(self) -> float:
        """:attr:`time` in milliseconds."""
        return self.time * 1000

    @property
    def msg_count_rate(self) -> float:
        """Messages a second."""
        return self._rate(self.msg_count_total)

    @property
    def msg_bytes_rate(self) -> float:
        """Bytes a second."""
        return self._rate(self.msg_bytes_total)

    @property
    def error_count_rate(self) -> float:
        """Errors a second."""
        return self._rate(self.error_count_total)

    @property
    def msg_size_avg(self) -> float:
        """Bytes a message."""
        return self.msg_bytes_total / self.msg_count_total if self.msg_count_total else 0

    @property
    def msg_compression_ratio(self) -> float:
        """Compressed bytes for each uncompressed one; 1 where there are none."""
        whole = self.msg_uncompressed_bytes_total
        return self.msg_compressed_bytes_total / whole if whole else 1.0

    def _rate(self, count: int) -> float:
        return count / self.time if self.time > 0 else 0


class Counters:
    """Counts what passes; any thread may call any method."""

    __slots__ = (
        "_bytes",
        "_compressed",
        "_count",
        "_end",
        "_errors",
        "_lock",
        "_max",
        "_min",
        "_start",
        "_uncompressed",
    )

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        """Start anew."""
        with self._lock:
            self._start = self._end = _now()
            self._count = self._uncompressed = self._compressed = self._bytes = self._errors = 0
            self._min, self._max = _NO_MIN, _NO_MAX

    def count(self, size: int, compressed: int, uncompressed: int) -> None:
        """One message of so many bytes on the wire, and its payload's sizes."""
        now = _now()
        with self._lock:
            self._end = now
            self._count += 1
            self._uncompressed += uncompressed
            self._compressed += compressed
            self._bytes += size
            if size < self._min:
                self._min = size
            if size > self._max:
                self._max = size

    def error(self) -> None:
        """One thing that went wrong."""
        with self._lock:
            self._end = _now()
            self._errors += 1

    def snapshot(self, raw: Any) -> Metrics:
        """The figures up to now.

        :param raw: the plugin's own
        """
        with self._lock:
            return Metrics(
                start_time=self._start,
                end_time=self._end,
                msg_count_total=self._count,
                msg_uncompressed_bytes_total=self._uncompressed,
                msg_compressed_bytes_total=self._compressed,
                msg_bytes_total=self._bytes,
                msg_size_min=self._min if self._count else None,
                msg_size_max=self._max if self._count else None,
                error_count_total=self._errors,
                raw=raw,
            )
