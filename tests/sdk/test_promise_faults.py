"""The faults of ``promise`` 2.3 among threads, each pinned, and SafePromise right in its place.

Threads meet at a seam on purpose: what another thread does in a moment that is short in practice is
done there by :class:`Background`, while the first thread waits. ``docs/promise-safety.md`` explains
the faults. If the published package mends one, its test fails here, and the page needs changing.
"""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from promise import Promise
from promise.promise_list import PromiseList
from provoking import Background, held_up

from sinetstream_sdk import promises, trampoline
from sinetstream_sdk.promises import Deferred, SafePromise


def settled_in_between(promise, *settlement):
    """Make the next registration on ``promise`` come after another thread has settled it.

    ``then()`` has found the promise pending by then.
    """
    register = promise._add_callbacks

    def too_late(*registration):
        Background(*settlement).result()
        return register(*registration)

    promise._add_callbacks = too_late
    return promise


class TestThenWhileAnotherThreadSettles:
    @pytest.mark.parametrize("value", [None, 0, b""])
    def test_published_loses_the_callback_and_the_value(self, value):
        """A false value: the callback never runs, and the promise's value is the other callback."""
        promise: Promise = Promise()
        seen: list = []
        on_reason = seen.append
        settled_in_between(promise, promise.do_resolve, value).then(seen.append, on_reason)
        assert promise.is_fulfilled
        assert seen == []
        assert promise.value is on_reason

    def test_published_raises_from_then(self):
        """A true value: then() fails an assertion of the package."""
        promise: Promise = Promise()
        with pytest.raises(AssertionError):
            settled_in_between(promise, promise.do_resolve, "value").then(print)

    def test_published_raises_from_then_on_rejection(self):
        """The same for a rejection."""
        promise: Promise = Promise()
        with pytest.raises(AssertionError):
            settled_in_between(promise, promise.do_reject, OSError()).catch(print)

    @staticmethod
    def registered_during_delivery(promise):
        """What a callback sees that is registered while another thread runs an earlier one.

        Its ``then()`` has found the promise pending.
        """
        looked, delivering = threading.Event(), threading.Event()
        register = promise._add_callbacks
        seen: list = []

        def late(*registration):
            looked.set()
            assert delivering.wait(10)
            return register(*registration)

        def first(_):
            delivering.set()
            second.result()

        promise.then(first)
        promise._add_callbacks = late
        second = Background(promise.then, seen.append)
        assert looked.wait(10)
        promise.do_resolve("value")
        return seen

    def test_published_loses_a_callback_of_any_value(self):
        """A callback registered while an earlier one runs is lost in silence."""
        assert self.registered_during_delivery(Promise()) == []

    def test_safe_during_delivery(self):
        """SafePromise runs it after the earlier one."""
        assert self.registered_during_delivery(SafePromise()) == ["value"]

    def test_published_get_hangs(self):
        """get() waits for a promise that has been fulfilled."""
        promise: Promise = Promise()
        settled_in_between(promise, promise.do_resolve, None)
        with pytest.raises(Exception, match="Timeout"):
            promise.get(0.05)
        assert promise.is_fulfilled

    @pytest.mark.parametrize("callbacks", [0, 1])
    @pytest.mark.parametrize("value", [None, 0, b"", "value"])
    def test_safe(self, value, callbacks):
        """SafePromise runs the callback once and keeps its value."""
        promise: SafePromise = SafePromise()
        seen: list = []
        for _ in range(callbacks):
            promise.then(lambda _: None)
        settled_in_between(promise, promise.do_resolve, value).then(seen.append)
        assert seen == [value]
        assert promise.get(0) == value

    def test_safe_on_rejection(self):
        """SafePromise runs the callback once and keeps its reason."""
        promise: SafePromise = SafePromise()
        seen: list = []
        reason = OSError()
        settled_in_between(promise, promise.do_reject, reason).catch(seen.append)
        assert seen == [reason]
        assert promise.reason is reason

    def test_safe_get(self, monkeypatch):
        """get() returns when the promise is settled just before it waits."""

        class SettledBeforeWaiting(threading.Event):
            def wait(self, timeout=None):
                monkeypatch.undo()
                Background(promise.do_resolve, None).result()
                return super().wait(timeout)

        promise: SafePromise = SafePromise()
        monkeypatch.setattr(threading, "Event", SettledBeforeWaiting)
        assert promise.get(0.05) is None

    def test_safe_get_before_the_lock(self):
        """get() returns when the promise is settled while it waits for the lock."""
        promise: SafePromise = SafePromise()
        lock = promise._lock

        class SettledBeforeLocking:
            def __enter__(self):
                promise._lock = lock
                Background(promise.do_resolve, None).result()
                lock.acquire()

            def __exit__(self, *exc):
                lock.release()

        promise._lock = SettledBeforeLocking()
        assert promise.get(0.05) is None


