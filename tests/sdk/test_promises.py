"""What one thread sees of a promise: settling, callbacks, chains, following and waiting."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from collections import deque
from concurrent.futures import CancelledError, Future
from itertools import pairwise

import pytest
from promise import Promise
from provoking import Background, eventually

from sinetstream_sdk import following
from sinetstream_sdk.promises import Deferred, SafePromise


def rejected(reason: BaseException) -> Deferred:
    deferred: Deferred = Deferred()
    deferred.reject(reason)
    return deferred


class TestSettling:
    def test_is_a_promise_of_the_published_package(self):
        """What a deferred hands out is a real promise.Promise."""
        assert isinstance(Deferred().promise, Promise)

    def test_fulfilled(self):
        """A fulfilled promise shows its value and its state."""
        deferred: Deferred[str] = Deferred()
        promise = deferred.promise
        assert (promise.is_pending, promise.is_fulfilled, promise.is_rejected) == (
            True,
            False,
            False,
        )
        assert promise.value is None
        assert deferred.resolve("v") is True
        assert (promise.is_pending, promise.is_fulfilled, promise.is_rejected) == (
            False,
            True,
            False,
        )
        assert promise.value == "v"
        assert promise.get(0) == "v"

    def test_rejected(self):
        """A rejected promise shows its reason and raises it from get()."""
        reason = ValueError("no")
        promise = rejected(reason).promise
        assert (promise.is_pending, promise.is_fulfilled, promise.is_rejected) == (
            False,
            False,
            True,
        )
        assert promise.reason is reason
        with pytest.raises(ValueError, match="no") as caught:
            promise.get()
        assert caught.value is reason

    @pytest.mark.parametrize("value", [None, 0, "", b"", "x", [], {}, Ellipsis])
    def test_any_value(self, value):
        """Values that are false are values like any other, for get() and for callbacks."""
        deferred: Deferred = Deferred()
        seen: list = []
        deferred.promise.then(seen.append)
        deferred.resolve(value)
        deferred.promise.then(seen.append)
        assert seen == [value, value]
        assert deferred.promise.get(0) == value

    @pytest.mark.parametrize("first", ["resolve", "reject"])
    @pytest.mark.parametrize("second", ["resolve", "reject"])
    def test_the_first_settlement_wins(self, first, second):
        """A second settlement changes nothing, calls nobody and returns False."""
        outcomes = {"resolve": 1, "reject": ValueError("1")}, {"resolve": 2, "reject": OSError("2")}
        deferred: Deferred = Deferred()
        seen: list = []
        deferred.promise.then(seen.append, seen.append)
        assert getattr(deferred, first)(outcomes[0][first]) is True
        assert getattr(deferred, second)(outcomes[1][second]) is False
        assert deferred.promise.value is outcomes[0][first]
        assert deferred.promise.is_fulfilled is (first == "resolve")
        assert seen == [outcomes[0][first]]

    @pytest.mark.parametrize("method", ["do_resolve", "fulfill", "_resolve_callback", "_fulfill"])
    def test_the_names_of_the_base_class_settle_once_too(self, method):
        """The base class's own ways of fulfilling obey the same rule."""
        promise: SafePromise = SafePromise()
        getattr(promise, method)(1)
        getattr(promise, method)(2)
        promise.do_reject(ValueError())
        promise._reject(ValueError())
        assert promise.get(0) == 1

    def test_reject_takes_exceptions_only(self):
        """Rejecting with something else is refused and leaves the promise pending."""
        deferred: Deferred = Deferred()
        with pytest.raises(TypeError, match="exception; a str was given"):
            deferred.reject("reason")  # type: ignore[arg-type]
        assert deferred.promise.is_pending
        assert deferred.resolve(1) is True

    def test_executor(self):
        """An executor settles as with the base class."""
        assert SafePromise(lambda resolve, reject: resolve(5)).get(0) == 5
        assert isinstance(SafePromise(lambda resolve, reject: reject(OSError())).reason, OSError)

    def test_executor_that_raises(self):
        """An executor that raises rejects, unless it has settled before."""

        def fails(resolve, reject):
            raise OSError

        def settles_and_fails(resolve, reject):
            resolve(1)
            raise OSError

        assert isinstance(SafePromise(fails).reason, OSError)
        assert SafePromise(settles_and_fails).get(0) == 1

    def test_class_methods(self):
        """resolve, cast, fulfilled, reject and rejected make promises of this class."""
        for make in (SafePromise.resolve, SafePromise.cast, SafePromise.fulfilled):
            promise = make(3)
            assert type(promise) is SafePromise
            assert promise.get(0) == 3
            assert make(promise) is promise
        for make in (SafePromise.reject, SafePromise.rejected):
            assert isinstance(make(OSError()).reason, OSError)

    def test_repr_shows_no_payload(self):
        """The representation tells the state and keeps the value to itself."""
        assert "fulfilled" in repr(SafePromise.resolve("secret"))
        assert "secret" not in repr(SafePromise.resolve("secret"))
        assert "pending" in repr(SafePromise())


