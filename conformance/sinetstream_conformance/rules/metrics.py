"""A plugin's own figures (guide §3.2: metrics() and reset_metrics())."""

from __future__ import annotations

from sinetstream_conformance.actors import Actor
from sinetstream_conformance.rule import (
    ALL_ROLES,
    ASYNC_READER,
    MUST,
    READER,
    SHOULD,
    WRITERS,
    rule,
)
from sinetstream_conformance.stage import Stage


def _each_stage_of_life(stage: Stage, method: str) -> None:
    actor: Actor = stage.build(stage.role, stage.topic())
    stage.expect_returned(actor.call(method), f"{method}() before open() returns")
    stage.opened(actor)
    stage.expect_returned(actor.call(method), f"{method}() while open returns")
    actor.close()
    stage.expect_returned(actor.call(method), f"{method}() after close() returns")


@rule(
    "LIFE-METRICS",
    level=MUST,
    roles=ALL_ROLES,
    says="metrics() returns None or the plugin's own figures, before, during and after a "
    "connection",
    source="guide §3.2",
    hint="return None while there is nothing to tell; the SDK's base class does",
    right="def metrics(self):\n    return None if self._client is None else self._client.stats()",
    wrong="def metrics(self):\n    return self._client.stats()",
)
def metrics(stage: Stage) -> None:
    _each_stage_of_life(stage, "metrics")


@rule(
    "LIFE-METRICS-RESET",
    level=MUST,
    roles=(READER,),
    says="reset_metrics() exists and can be called before, during and after a connection",
    source="guide §3.2.1",
    hint="define reset_metrics(), if only with `pass`; the SDK's base class does",
    right="def reset_metrics(self):\n    self._received = 0",
    wrong="class Reader:\n    def metrics(self):\n        return None  # and no reset_metrics()",
)
def reset(stage: Stage) -> None:
    _each_stage_of_life(stage, "reset_metrics")


@rule(
    "LIFE-METRICS-RESET-HOST",
    level=SHOULD,
    roles=(*WRITERS, ASYNC_READER),
    says="reset_metrics() exists for this role too and can be called at any time",
    source="the published host's shape check; the guide asks it of the reader alone",
    hint="define reset_metrics(), if only with `pass`; the SDK's base class does",
    right="def reset_metrics(self):\n    pass",
    wrong="class Writer:\n    def metrics(self):\n        return None  # and no reset_metrics()",
)
def reset_host(stage: Stage) -> None:
    _each_stage_of_life(stage, "reset_metrics")
