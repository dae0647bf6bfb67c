"""Constructing and opening the roles that have a thread, and what they pass through."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import pytest
from both_roles import Reader, Writer
from broker_in_memory import ListReader, ListWriter, threads_of
from provoking import Background

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
        from both_roles import {kind}
        from broker_in_memory import Broker

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
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = ["open", "publish", "close"] if kind == "Writer" else ["open", "close"]
    assert run.stdout.split() == expected
    assert run.stderr.count("OSError: cannot flush") == 2
