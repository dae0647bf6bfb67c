"""The end of the roles that have a thread: close(), in a callback, too late, or by an error."""

from __future__ import annotations

import threading

import pytest
from both_roles import Writer
from broker_in_memory import no_thread_of, threads_of
from provoking import Background, eventually

from sinetstream_sdk import threaded
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    SinetError,
)


class TestClose:
    def test_closes_on_the_roles_own_thread(self, role, broker):
        """The thread closes the synchronous role and has ended when close() returns."""
        role.open()
        (thread,) = threads_of(type(role))
        role.close()
        assert not thread.is_alive()
        assert broker.log[-1] == ("close", thread)

    def test_twice_and_unopened(self, role, broker):
        """close() again, or before open(), does nothing."""
        role.close()
        assert broker.log == []
        role.open()
        role.close()
        role.close()
        assert broker.count("close") == 1

    def test_by_many_threads(self, role, broker):
        """close() in many threads at once closes once, and each returns after the thread's end."""
        role.open()
        (thread,) = threads_of(type(role))

        def close():
            role.close()
            return thread.is_alive()

        closing = [Background(close) for _ in range(5)]
        assert [closer.result() for closer in closing] == [False] * 5
        assert broker.count("close") == 1

    def test_error_of_the_synchronous_role(self, role, broker, caplog):
        """What its close() raises is raised by close(), once, and only where somebody waits."""
        role.open()
        broker.close_error = OSError("cannot flush")
        with pytest.raises(OSError, match="cannot flush"):
            role.close()
        role.close()
        assert broker.count("close") == 1
        assert not caplog.records
        role.open()
        role.inside(role.close)
        eventually(lambda: caplog.records)

    def test_many_rounds(self, kind, broker):
        """100 rounds, closed outside or inside, leave no thread and nothing to do at exit."""
        before, running = threading.active_count(), set(threaded._running)
        for number in range(100):
            role = kind({"topic": "t", "broker": broker})
            role.open()
            if number % 2:
                role.close()
            else:
                role.inside(role.close)
                no_thread_of(kind)
        assert threading.active_count() <= before
        assert threaded._running <= running

    def test_while_another_thread_opens(self, kind, broker):
        """close() waits for an open() under way, then closes."""
        opening, go_on = threading.Event(), threading.Event()
        role = kind({"topic": "t", "broker": broker})
        open_it = role.wrapped.open

        def slow_open():
            opening.set()
            assert go_on.wait(10)
            open_it()

        role.wrapped.open = slow_open
        opener = Background(role.open)
        assert opening.wait(10)
        closer = Background(role.close)
        go_on.set()
        opener.result()
        closer.result()
        assert broker.count("open") == broker.count("close") == 1

    def test_gives_up_on_an_open_that_does_not_end(self, kind, broker):
        """close() does not wait for ever for an open() under way elsewhere."""
        opening, go_on = threading.Event(), threading.Event()

        class Impatient(kind):
            close_timeout_s = 0.05
            _grace_s = 0

        role = Impatient({"topic": "t", "broker": broker})

        def slow_open():
            opening.set()
            assert go_on.wait(10)

        role.wrapped.open = slow_open
        opener = Background(role.open)
        assert opening.wait(10)
        with pytest.raises(SinetError, match="in another thread"):
            role.close()
        go_on.set()
        opener.result()
        Background(role.close).result()


