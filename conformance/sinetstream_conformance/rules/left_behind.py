"""What a closed role must not leave behind: threads, descriptors, memory (guide §3.2: close())."""

from __future__ import annotations

import tracemalloc
import warnings

from sinetstream_conformance.residue import (
    Descriptors,
    memory_in_use,
    plugin_threads,
    settle_garbage,
)
from sinetstream_conformance.rule import ALL_ROLES, SHOULD, rule
from sinetstream_conformance.rules.lifecycle import (
    GONE_WITHIN_S,
    Surroundings,
    build,
    closed_again,
    connect,
    threads_left,
)
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Violation

ROUNDS = 100
WARM_UP = 20
GROWTH_PER_ROUND = 4096


@rule(
    "LIFE-THREADS",
    level=SHOULD,
    roles=ALL_ROLES,
    says="after close() no thread of the plugin is left",
    source="a program that closed its readers must be able to end",
    hint="tell your threads to stop, and join them in close()",
    right="def close(self):\n    self._stop.set()\n    self._thread.join(10)",
    wrong="def close(self):\n    self._stop.set()",
)
def threads(stage: Stage) -> None:
    topic = stage.topic()
    around = Surroundings(stage, topic)
    actor = stage.opened(build(stage, topic))
    connect(stage, actor, around.other)
    closed_again(actor)
    left = around.threads_left()
    stage.expect(
        not left, expected="no thread is left after close()", observed=f"left behind: {left}"
    )
    count = around.native_threads_left()
    stage.expect(
        not count,
        expected="no thread of a C library is left after close()",
        observed=f"{count} are left",
    )


@rule(
    "LIFE-FDS",
    level=SHOULD,
    roles=ALL_ROLES,
    says="after close() no socket or file of the plugin is left, and no ResourceWarning is raised",
    source="descriptors are few, and a broker counts connections",
    hint="close every socket, file, selector and pipe that open() made",
    right="def close(self):\n    self._socket.close()",
    wrong="def close(self):\n    self._socket.shutdown(socket.SHUT_RDWR)",
)
def descriptors(stage: Stage) -> None:
    topic = stage.topic()
    around = Surroundings(stage, topic)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        actor = stage.opened(build(stage, topic))
        connect(stage, actor, around.other)
        closed_again(actor)
        grown = around.descriptors_left()
        actor.instance = None
        settle_garbage()
    stage.expect(not grown, expected="no descriptor is left open after close()", observed=grown)
    complaints = [str(w.message) for w in caught if issubclass(w.category, ResourceWarning)]
    stage.expect(
        not complaints,
        expected="no ResourceWarning when the closed instance is thrown away",
        observed="; ".join(complaints)[:300],
    )


@rule(
    "LIFE-MANY",
    level=SHOULD,
    roles=ALL_ROLES,
    says=f"{ROUNDS} rounds of open() and close() do not grow threads, descriptors or memory",
    source="long-running programs reconnect",
    hint="look for lists, caches and callbacks that open() adds to and close() does not clear",
    right="def close(self):\n    self._client.remove_listener(self._on_event)\n"
    "    self._client.stop()",
    wrong="def open(self):\n    LISTENERS.append(self._on_event)  # and close() leaves it there",
)
def many(stage: Stage) -> None:
    actor = build(stage, stage.topic())
    before = plugin_threads()
    fds: Descriptors | None = None
    memory = 0
    tracing = tracemalloc.is_tracing()
    try:
        for number in range(ROUNDS):
            for result in (actor.open(), actor.close()):
                if not result.returned:
                    raise Violation(
                        f"round {number + 1} of open() and close() goes as the first did",
                        result.describe(),
                        error=result.error,
                        trace=result.trace(),
                    )
            if number == WARM_UP - 1:
                settle_garbage()
                fds = Descriptors.now()
                if not tracing:
                    tracemalloc.start(1)
                memory = memory_in_use()
        settle_garbage()
        grown = (memory_in_use() - memory) / (ROUNDS - WARM_UP)
    finally:
        if not tracing:
            tracemalloc.stop()
    left = threads_left(stage, before)
    stage.expect(not left, expected="no thread is left", observed=f"left behind: {left}")
    assert fds is not None
    more = _more_descriptors(stage, fds)
    stage.expect(not more, expected="the number of descriptors stays", observed=more)
    stage.expect(
        grown < GROWTH_PER_ROUND,
        expected=f"less than {GROWTH_PER_ROUND} bytes more memory per round",
        observed=f"{grown:.0f} bytes more per round",
    )


def _more_descriptors(stage: Stage, before: Descriptors) -> str:
    """What has been opened if more is open than ``before``.

    An instance may keep some after ``close()`` and give them back when it opens again. That is for
    LIFE-FDS to judge: their number does not grow with the rounds.
    """
    stage.wait_until(lambda: Descriptors.now().total <= before.total, GONE_WITHIN_S)
    now = Descriptors.now()
    return now.grown_since(before) if now.total > before.total else ""