class TestCallbacks:
    def test_then_passes_on_what_the_callback_returns(self):
        """The promise of then() has the callback's value, before and after settling."""
        deferred: Deferred[int] = Deferred()
        before = deferred.promise.then(lambda v: v + 1)
        assert before.is_pending
        deferred.resolve(1)
        assert before.get(0) == 2
        assert deferred.promise.then(lambda v: v + 2).get(0) == 3

    def test_outcomes_pass_through_where_there_is_no_callback(self):
        """Without a callback for it, value or reason passes to the next promise."""
        assert SafePromise.resolve(1).catch(lambda e: 0).get(0) == 1
        reason = OSError()
        assert SafePromise.reject(reason).then(lambda v: 0).reason is reason
        assert SafePromise.resolve(1).then(None, None).get(0) == 1

    def test_catch_mends(self):
        """What the callback of catch() returns is the next promise's value."""
        assert SafePromise.reject(OSError()).catch(lambda e: type(e)).get(0) is OSError

    @pytest.mark.parametrize("early", [True, False])
    def test_a_callback_that_raises_rejects_the_next_promise(self, early):
        """The exception becomes the reason, and get() shows where it came from."""

        def culprit(value):
            raise ZeroDivisionError

        deferred: Deferred = Deferred()
        if early:
            child = deferred.promise.then(culprit)
        deferred.resolve(1)
        if not early:
            child = deferred.promise.then(culprit)
        with pytest.raises(ZeroDivisionError) as caught:
            child.get(0)
        assert "culprit" in [entry.name for entry in caught.traceback]
        assert deferred.promise.get(0) == 1

    def test_a_callback_that_returns_a_promise(self):
        """The next promise follows the one that the callback returned."""
        inner: Deferred = Deferred()
        child = SafePromise.resolve(1).then(lambda _: inner.promise)
        assert child.is_pending
        inner.resolve("in")
        assert child.get(0) == "in"

    def test_order(self):
        """Callbacks run in the order of registration, those of then, catch and done alike."""
        deferred: Deferred = Deferred()
        seen: list = []
        deferred.promise.then(lambda _: seen.append(1))
        deferred.promise.done(lambda _: seen.append(2))
        deferred.promise.then(lambda _: deferred.promise.then(lambda _: seen.append(5)))
        deferred.promise.then_all([lambda _: seen.append(3)])
        deferred.promise.done_all([lambda _: seen.append(4)])
        deferred.resolve(0)
        assert seen == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("early", [True, False])
    def test_no_lock_is_held_meanwhile(self, early):
        """While a callback runs, other threads can do anything with its promise."""
        deferred: Deferred = Deferred()
        others: list = []

        def callback(_):
            for use in (
                lambda: deferred.promise.then(lambda v: v),
                lambda: deferred.promise.get(0),
                lambda: deferred.reject(OSError()),
            ):
                others.append(Background(use).result(5))

        if early:
            deferred.promise.then(callback)
        deferred.resolve("v")
        if not early:
            deferred.promise.then(callback)
        assert others[0].get(0) == "v"
        assert others[1:] == ["v", False]

    def test_each_thread_runs_the_callbacks_of_what_it_settles(self):
        """A callback that takes its time on one thread does not hold up other threads."""
        busy, free = Deferred[int](), Deferred[int]()
        ran_on: list = []

        def callback(_):
            settler = Background(lambda: (free.resolve(1), threading.get_ident())[1])
            assert settler.result(5) == ran_on[0]

        child = busy.promise.then(callback)
        free.promise.then(lambda _: ran_on.append(threading.get_ident()))
        busy.resolve(1)
        assert child.get(0) is None
        assert ran_on != [threading.get_ident()]

    def test_registered_when_delivery_ends(self):
        """A callback that another thread registers as delivery ends is not forgotten."""
        deferred: Deferred = Deferred()
        promise = deferred.promise
        seen: list = []
        others: list = []

        class Emptied(deque):
            def __bool__(self):
                empty = not len(self)
                if empty and not others:
                    others.append(Background(promise.then, seen.append))
                    others[0]._thread.join(0.1)  # it registers now if nothing keeps it from doing
                return not empty

        promise.then(lambda _: None)
        promise._registered = Emptied(promise._registered)
        deferred.resolve(1)
        others[0].result()
        assert seen == [1]

    def test_a_long_chain(self):
        """A chain of 10,000 then() neither overflows the stack nor loses a step."""
        deferred: Deferred[int] = Deferred()
        promise = deferred.promise
        for _ in range(10_000):
            promise = promise.then(lambda v: v + 1)
        deferred.resolve(0)
        assert promise.get(0) == 10_000

    def test_a_long_chain_of_followers(self):
        """10,000 promises that follow one another settle without overflowing the stack."""
        chain: list[Deferred] = [Deferred() for _ in range(10_000)]
        for follower, leader in pairwise(chain):
            follower.resolve(leader.promise)
        chain[-1].resolve("end")
        assert chain[0].promise.get(0) == "end"

    def test_a_long_chain_can_be_dropped(self):
        """A chain of 10,000 that is never settled goes away without overflowing the stack."""
        deferred: Deferred = Deferred()
        promise = deferred.promise
        for _ in range(10_000):
            promise = promise.then()
        del promise, deferred
        gc.collect()

    def test_get_inside_a_callback_runs_what_is_due(self):
        """A callback may get() a promise that a later callback of the same thread settles."""
        deferred: Deferred[int] = Deferred()
        got: list = []
        deferred.promise.then(lambda _: got.append(second.get(5)))
        second = deferred.promise.then(lambda v: v + 1)
        deferred.resolve(1)
        assert got == [2]

    def test_get_inside_a_callback_of_a_promise_settled_there(self):
        """The same for a promise that the callback itself settles, grandchildren included."""
        outer: Deferred = Deferred()
        got: list = []

        def callback(value):
            inner: Deferred = Deferred()
            grandchild = inner.promise.then(lambda v: v * 2).then(lambda v: v * 2)
            inner.resolve(value)
            got.append(grandchild.get(5))

        outer.promise.then(callback)
        outer.resolve(3)
        assert got == [12]

    def test_get_inside_a_callback_runs_nothing_it_need_not(self):
        """get() of a promise that is settled does not run other callbacks in between."""
        deferred: Deferred = Deferred()
        seen: list = []

        def callback(_):
            SafePromise.resolve(1).get(5)
            seen.append("first")

        deferred.promise.then(callback)
        deferred.promise.then(lambda _: seen.append("second"))
        deferred.resolve(0)
        assert seen == ["first", "second"]

    @pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
    def test_a_callback_that_interrupts(self, kind):
        """Others still run, the child is rejected, and the interruption reaches who settled."""

        def interrupt(_):
            raise kind

        deferred: Deferred = Deferred()
        seen: list = []
        child = deferred.promise.then(interrupt)
        deferred.promise.then(seen.append)
        with pytest.raises(kind):
            deferred.resolve(1)
        assert seen == [1]
        assert isinstance(child.reason, kind)
        SafePromise.resolve(2).then(seen.append)
        assert seen == [1, 2]


