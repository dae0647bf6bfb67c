"""Publishing on several threads at once, each of which is stopped on its way.

An asynchronous writer may refuse what comes too fast, by an error of this library or by rejecting
the promise. It is published again then, so that only what is lost in silence is missing.
"""

from __future__ import annotations

import time
from typing import Any

from sinetstream_conformance.channels import AsyncWriterOutbox, Outbox
from sinetstream_conformance.full_queues import refusal
from sinetstream_conformance.publishing import settled_in_turn
from sinetstream_conformance.races import Races
from sinetstream_conformance.stage import Stage

_STOP_S = 0.002
_PAUSE_S = 0.01


class Publisher:
    """Publishes on one thread, which is stopped at another point in each ``publish()``.

    Meanwhile the other threads go through the same code.

    :param number: which of the threads it is, counted from 0
    """

    def __init__(self, stage: Stage, box: Outbox, races: Races, number: int) -> None:
        self.points = 0
        """How many points there were at which the last ``publish()`` could be stopped."""
        self.refusals: list[BaseException] = []
        """Why messages were not taken, which were then published again."""
        self._stage, self._races, self._number = stage, races, number
        self._instance = box.actor.instance  # type: ignore[attr-defined]
        self._asynchronous = isinstance(box, AsyncWriterOutbox)
        self._published: list[tuple[bytes, Any]] = []

    def measure(self, payload: bytes) -> float:
        """Publish one payload; how long that, or its promise, takes, in seconds."""
        stage, began = self._stage, time.monotonic()
        bound_s = stage.capabilities.call_within_s
        call = f"{stage.role}.publish()"
        stage.require(stage.caller.run(call, lambda: self._publish(payload), bound_s), stage.role)
        self._settle()
        return time.monotonic() - began

    def publish_all(self, count: int, threads: int, points: int, within_s: float) -> None:
        """Publish ``count`` payloads, with the stops of all threads spread over the points.

        :param threads: how many threads publish as many
        :param points: how many points there are on the way
        :param within_s: until when what is refused is published again, in seconds
        """
        end = time.monotonic() + within_s
        stops = [
            1 + (n * threads + self._number) * max(points, 1) // (threads * count)
            for n in range(count)
        ]
        left = [(b"%d/%d" % (self._number, n), stop_at) for n, stop_at in enumerate(stops)]
        while left:
            begun = len(self._published)
            for payload, stop_at in left:
                self._insist(payload, stop_at, end)
            left = self._rejected_since(begun, end)

    def sent(self) -> list[bytes]:
        """What should arrive: what was published, but for the rejected."""
        return [payload for payload, promise in self._published if refusal(promise) is None]

    def _publish(self, payload: bytes, stop_at: int = 0) -> None:
        with self._races.stop(stop_at, lambda: time.sleep(_STOP_S)) as stop:
            promise = self._instance.publish(payload)
        self.points = stop.passed
        self._published.append((payload, promise))

    def _insist(self, payload: bytes, stop_at: int, end: float) -> None:
        """Publish a payload until it is not refused at once."""
        while (refused := self._refused(payload, stop_at)) is not None:
            # It may arrive all the same, and the next one under another name is no duplicate then.
            payload, stop_at = payload + b" again", 0
            self._settle()
            self._give_up(refused, end)

    def _refused(self, payload: bytes, stop_at: int) -> BaseException | None:
        try:
            self._publish(payload, stop_at)
        except Exception as error:
            refused = refusal(error=error) if self._asynchronous else None
            if refused is None:
                raise
            return refused
        if (refused := refusal(self._published[-1][1])) is not None:
            self._published.pop()
        return refused

    def _rejected_since(self, begun: int, end: float) -> list[tuple[bytes, int]]:
        """What was published since then and is rejected by now, to be published once more."""
        if not self._asynchronous:
            return []
        self._settle()
        left = []
        for payload, promise in self._published[begun:]:
            if (refused := refusal(promise)) is not None:
                self._give_up(refused, end)
                left.append((payload + b" later", 0))
        return left

    def _give_up(self, refused: BaseException, end: float) -> None:
        """Raise the reason if there is no more time; else wait a little."""
        self.refusals.append(refused)
        if time.monotonic() >= end:
            raise refused
        time.sleep(_PAUSE_S)

    def _settle(self) -> None:
        """Give all promises their time."""
        settled_in_turn(self._stage, [promise for _, promise in self._published])
