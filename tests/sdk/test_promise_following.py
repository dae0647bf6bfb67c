"""SafePromise and others: following promises and futures, the published package, all()."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import CancelledError, Future

import pytest
from promise import Promise
from provoking import Background

from sinetstream_sdk import following
from sinetstream_sdk.promises import Deferred, SafePromise


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
