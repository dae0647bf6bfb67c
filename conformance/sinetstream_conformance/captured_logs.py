"""What a plugin logs is not held while it is judged.

pytest keeps every log record until its test ends. One with ``exc_info`` holds a traceback, and so
all that was at hand where the error was raised: sockets that would be gone otherwise.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def records_let_go() -> Iterator[None]:
    """A context in which handlers that collect records keep their text and not the records."""
    collecting: list[tuple[Any, Any]] = [
        (handler, handler.records)
        for handler in logging.getLogger().handlers
        if hasattr(handler, "records")
    ]
    for handler, _ in collecting:
        handler.records = deque[logging.LogRecord](maxlen=0)
    try:
        yield
    finally:
        for handler, records in collecting:
            handler.records = records
