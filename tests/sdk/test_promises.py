"""What one thread sees of a promise: settling, callbacks, chains and waiting."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import deque
from itertools import pairwise

import pytest
from promise import Promise
from provoking import Background, eventually

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


def test_the_module_starts_no_thread():
    """Promises get by without threads of their own."""
    before = threading.active_count()
    SafePromise.resolve(1).then(lambda v: v).get(1)
    assert eventually(lambda: threading.active_count() <= before)
