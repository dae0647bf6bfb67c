"""Cutting the connections between a plugin and its broker, with messages under way or without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from sinetstream_conformance.stage import Stage

UNDER_WAY_S = 0.4
"""How long a message is given to leave the plugin while the broker does nothing."""
AWAY_S = 0.3
"""How long a cut lasts beyond the stall, so that what was held back meets it."""


def broken_off(stage: Stage) -> AbstractContextManager[Any]:
    """A context in which the broker cannot be reached; skipped where the harness has none."""
    context: AbstractContextManager[Any] = stage.offered(stage.harness.disconnected)
    return context


@contextmanager
def cut_under_way(stage: Stage) -> Iterator[None]:
    """A context in which the broker does nothing, and after which it has been away for a while.

    What is published inside, and given :data:`UNDER_WAY_S`, is under way when the connections are
    cut. The cut comes before the stall ends, or what is held back would get through; and it lasts
    longer, or some brokers would take it after all.

    :raises NotOffered: the harness cannot stall its broker, or not cut connections
    """
    stage.harness.expect_offer("disconnected")
    stage.harness.expect_offer("stalled")
    with ExitStack() as away:
        with stage.offered(stage.harness.stalled):
            yield
            away.enter_context(broken_off(stage))
        stage.idle(AWAY_S)
