"""The delivery guarantee that a user asks for with the parameter ``consistency``."""

from __future__ import annotations

from enum import Enum


class Consistency(Enum):
    """The three guarantees, under the names and values that the published host uses."""

    AT_MOST_ONCE = 1
    AT_LEAST_ONCE = 2
    EXACTLY_ONCE = 3


AT_MOST_ONCE = Consistency.AT_MOST_ONCE
AT_LEAST_ONCE = Consistency.AT_LEAST_ONCE
EXACTLY_ONCE = Consistency.EXACTLY_ONCE