class TestFollowing:
    def test_resolving_with_a_pending_promise_decides(self):
        """Such a promise stays pending, cannot be settled otherwise, and ends as the other does."""
        first: Deferred = Deferred()
        second: Deferred = Deferred()
        assert first.resolve(second.promise) is True
        assert first.promise.is_pending
        assert first.resolve(1) is False
        assert first.reject(OSError()) is False
        second.resolve("second")
        assert first.promise.get(0) == "second"

    @pytest.mark.parametrize("settled", [True, False])
    @pytest.mark.parametrize("kind", [Promise, SafePromise])
    def test_following_a_promise(self, kind, settled):
        """Value and reason arrive, from a plain promise too, be it settled or not."""
        good, bad, reason = kind(), kind(), OSError()
        followers = [SafePromise.resolve(p) for p in (good, bad)] if not settled else []
        good.do_resolve("v")
        bad.do_reject(reason)
        followers = followers or [SafePromise.resolve(p) for p in (good, bad)]
        assert followers[0].get(0) == "v"
        assert followers[1].reason is reason
        if kind is SafePromise:
            assert followers == [good, bad]

    def test_following_a_plain_promise_that_follows(self):
        """A plain promise that follows another, even one of ours, is followed to its end."""
        inner: Deferred = Deferred()
        plain: Promise = Promise()
        plain.do_resolve(inner.promise)
        follower = SafePromise.resolve(plain)
        inner.resolve(1)
        assert follower.get(0) == 1

    @pytest.mark.parametrize("value", [None, 0, "x"])
    @pytest.mark.parametrize("how", ["_fulfill", "_reject", "_resolve_callback"])
    def test_following_a_plain_promise_that_settles_at_that_moment(self, value, how):
        """A plain promise that settles between our look and our registration loses nothing."""
        outcome = ValueError(value) if how == "_reject" else value
        if how == "_resolve_callback":
            outcome = Promise.resolve(value)

        def settle_in_between(*args):
            getattr(plain, how)(outcome)
            return Promise._add_callbacks(plain, *args)

        plain: Promise = Promise()
        plain._add_callbacks = settle_in_between  # type: ignore[method-assign]
        follower = SafePromise.resolve(plain)
        assert not follower.is_pending
        assert follower.value == (outcome if how == "_reject" else value)

    def test_following_a_plain_promise_that_begins_to_follow_at_that_moment(self):
        """A plain promise that begins to follow another at that moment is followed there."""
        inner: Promise = Promise()
        plain: Promise = Promise()

        def follow_in_between(*args):
            plain.do_resolve(inner)
            return Promise._add_callbacks(plain, *args)

        plain._add_callbacks = follow_in_between  # type: ignore[method-assign]
        follower = SafePromise.resolve(plain)
        assert follower.is_pending
        inner.do_resolve("in")
        assert follower.get(0) == "in"

    def test_following_a_plain_promise_that_settles_right_after_registration(self):
        """Told of the outcome by another thread, and seeing it itself, it settles once."""
        plain: Promise = Promise()
        deferred: Deferred = Deferred()
        seen: list = []
        began, resolved = threading.Event(), threading.Event()

        def first(_):
            seen.append("first begins")
            began.set()
            assert resolved.wait(10)
            seen.append("first ends")

        def settled_right_after(*registration):
            Promise._add_callbacks(plain, *registration)
            settling.append(Background(plain.do_resolve, 1))
            assert began.wait(10)

        settling: list = []
        deferred.promise.then(first)
        deferred.promise.then(lambda _: seen.append("second"))
        plain._add_callbacks = settled_right_after  # type: ignore[method-assign]
        deferred.resolve(plain)
        resolved.set()
        settling[0].result()
        assert seen == ["first begins", "first ends", "second"]

    def test_following_itself(self):
        """A promise resolved with itself, at once or by a detour, is rejected."""
        one: Deferred = Deferred()
        one.resolve(one.promise)
        assert isinstance(one.promise.reason, TypeError)
        first: Deferred = Deferred()
        second: Deferred = Deferred()
        first.resolve(second.promise)
        second.resolve(first.promise)
        assert isinstance(first.promise.reason, TypeError)
        child = SafePromise.resolve(1).then(lambda _: None)
        deferred: Deferred = Deferred()
        child = deferred.promise.then(lambda _: child)
        deferred.resolve(1)
        assert isinstance(child.reason, TypeError)

    def test_following_a_future(self):
        """A future's result, exception and cancellation arrive, done already or not."""
        for settled in (True, False):
            futures: list[Future] = [Future() for _ in range(3)]
            followers = [] if settled else [SafePromise.resolve(f) for f in futures]
            futures[0].set_result("r")
            futures[1].set_exception(OSError())
            futures[2].cancel()
            followers = followers or [SafePromise.resolve(f) for f in futures]
            assert followers[0].get(0) == "r"
            assert isinstance(followers[1].reason, OSError)
            assert isinstance(followers[2].reason, CancelledError)

    def test_following_a_future_of_a_promise(self):
        """A future whose result is a promise is followed through."""
        future: Future = Future()
        inner: Deferred = Deferred()
        follower = SafePromise.resolve(future)
        future.set_result(inner.promise)
        assert follower.is_pending
        inner.resolve(1)
        assert follower.get(0) == 1

    def test_following_a_future_of_another_threads_event_loop(self):
        """A future of an event loop that runs elsewhere wakes that loop and arrives."""
        loop = asyncio.new_event_loop()
        runner = Background(loop.run_forever)
        try:
            future = loop.create_future()
            follower = SafePromise.resolve(future)
            loop.call_soon_threadsafe(future.set_result, "from the loop")
            assert follower.get(5) == "from the loop"
        finally:
            loop.call_soon_threadsafe(loop.stop)
            runner.result()
            loop.close()

    def test_following_a_future_of_a_closed_event_loop(self):
        """Nobody will ever settle that future, so the promise is rejected."""
        loop = asyncio.new_event_loop()
        future = loop.create_future()
        loop.close()
        with pytest.raises(RuntimeError, match="closed"):
            SafePromise.resolve(future).get(0)

    def test_following_a_settled_future_of_a_closed_event_loop(self):
        """A future that is done needs no event loop any more."""
        loop = asyncio.new_event_loop()
        future = loop.create_future()
        future.set_result("v")
        loop.close()
        assert SafePromise.resolve(future).get(0) == "v"

    def test_following_a_task_that_is_cancelled(self):
        """The cancellation of a task is the reason, although it is no Exception."""

        async def main():
            task = asyncio.ensure_future(asyncio.sleep(60))
            promise = SafePromise.resolve(task)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(0)
            return promise

        assert isinstance(asyncio.run(main()).reason, asyncio.CancelledError)

    def test_following_keeps_a_coroutine_alive(self):
        """The task of a coroutine lives as long as it runs, though nobody else holds it."""

        async def wait():
            await asyncio.get_running_loop().create_future()

        async def main():
            promise = SafePromise.resolve(wait())
            await asyncio.sleep(0)
            gc.collect()
            (task,) = asyncio.all_tasks() - {asyncio.current_task()}
            assert task in following._tasks
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(0)
            return promise

        assert asyncio.run(main()).is_rejected
        assert not following._tasks

    def test_following_a_coroutine(self):
        """A coroutine runs as a task of the running loop."""

        async def answer():
            await asyncio.sleep(0)
            return 42

        async def main():
            promise = SafePromise.resolve(answer())
            gc.collect()
            return await asyncio.wait_for(promise.future, 5)

        assert asyncio.run(main()) == 42

    def test_following_a_coroutine_without_a_loop(self):
        """A coroutine that nothing can run rejects the promise, and is closed."""

        async def answer():
            return 42

        with pytest.raises(RuntimeError, match="no running event loop"):
            SafePromise.resolve(answer()).get(0)
        gc.collect()


