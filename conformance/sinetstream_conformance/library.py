"""Telling the library's own errors from others, whichever host's classes they are."""

from __future__ import annotations

import sys

from sinetstream_sdk import errors


def is_library_error(error: BaseException | None, name: str = "SinetError") -> bool:
    """Whether ``error`` is this library's, under either host's class of that name."""
    published = getattr(sys.modules.get("sinetstream.error"), name, None)
    classes = tuple(c for c in (getattr(errors, name), published) if isinstance(c, type))
    return isinstance(error, classes)
