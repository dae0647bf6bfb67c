"""Where an error goes that happens on a plugin's own thread, with no caller to raise it to."""

from __future__ import annotations

import logging
import time

from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.spi import OnFailure

__all__ = ["FailureReport", "LastError", "as_exception"]

logger = logging.getLogger(__name__)


class FailureReport:
    """Passes errors to ``on_failure`` or, for want of it, to the log.

    The log is spared: of errors with the same origin and type, one in ``interval_s`` seconds is
    written with its traceback; the rest are counted, and the next line tells how many there were.

    :param owner: the name of the class whose thread it is
    """

    interval_s = 5.0

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._written: dict[tuple[str, type], float] = {}
        self._unwritten: dict[tuple[str, type], int] = {}

    def report(self, error: BaseException, origin: str, on_failure: OnFailure | None) -> None:
        """Tell of ``error``, which ``origin`` raised; whatever ``on_failure`` raises is logged."""
        failure = as_exception(error, origin)
        if on_failure is None:
            self._log(failure, origin)
            return
        try:
            on_failure(failure)
        except BaseException as raised:  # noqa: BLE001 - a user's code
            self._log(as_exception(raised, "on_failure"), "on_failure")

    def flush(self) -> None:
        """Log how many errors have been counted and not written."""
        for (origin, kind), count in self._unwritten.items():
            logger.error(
                "%s: %s raised %s another %d times", self._owner, origin, kind.__name__, count
            )
        self._unwritten.clear()
        self._written.clear()

    def _log(self, error: Exception, origin: str) -> None:
        key = origin, type(error)
        now = time.monotonic()
        if now - self._written.get(key, -self.interval_s) < self.interval_s:
            self._unwritten[key] = self._unwritten.get(key, 0) + 1
            return
        self._written[key] = now
        count = self._unwritten.pop(key, 0)
        more = f" ({count} more since the last report)" if count else ""
        logger.error("%s: %s raised%s", self._owner, origin, more, exc_info=error)


class LastError(logging.Logger):
    """Keeps the last error that a client library logs: some tell a cause nowhere else."""

    def __init__(self, name: str) -> None:
        super().__init__(name, logging.ERROR)
        self.text = ""

    def handle(self, record: logging.LogRecord) -> None:
        """Keep the message, and pass it on to nobody."""
        self.text = record.getMessage()


def as_exception(error: BaseException, origin: str) -> Exception:
    """``error`` itself or, where it is no ``Exception``, an error of this library in its place.

    A thread of a plugin must not end because somebody called ``sys.exit()`` on it.

    :param origin: what raised it, for the message
    """
    if isinstance(error, Exception):
        return error
    substitute = SinetError(f"{origin} raised {error!r}")
    substitute.__cause__ = error
    return substitute