class TestWithThePublishedPackage:
    def test_all_of_the_published_package(self):
        """Promise.all takes our promises, settled and pending ones, together with its own."""
        ours: list[Deferred] = [Deferred() for _ in range(3)]
        ours[0].resolve(0)
        plain: Promise = Promise()
        gathered = Promise.all([d.promise for d in ours] + [plain, "value"])
        ours[2].resolve(2)
        plain.do_resolve(3)
        assert gathered.is_pending
        ours[1].resolve(1)
        assert gathered.get(1) == [0, 1, 2, 3, "value"]

    @pytest.mark.parametrize("settled", [True, False])
    def test_all_of_the_published_package_rejects(self, settled):
        """Promise.all is rejected with our reason."""
        ours: Deferred = Deferred()
        if settled:
            ours.reject(OSError())
        gathered = Promise.all([ours.promise, Promise()])
        ours.reject(OSError())
        assert isinstance(gathered.reason, OSError)

    def test_all_of_a_promise_for_a_list(self):
        """Promise.all of our promise for a list waits for that list."""
        ours: Deferred = Deferred()
        gathered = Promise.all(ours.promise)
        ours.resolve([1, Promise.resolve(2)])
        assert gathered.get(1) == [1, 2]

    @pytest.mark.parametrize("settled", [True, False])
    def test_a_plain_promise_follows_ours(self, settled):
        """A plain promise resolved with ours takes its outcome, and so do its callbacks."""
        for end in ("resolve", "reject"):
            outcome = "v" if end == "resolve" else OSError()
            ours: Deferred = Deferred()
            plain: Promise = Promise()
            seen: list = []
            plain.then(seen.append, seen.append)
            if settled:
                getattr(ours, end)(outcome)
            plain.do_resolve(ours.promise)
            plain.then(seen.append, seen.append)
            getattr(ours, end)(outcome)
            after = plain.then(lambda v: [v], lambda e: [e])
            assert seen == [outcome, outcome]
            assert plain.value is outcome
            assert after.get(1) == [outcome]

    def test_a_plain_chain_returns_ours(self):
        """A callback of a plain promise may return one of ours."""
        ours: Deferred = Deferred()
        chain = Promise.resolve(1).then(lambda _: ours.promise).then(lambda v: v + 1)
        ours.resolve(1)
        assert chain.get(1) == 2

    def test_what_the_host_does(self):
        """The host chains a catch() that raises again; the user sees the reason and can mend."""

        def raise_again(error):
            raise error

        deferred: Deferred = Deferred()
        users = deferred.promise.catch(raise_again)
        reason = OSError("not sent")
        deferred.reject(reason)
        assert users.catch(lambda e: e).get(0) is reason

    def test_waiting_by_the_base_class(self):
        """Promise.wait takes ours, and ours takes theirs."""
        deferred: Deferred = Deferred()
        waiter = Background(Promise.wait, deferred.promise, 10)
        deferred.resolve(1)
        waiter.result()
        SafePromise.wait(Promise.resolve(1), 1)
        with pytest.raises(TimeoutError):
            SafePromise.wait(SafePromise(), 0)

    def test_the_other_helpers(self):
        """for_dict and promisify make promises of our class."""
        deferred: Deferred = Deferred()
        gathered = SafePromise.for_dict({"a": deferred.promise, "b": 2})
        deferred.resolve(1)
        assert gathered.get(0) == {"a": 1, "b": 2}
        made = SafePromise.promisify(lambda x: x + 1)(1)
        assert isinstance(made, SafePromise)
        assert made.get(0) == 2