class TestCloseInsideACallback:
    def test_does_not_deadlock(self, role, broker):
        """It returns at once; the thread ends after the callback and closes what it worked."""
        outcome: list = []

        def close():
            outcome.append(role.close())
            outcome.append(broker.count("close"))

        role.open()
        (thread,) = threads_of(type(role))
        role.inside(close)
        eventually(lambda: not thread.is_alive())
        assert outcome == [None, 0]
        assert broker.log[-1] == ("close", thread)

    def test_the_next_close_waits(self, role, broker):
        """close() from elsewhere returns when the thread has ended."""
        closed, go_on = threading.Event(), threading.Event()

        def close():
            role.close()
            closed.set()
            assert go_on.wait(10)

        role.open()
        (thread,) = threads_of(type(role))
        role.inside(close)
        assert closed.wait(10)
        closer = Background(role.close)
        assert closer.running
        go_on.set()
        closer.result()
        assert not thread.is_alive()
        assert broker.count("close") == 1

    def test_the_next_open_waits(self, role, broker):
        """open() from elsewhere begins when the old thread has ended."""
        closed, go_on = threading.Event(), threading.Event()

        def close():
            role.close()
            closed.set()
            assert go_on.wait(10)

        role.open()
        role.inside(close)
        assert closed.wait(10)
        opener = Background(role.open)
        go_on.set()
        opener.result()
        calls = [what for what, _ in broker.log if what in ("open", "close")]
        assert calls == ["open", "close", "open"]
        assert len(threads_of(type(role))) == 1

    def test_open_inside_a_callback(self, role):
        """There, open() is refused at once: as open before close(), as impossible after it."""
        errors: list = []

        def reopen():
            for _ in range(2):
                try:
                    role.open()
                except SinetError as error:
                    errors.append(error)
                role.close()

        role.open()
        role.inside(reopen)
        eventually(lambda: len(errors) == 2)
        assert isinstance(errors[0], AlreadyConnectedError)
        assert not isinstance(errors[1], AlreadyConnectedError)
        assert "from another thread" in str(errors[1])

    def test_error_of_the_synchronous_role(self, role, broker, caplog):
        """Nobody is there to raise it to: it is logged, and the next close() is quiet."""
        broker.close_error = OSError("cannot flush")
        role.open()
        (thread,) = threads_of(type(role))
        role.inside(role.close)
        eventually(lambda: not thread.is_alive())
        (record,) = caplog.records
        assert "close() raised" in record.message
        assert record.exc_info[1] is broker.close_error
        role.close()


class TestDeadline:
    @pytest.fixture
    def kind(self, request, kind):
        return type("Impatient", (kind,), {"close_timeout_s": 0.1, "_grace_s": 0})

    def test_a_stuck_thread(self, role, broker):
        """close() and open() say where the thread stands, till it has recovered and ended."""
        stuck, go_on = threading.Event(), threading.Event()

        def never_ending_callback():
            stuck.set()
            assert go_on.wait(20)

        role.open()
        (thread,) = threads_of(type(role))
        role.inside(never_ending_callback)
        assert stuck.wait(10)
        with pytest.raises(SinetError, match="never_ending_callback"):
            role.close()
        with pytest.raises(SinetError, match="never_ending_callback"):
            role.close()
        with pytest.raises(SinetError, match="never_ending_callback"):
            role.open()
        assert broker.count("close") == 0
        go_on.set()
        eventually(lambda: not thread.is_alive())
        assert broker.count("close") == 1
        role.close()
        role.close_timeout_s = 20
        role.open()
        role.close()
        assert broker.count("close") == 2

    def test_an_error_on_closing_too_late(self, role, broker, caplog):
        """What the synchronous close() raises when nobody waits any more is logged."""
        stuck, go_on = threading.Event(), threading.Event()

        def callback():
            stuck.set()
            assert go_on.wait(20)

        role.open()
        (thread,) = threads_of(type(role))
        role.inside(callback)
        assert stuck.wait(10)
        with pytest.raises(SinetError):
            role.close()
        broker.close_error = OSError("cannot flush")
        go_on.set()
        eventually(lambda: not thread.is_alive())
        assert caplog.records[-1].exc_info[1] is broker.close_error
        role.close()


class TestBrokenThread:
    def test_a_thread_that_dies(self, kind, broker, monkeypatch):
        """If the thread ever ends by an error, the role is closed and settles what it has."""

        class Broken(kind):
            def _run(self):
                eventually(lambda: go_on)
                raise LookupError

        go_on: list = []
        seen: list = []
        monkeypatch.setattr(threading, "excepthook", seen.append)
        role = Broken({"topic": "t", "broker": broker})
        role.open()
        promise = role.publish(b"x") if kind is Writer else None
        go_on.append(1)
        no_thread_of(Broken)
        assert [args.exc_type for args in seen] == [LookupError]
        assert broker.count("close") == 1
        if promise is not None:
            with pytest.raises(ConnectionError):
                promise.get(0)
            with pytest.raises(ConnectionError):
                role.publish(b"y")
        role.close()
