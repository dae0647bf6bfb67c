"""One promise after another that is attached to while another thread settles it.

The promises come from the plugin, as long as its broker acknowledges quickly enough for all the
points at which the two threads can meet. After that the kit makes them, of the same class, and
settles them itself: whether ``then`` and the settlement get along is the class's doing, and not
that of the broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from promise import Promise

from sinetstream_conformance.actors import is_pending, promise_state
from sinetstream_conformance.deadline import shorten
from sinetstream_conformance.meetings import Meeting, Meetings
from sinetstream_conformance.publishing import as_promise
from sinetstream_conformance.races import Races
from sinetstream_conformance.stage import Stage
from sinetstream_conformance.verdict import Unjudged, Violation
from sinetstream_sdk.promises import SafePromise

_MOST_STOPS = 100
_LONGEST_S = 5.0
"""How long the plugin's own promises are waited for, before the kit makes some itself."""
_BUSY_S = 20.0
"""How long the kit's own may take, on a machine with other things to do."""
_LEAST_MEETING_S = 0.015
_LONGEST_MEETING_S = 1.0
_KNOWN = (Promise, SafePromise)
"""Classes that are settled from any thread by ``do_resolve``, whoever else does it otherwise."""


class PromiseRace:
    """Lets two threads meet at promises; case ``then`` or ``get`` says how one attaches.

    :param publish: gives a promise of the plugin
    :param took: how long one takes to settle, in seconds
    """

    def __init__(
        self,
        stage: Stage,
        races: Races,
        meetings: Meetings,
        publish: Callable[[], Any],
        took: float,
    ) -> None:
        self._stage, self._races, self._meetings = stage, races, meetings
        self._publish, self._took = publish, took
        self._own = True
        self._telling = True
        """Whether promises that the kit settles can say anything of the plugin's."""
        self._sample: Any = None
        """The latest promise of the plugin that another thread has settled."""

    def run(self, *, settler_stops: bool) -> None:
        """Go through the points at which the one thread can stop while the other goes on.

        :param settler_stops: whether that is the settling thread
        """
        if self._own and self._through(self._publish, settler_stops, _LONGEST_S):
            return
        if self._sample is None or not self._telling or not self._kits_own(settler_stops):
            within_s = _BUSY_S + _MOST_STOPS * 4 * self._took
            self._finish(self._publish, settler_stops, within_s)

    def _kits_own(self, settler_stops: bool) -> bool:
        """Go through them with promises that the kit settles; False if that says nothing."""
        cls = type(self._sample)
        bare = _Bare(cls, self._sample)
        shadowed = any(callable(getattr(cls, name, None)) for name in vars(self._sample))
        self._own = False
        try:
            self._finish(bare, settler_stops, _BUSY_S)
        except Violation as violation:
            if cls not in _KNOWN or shadowed:
                # The plugin may take a lock, say, before it settles one.
                self._own, self._telling = True, False
                return False
            violation.observed += (
                f"; the kit made and settled this {cls.__name__} itself, as acknowledgements of "
                f"the broker take {self._took:.2g} s"
            )
            raise
        finally:
            bare.join()
        return True

    def _finish(self, publish: Callable[[], Any], settler_stops: bool, within_s: float) -> None:
        if not self._through(publish, settler_stops, within_s):
            what = "settling it" if settler_stops else f"{self._stage.case}()"
            raise Unjudged(
                f"the way through {what} was not gone to its end within {within_s:g} s; "
                f"acknowledgements take {self._took:.2g} s",
                transient=publish is not self._publish,
            )

    def _through(self, publish: Callable[[], Any], settler_stops: bool, within_s: float) -> bool:
        """Meet at one stop after the other; whether that came to the last within the time."""
        stage, end = self._stage, time.monotonic() + within_s
        for at in range(1, _MOST_STOPS + 1):
            if stage.past(end):
                return False
            meeting = self._meetings.arrange(
                self._races,
                self._bound_s(publish is self._publish, settler_stops),
                at,
                settler_stops=settler_stops,
                noise_s=stage.noise_s,
            )
            promise = self._meet(publish, meeting)
            if publish is self._publish and meeting.settled_by_another:
                self._sample = promise
            if not meeting.stop.where:
                break
        return True

    def _bound_s(self, plugins: bool, settler_stops: bool) -> float:
        """How long either thread waits for the other.

        A safe promise has one thread wait for the other at many a stop, so that this adds up.
        """
        took = self._took if plugins else 0.0
        bound_s = min(3 * took, max(_LONGEST_MEETING_S, 1.5 * took))
        if settler_stops and self._stage.case == "get":
            bound_s /= 3  # get() ends after the settlement, so that it is waited for in vain
        return max(bound_s, _LEAST_MEETING_S)

    def _meet(self, publish: Callable[[], Any], meeting: Meeting) -> Any:
        """Attach to a promise while it is being settled, and judge what comes of it."""
        stage, outcomes, promises = self._stage, list[Any](), list[Any]()

        def attach() -> None:
            if stage.case == "then":
                promises[0].then(outcomes.append, outcomes.append)
                return
            try:
                outcomes.append(promises[0].get(stage.capabilities.delivered_within_s))
            except Exception as error:  # noqa: BLE001 - the promise's reason, or else evidence
                outcomes.append(error)

        def meet() -> None:
            with meeting:
                with self._races.slow(0.001):  # what is settled too early cannot meet
                    promise = publish()
                promises.append(as_promise(promise))
                meeting.attach(promises[0], attach)

        call = stage.caller.start(f"publish() and {stage.case}()", meet)
        stage.wait_until(lambda: call.done or bool(promises), stage.capabilities.call_within_s)
        if promises:
            within_s = stage.capabilities.delivered_within_s + meeting.within_s
            if not stage.wait_until(lambda: not is_pending(promises[0]), within_s):
                raise Unjudged("a promise is still pending; see AWRITE-SETTLE")
            stage.wait_until(lambda: bool(outcomes), 1.0)
            state = promise_state(promises[0])
        if call.done and isinstance((error := call.wait(0.0).error), Unjudged):
            raise error
        if call.done:
            stage.expect_returned(
                call.wait(0.0),
                f"{stage.case}() on a promise that another thread settles returns",
            )
        stage.expect(
            bool(outcomes),
            expected=f"{stage.case}() on a promise that another thread settles comes to an end",
            observed=f"it never did, though the promise is {state}; {meeting.describe()}",
        )
        right = promises[0]._target_settled_value()
        stage.expect(
            outcomes[0] is right,
            expected=f"{stage.case}() gives what the promise was {state} with, {shorten(right)}",
            observed=f"it gave {shorten(outcomes[0])}; {meeting.describe()}",
        )
        return promises[0]


class _Bare:
    """Makes promises of a class, and settles each on a thread of its own as ``like`` was."""

    def __init__(self, cls: type[Any], like: Any) -> None:
        self._cls = cls
        self._value = like._target_settled_value() if promise_state(like) == "fulfilled" else None
        self._threads: list[threading.Thread] = []

    def __call__(self) -> Any:
        try:
            promise = self._cls()
        except Exception as error:  # noqa: BLE001 - the plugin's own class may do as it likes
            raise Violation("a promise that can be made without arguments", str(error)) from None
        thread = threading.Thread(
            target=promise.do_resolve, args=(self._value,), name="settles a promise", daemon=True
        )
        self._threads.append(thread)
        thread.start()
        return promise

    def join(self) -> None:
        """Wait until the threads have ended."""
        for thread in self._threads:
            thread.join(_LONGEST_MEETING_S)
