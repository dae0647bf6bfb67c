"""Warnings stay warnings while a plugin is judged, whatever the project around it makes of them.

With ``filterwarnings = error`` in a project's pytest settings, a deprecation in a library that the
plugin uses would be raised in the middle of the plugin. Its users see a line on stderr, if that.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def warnings_not_raised() -> Iterator[None]:
    """A context in which no filter of warnings turns one into an error; the others hold."""
    with warnings.catch_warnings():
        filters: Any = warnings.filters  # a list of the context's own
        filters[:] = [one for one in filters if one[0] != "error"]
        warnings.simplefilter("default", append=True)  # makes the change known
        yield