class TestAll:
    def test_values_in_order(self):
        """The list has the values in the order given, whatever the order of settling."""
        deferreds: list[Deferred] = [Deferred() for _ in range(4)]
        gathered = SafePromise.all(d.promise for d in deferreds)
        for index in (2, 0, 3, 1):
            assert gathered.is_pending
            deferreds[index].resolve(index)
        assert gathered.get(0) == [0, 1, 2, 3]

    def test_nothing_to_wait_for(self):
        """An empty iterable and plain values are fine."""
        assert SafePromise.all([]).get(0) == []
        given = [1, Promise.resolve(2)]
        assert SafePromise.all(given).get(0) == [1, 2]
        assert isinstance(given[1], Promise)

    def test_the_first_rejection(self):
        """The first rejection decides; what comes after it is ignored."""
        deferreds: list[Deferred] = [Deferred() for _ in range(3)]
        gathered = SafePromise.all([d.promise for d in deferreds])
        reason = OSError("first")
        deferreds[1].reject(reason)
        deferreds[0].reject(OSError("second"))
        deferreds[2].resolve(1)
        assert gathered.reason is reason

    def test_a_promise_for_a_list(self):
        """A promise for a list of promises will do."""
        inner: Deferred = Deferred()
        outer: Deferred = Deferred()
        gathered = SafePromise.all(outer.promise)
        outer.resolve([inner.promise, 2])
        inner.resolve(1)
        assert gathered.get(0) == [1, 2]

    def test_not_iterable(self):
        """Anything else rejects, and says what came."""
        with pytest.raises(TypeError, match="not a int"):
            SafePromise.all(5).get(0)


