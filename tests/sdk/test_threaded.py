"""The life cycle that the polling reader and the publishing writer share."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from broker_in_memory import Broker, ListReader, ListWriter, no_thread_of, threads_of
from provoking import Background, eventually

from sinetstream_sdk import polling, publishing, threaded
from sinetstream_sdk.configversion import ConfVer, infer_version
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
    SinetError,
)
from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter
from sinetstream_sdk.spi import PluginAsyncMessageReader, PluginAsyncMessageWriter


class Reader(PollingAsyncReader):
    reader_class = ListReader
    poll_ms = 20

    def inside(self, action):
        """Have ``action`` run inside a callback."""
        self.on_message = lambda *_: action()
        self.wrapped.broker.put(b"x")


class Writer(PublishingAsyncWriter):
    writer_class = ListWriter

    def inside(self, action):
        """Have ``action`` run inside a callback on the thread of the writer."""
        broker = self.wrapped.broker
        broker.let_pass.clear()
        self.publish(b"x").done(lambda _: action())
        broker.let_pass.set()


@pytest.fixture(autouse=True)
def no_idle_wakeups(monkeypatch):
    """Let threads sleep for ever when they have nothing to do, so that they have to be woken."""
    monkeypatch.setattr(polling, "IDLE_S", 3600)
    monkeypatch.setattr(publishing, "IDLE_S", 3600)


@pytest.fixture(params=[Reader, Writer])
def kind(request):
    yield request.param
    no_thread_of(request.param)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def role(kind, broker):
    """One that is closed by the end of the test."""
    role = kind({"topic": "t", "broker": broker})
    yield role
    broker.let_pass.set()
    broker.close_error = None
    role.close()


class TestConstructor:
    def test_is_an_asynchronous_role(self):
        """The building blocks are the asynchronous roles of the SPI."""
        assert issubclass(Reader, PluginAsyncMessageReader)
        assert issubclass(Writer, PluginAsyncMessageWriter)

    def test_both_forms_are_passed_on(self, kind, broker):
        """The synchronous role is built in the form that the caller used."""
        calls: list = []
        base = {Reader: ListReader, Writer: ListWriter}[kind]

        class Recording(base):
            def __init__(self, *args):
                calls.append(args)
                super().__init__(*args)

        attribute = "reader_class" if kind is Reader else "writer_class"
        derived = type("Derived", (kind,), {attribute: Recording})
        params = {"topic": "t", "broker": broker}
        version = infer_version(params)
        derived(params)
        derived(version, params)
        derived(confver=version, params=params)
        assert [len(call) for call in calls] == [1, 2, 2]
        assert all(isinstance(call[0], ConfVer) for call in calls[1:])
        assert all(call[-1].items() >= params.items() for call in calls)
        assert params == {"topic": "t", "broker": broker}
        assert all(call[-1] is not params for call in calls)

    def test_wrong_parameters_are_refused(self, kind, broker):
        """What the synchronous role refuses is refused in the constructor."""
        with pytest.raises(InvalidArgumentError, match="topic"):
            kind({"broker": broker})

    def test_does_not_connect(self, role, broker):
        """Nothing is opened and no thread started before open()."""
        assert broker.log == []
        assert threads_of(type(role)) == []

    @pytest.mark.parametrize(
        ("base", "attribute"),
        [(PollingAsyncReader, "reader_class"), (PublishingAsyncWriter, "writer_class")],
    )
    def test_without_the_synchronous_class(self, base, attribute):
        """A derived class that forgets its synchronous class is told so by name."""
        forgetful = type("Forgetful", (base,), {})
        with pytest.raises(TypeError, match=f"Forgetful must set {attribute}"):
            forgetful({"topic": "t"})


class TestOpen:
    def test_opens_in_the_callers_thread(self, role, broker):
        """open() opens the synchronous role itself, then starts one daemon thread with a name."""
        role.open()
        assert broker.log[0] == ("open", threading.current_thread())
        (thread,) = threads_of(type(role))
        assert thread.daemon

    def test_unreachable(self, role, broker):
        """What open() of the synchronous role raises passes through, and nothing is left."""
        broker.down = True
        with pytest.raises(ConnectionError, match="down"):
            role.open()
        assert threads_of(type(role)) == []
        role.close()
        broker.down = False
        role.open()
        assert len(threads_of(type(role))) == 1

    def test_twice(self, role, broker):
        """A second open() is refused and changes nothing."""
        role.open()
        with pytest.raises(AlreadyConnectedError, match="close"):
            role.open()
        assert broker.count("open") == 1
        assert len(threads_of(type(role))) == 1

    def test_by_many_threads(self, role, broker):
        """Of open() in many threads one succeeds."""

        def outcome():
            try:
                return role.open()
            except AlreadyConnectedError:
                return "refused"

        outcomes = [thread.result() for thread in [Background(outcome) for _ in range(5)]]
        assert sorted(outcomes, key=str) == [None] + ["refused"] * 4
        assert broker.count("open") == 1

    def test_without_a_thread_to_be_had(self, role, broker, monkeypatch):
        """Where no thread can be started, the synchronous role is closed again."""

        def refuse(self):
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(SinetError, match="cannot start its thread"):
                role.open()
        assert [what for what, _ in broker.log] == ["open", "close"]
        role.open()

    def test_again_after_close(self, role, broker):
        """open() after close() opens the same synchronous role again, with a new thread."""
        synchronous = role.wrapped
        for _ in range(3):
            role.open()
            role.close()
        assert broker.count("open") == broker.count("close") == 3
        assert role.wrapped is synchronous


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


class TestPassedThrough:
    def test_metrics(self, role, broker):
        """metrics(), reset_metrics() and info() are those of the synchronous role, at any time."""
        for change in (lambda: None, role.open, role.close):
            change()
            assert role.metrics() == {"published": 0}
            assert role.info("a.b", {}) == ("a.b", {})
            role.reset_metrics()
        assert broker.count("reset") == 3

    def test_a_role_without_them(self, broker):
        """A synchronous writer that inherits from nothing has no need of reset_metrics and info."""

        class Bare:
            def __init__(self, params): ...
            def open(self): ...
            def close(self): ...
            def publish(self, message): ...
            def metrics(self):
                return None

        class BareAsync(PublishingAsyncWriter):
            writer_class = Bare  # type: ignore[assignment]

        role = BareAsync({"topic": "t"})
        role.reset_metrics()
        assert role.metrics() is None
        assert role.info("a", {}) is None


@pytest.mark.parametrize("kind", ["Reader", "Writer"])
def test_closed_at_exit(kind):
    """A process that ends without close() closes all its roles, and tells of what that raises."""
    program = f"""
        from test_threaded import {kind}, Broker

        class Loud(Broker):
            def note(self, what):
                print(what, flush=True) if what in ("open", "publish", "close") else None

        broken = Broker()
        broken.close_error = OSError("cannot flush")
        roles = [{kind}({{"topic": "t", "broker": broker}}) for broker in (broken, Loud(), broken)]
        for role in roles:
            role.open()
        if "{kind}" == "Writer":
            roles[1].publish(b"late")
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = ["open", "publish", "close"] if kind == "Writer" else ["open", "close"]
    assert run.stdout.split() == expected
    assert run.stderr.count("OSError: cannot flush") == 2
