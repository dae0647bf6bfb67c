"""Warnings stay warnings while a plugin is judged, whatever the project around it makes of them.

With ``filterwarnings = error`` in a project's pytest settings, a deprecation in a library that the
plugin uses would be raised in the middle of the plugin. Its users see a line on stderr, if that.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def warnings_not_raised() -> Iterator[None]:
    """A context in which no filter of warnings turns one into an error; the others hold."""
    with warnings.catch_warnings():
        kept = [one for one in warnings.filters if one[0] != "error"]
        warnings.resetwarnings()
        for action, message, category, module, line in reversed(kept):
            warnings.filterwarnings(
                action,
                getattr(message, "pattern", message) or "",
                category,
                getattr(module, "pattern", module) or "",
                line,
            )
        yield