class TestSettlingTwice:
    def test_published_lets_the_second_win(self):
        """The value changes after it has been read."""
        promise: Promise = Promise()
        promise.do_resolve(1)
        assert promise.get() == 1
        promise.do_resolve(2)
        assert promise.get() == 2

    def test_published_turns_a_value_into_a_rejection(self):
        """So does the state."""
        promise: Promise = Promise()
        promise.do_resolve(1)
        promise.do_reject(OSError())
        assert promise.is_rejected

    def test_safe(self):
        """SafePromise stays as it was first settled."""
        promise: SafePromise = SafePromise()
        promise.do_resolve(1)
        promise.do_resolve(2)
        promise.do_reject(OSError())
        assert promise.is_fulfilled
        assert promise.get(0) == 1


class TestGetWithoutWaiting:
    def test_published_waits_for_ever(self):
        """get(0) of a pending promise takes 0 for no limit."""
        promise: Promise = Promise()
        waiter = Background(promise.get, 0)
        waiter._thread.join(0.3)
        assert waiter.running
        promise.do_resolve("at last")
        assert waiter.result() == "at last"

    def test_safe(self):
        """SafePromise raises TimeoutError at once."""
        with pytest.raises(TimeoutError):
            Background(SafePromise().get, 0).result()


class TestUnseenRejection:
    def test_published_is_silent(self, caplog, recwarn):
        """A rejection that nobody looks at leaves no trace, not even at the end of a done()."""
        gc.collect()
        caplog.clear()
        Promise.reject(OSError())
        Promise.resolve(1).then(lambda v: v / 0)
        Promise.resolve(1).done(lambda v: v / 0)
        gc.collect()
        assert not caplog.records
        assert not recwarn.list

    def test_safe(self, caplog):
        """SafePromise logs each of them."""
        gc.collect()
        caplog.clear()
        SafePromise.reject(OSError())
        SafePromise.resolve(1).then(lambda v: v / 0)
        SafePromise.resolve(1).done(lambda v: v / 0)
        gc.collect()
        assert len(caplog.records) == 3


class TestCallbackThatRaisesNoException:
    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
    def test_published_ends_the_threads_callbacks(self, error):
        """The exception vanishes, and no promise of that thread ever calls back again."""
        seen: list = []

        def fail(_):
            raise error

        def run():
            child = Promise.resolve(1).then(fail)
            Promise.resolve(2).then(seen.append)
            return child

        assert Background(run).result().is_pending
        assert seen == []

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
    def test_safe(self, error):
        """SafePromise rejects the next promise, lets the exception out and keeps going."""
        seen: list = []

        def fail(_):
            raise error

        def run():
            deferred: Deferred = Deferred()
            child = deferred.promise.then(fail)
            with pytest.raises(error):
                deferred.resolve(1)
            SafePromise.resolve(2).then(seen.append)
            return child

        assert isinstance(Background(run).result().reason, error)
        assert seen == [2]