class TestWaiting:
    @pytest.mark.parametrize("timeout", [0, -1, 0.01])
    def test_get_of_a_pending_promise_times_out(self, timeout):
        """get() raises TimeoutError, at once for 0, and the promise can still be settled."""
        deferred: Deferred = Deferred()
        waiter = Background(deferred.promise.get, timeout)
        with pytest.raises(TimeoutError, match=f"after {timeout} s"):
            waiter.result()
        deferred.resolve(1)
        assert deferred.promise.get(timeout) == 1

    @pytest.mark.parametrize("timeout", [None, float("inf"), 1e12, 15])
    def test_get_is_woken(self, timeout):
        """get() of any length returns once another thread settles."""
        deferred: Deferred = Deferred()
        waiters = [Background(deferred.promise.get, timeout) for _ in range(3)]
        deferred.resolve("v")
        assert [waiter.result() for waiter in waiters] == ["v"] * 3

    def test_get_raises_the_same_each_time(self):
        """get() again raises the same reason, whose traceback does not grow."""

        def depth() -> int:
            with pytest.raises(OSError, match="once") as caught:
                promise.get(0)
            return len(caught.traceback)

        promise = rejected(OSError("once")).promise
        assert depth() == depth() == depth()

    def test_a_rejected_promise_is_free_of_cycles(self):
        """Reference counting alone frees a promise whose reason was raised and caught."""
        promise = SafePromise.resolve(1).then(lambda v: v / 0)
        gone: list = []
        promise.then(None, lambda e: gone.append(threading.get_ident()))
        with pytest.raises(ZeroDivisionError):
            promise.get(0)

        alive = weakref.ref(promise)
        gc.disable()
        try:
            del promise
            assert alive() is None
        finally:
            gc.enable()