class TestAll:
    def test_published_loses_a_member(self):
        """A member that is fulfilled with a false value meanwhile is waited for in vain."""
        member: Promise = Promise()
        gathered = Promise.all([settled_in_between(member, member.do_resolve, None)])
        assert member.is_fulfilled
        assert gathered.is_pending

    def test_published_raises(self):
        """With a true value, all() fails an assertion of the package."""
        member: Promise = Promise()
        with pytest.raises(AssertionError):
            Promise.all([settled_in_between(member, member.do_resolve, "value")])

    def test_published_counts_without_a_lock(self):
        """Two threads that count at the same time count one member.

        No switch falls there in CPython with its global lock, so that this is a fault of builds
        without that lock only.
        """
        both_have_read = threading.Barrier(2)
        reads = threading.local()

        class Interleaved(PromiseList):
            count = 0

            @property
            def _total_resolved(self):
                count = self.count
                if threading.current_thread() is not threading.main_thread() and not hasattr(
                    reads, "done"
                ):
                    reads.done = True
                    both_have_read.wait(10)
                return count

            @_total_resolved.setter
            def _total_resolved(self, count):
                self.count = count

        members: list[Promise] = [Promise(), Promise()]
        gathered = Interleaved(members, Promise).promise
        for settler in [Background(member.do_resolve, 1) for member in members]:
            settler.result()
        assert all(member.is_fulfilled for member in members)
        assert gathered.is_pending

    @staticmethod
    def settled_right_after(promise):
        """Have another thread settle ``promise`` right after the next registration."""
        register = promise._add_callbacks

        def then_settle(*registration):
            register(*registration)
            return Background(promise.do_resolve, "value").result()

        promise._add_callbacks = then_settle
        return promise

    @pytest.mark.parametrize("kind", [Promise, SafePromise])
    def test_published_overwrites_a_value(self, kind):
        """A member settled right after its registration is itself put in place of its value.

        That lies in the published ``all()``, whatever the members are.
        """
        member = kind()
        last: Promise = Promise()
        gathered = Promise.all([self.settled_right_after(member), last])
        last.do_resolve("last")
        assert gathered.get() == [member, "last"]

    @pytest.mark.parametrize("value", [None, "value"])
    def test_safe_member(self, value):
        """SafePromise.all waits for a member that is settled meanwhile and has its value."""
        member: SafePromise = SafePromise()
        last: SafePromise = SafePromise()
        gathered = SafePromise.all(
            [
                settled_in_between(member, member.do_resolve, value),
                self.settled_right_after(SafePromise()),
                last,
            ]
        )
        last.do_resolve("last")
        assert gathered.get(0) == [value, "value", "last"]

    @pytest.mark.parametrize("seed", range(5))
    def test_safe_counting(self, seed):
        """SafePromise.all is settled with every value when each member has a thread of its own."""
        members: list[Deferred] = [Deferred() for _ in range(4)]
        with held_up(seed, promises, trampoline):
            gathered = SafePromise.all([member.promise for member in members])
            settlers = [Background(member.resolve, i) for i, member in enumerate(members)]
            for settler in settlers:
                settler.result()
        assert gathered.get(0) == [0, 1, 2, 3]


class TestAwait:
    @staticmethod
    def awaited(promise, seconds):
        """The task that awaits ``promise``, after another thread has settled that.

        The event loop checks that it is called from its own thread only. It is not run to the end:
        the task of a plain promise cannot even be cancelled.
        """

        async def wait():
            return await promise

        async def main():
            waiting = asyncio.ensure_future(wait())
            await asyncio.sleep(0)
            Background(promise.do_resolve, "v").result()
            await asyncio.wait({waiting}, timeout=seconds)
            return waiting

        loop = asyncio.new_event_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 60.0  # it is not to complain of a slow machine
        try:
            return loop.run_until_complete(main())
        finally:
            loop.close()

    def test_published_does_not_wake_the_loop(self, caplog):
        """The loop is told from the wrong thread, the complaint vanishes, and the task hangs."""
        promise: Promise = Promise()
        assert not self.awaited(promise, 0.1).done()
        assert promise.is_fulfilled
        gc.collect()
        assert ["destroyed but it is pending" in r.message for r in caplog.records] == [True]

    def test_safe(self):
        """SafePromise wakes the loop in a way that other threads may use."""
        assert self.awaited(SafePromise(), 15).result() == "v"