class TestAsyncio:
    def test_await_while_another_thread_settles(self):
        """A loop in debug mode, which refuses calls from other threads, is woken as it should."""
        deferred: Deferred = Deferred()

        async def main():
            waiting = asyncio.ensure_future(self._await(deferred.promise))
            await asyncio.sleep(0)
            Background(deferred.resolve, "v").result()
            return await waiting

        assert Background(lambda: asyncio.run(main(), debug=True)).result() == "v"

    async def _await(self, promise):
        return await promise

    def test_await_of_settled_ones(self):
        """Await of a settled promise gives the value or raises the reason."""
        assert asyncio.run(self._await(SafePromise.resolve(1))) == 1
        with pytest.raises(OSError, match="no"):
            asyncio.run(self._await(rejected(OSError("no")).promise))

    def test_await_of_a_rejection_from_another_thread(self):
        """Await raises the reason with which another thread rejects."""
        deferred: Deferred = Deferred()

        async def main():
            asyncio.get_running_loop().call_soon(Background, deferred.reject, OSError("late"))
            return await deferred.promise

        with pytest.raises(OSError, match="late"):
            Background(asyncio.run, main()).result()

    def test_awaited_by_several_loops(self):
        """Each thread may await the same promise in its own event loop, more than once."""
        deferred: Deferred = Deferred()

        async def main():
            return [await asyncio.gather(*(self._await(deferred.promise) for _ in range(2)))]

        waiters = [Background(asyncio.run, main()) for _ in range(3)]
        deferred.resolve("v")
        assert [waiter.result() for waiter in waiters] == [[["v", "v"]]] * 3

    def test_await_that_is_cancelled(self, caplog):
        """An await that timed out spoils neither the promise nor a later await."""
        deferred: Deferred = Deferred()

        async def main():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(self._await(deferred.promise), 0.01)
            deferred.resolve("v")
            await asyncio.sleep(0)
            return await deferred.promise

        assert asyncio.run(main()) == "v"
        assert not caplog.records

    def test_future(self):
        """promise.future is a future of the running loop, for value and reason."""
        deferreds: list[Deferred] = [Deferred(), Deferred()]

        async def main():
            futures = [d.promise.future for d in deferreds]
            settler = Background(lambda: (deferreds[0].resolve(1), deferreds[1].reject(OSError())))
            outcome = await asyncio.gather(*futures, return_exceptions=True)
            settler.result()
            return outcome

        value, reason = asyncio.run(main())
        assert value == 1
        assert isinstance(reason, OSError)

    def test_future_with_a_reason_that_futures_refuse(self):
        """StopIteration, which no future takes, does not leave the awaiting task hanging."""

        async def main():
            return await asyncio.wait_for(rejected(StopIteration()).promise.future, 10)

        with pytest.raises((TypeError, RuntimeError), match="StopIteration"):
            asyncio.run(main())

    def test_future_without_a_loop(self):
        """Without an event loop there is no future."""
        with pytest.raises(RuntimeError, match="no running event loop"):
            _ = SafePromise().future

    def test_settling_after_the_loop_is_gone(self, caplog):
        """Settling a promise whose awaiting loop has closed disturbs nobody."""
        deferred: Deferred = Deferred()

        async def main():
            return deferred.promise.future

        asyncio.run(main())
        deferred.resolve(1)
        assert not caplog.records


class TestUnseenRejections:
    @pytest.fixture
    def errors(self, caplog):
        """The errors logged so far, garbage collected first."""
        caplog.set_level(logging.ERROR, "sinetstream_sdk.promises")

        def collect():
            gc.collect()
            return [record for record in caplog.records if record.levelno == logging.ERROR]

        return collect

    def test_logged_once(self, errors):
        """A rejection that nobody looked at is logged once, with its reason, by this module."""
        reason = OSError("unseen")
        rejected(reason)
        (record,) = errors()
        assert record.name == "sinetstream_sdk.promises"
        assert record.exc_info[1] is reason
        assert len(errors()) == 1

    def test_logged_at_once(self, caplog):
        """No garbage collection is needed for the end of a chain to be logged."""
        gc.disable()
        try:
            SafePromise.resolve(1).then(lambda v: v / 0)
            assert len(caplog.records) == 1
        finally:
            gc.enable()

    @pytest.mark.parametrize(
        "look",
        [
            lambda p: p.reason,
            lambda p: p.value,
            lambda p: p.catch(lambda e: None),
            lambda p: p.then(None, lambda e: None),
            lambda p: p.done(None, lambda e: None),
            lambda p: SafePromise.all([p]).catch(lambda e: None),
            lambda p: Promise.all([p]),
            lambda p: Promise.resolve(1).then(lambda _: p),
            lambda p: Background(p.get),
        ],
    )
    def test_not_logged_when_seen(self, errors, look):
        """Whoever takes the reason, or asks for it, has seen it."""
        look(rejected(OSError()).promise)
        assert errors() == []

    @pytest.mark.parametrize("early", [True, False])
    def test_the_end_of_the_chain_is_logged(self, errors, early):
        """In a chain only the last promise is at fault, and only once."""
        deferred: Deferred = Deferred()
        if not early:
            deferred.reject(OSError())
        end = deferred.promise.then(lambda v: v).then(lambda v: v)
        if early:
            deferred.reject(OSError())
        del end, deferred
        assert len(errors()) == 1

    def test_done_is_the_end(self, errors):
        """done() logs what its callback raises, and a rejection that it has no callback for."""
        SafePromise.resolve(1).done(lambda v: v / 0)
        assert len(errors()) == 1
        SafePromise.reject(OSError()).done(print)
        assert len(errors()) == 2

    def test_nothing_else_is_logged(self, errors):
        """Pending and fulfilled promises, and rejections that came too late, go in silence."""
        pending: Deferred = Deferred()
        fulfilled: Deferred = Deferred()
        fulfilled.resolve(1)
        fulfilled.reject(OSError())
        del pending, fulfilled
        assert errors() == []

    def test_a_callback_without_a_promise(self, errors):
        """What a callback raises that no promise stands for is logged, and others run."""
        promise: SafePromise = SafePromise()
        seen: list = []
        promise._add_callbacks(lambda v: v / 0, None, None)
        promise.then(seen.append)
        promise.do_resolve(1)
        assert seen == [1]
        assert [record.exc_info[0] for record in errors()] == [ZeroDivisionError]


def test_the_module_starts_no_thread():
    """Promises get by without threads of their own."""
    before = threading.active_count()
    SafePromise.resolve(1).then(lambda v: v).get(1)
    assert eventually(lambda: threading.active_count() <= before)
