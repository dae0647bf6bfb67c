"""Delivery by the polling reader: order, changing callbacks and closing."""

from __future__ import annotations

import logging
import math
import threading
import time

import pytest
from broker_in_memory import ListReader, no_thread_of, threads_of
from polling_reader import Reader
from provoking import DEADLINE_S, Background, eventually, held_up

from sinetstream_sdk import polling, threaded
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.polling import PollingAsyncReader


class TestParameters:
    def test_polls(self, reader):
        """The synchronous reader waits for poll_ms, whatever the user's receive_timeout_ms is."""
        assert reader.wrapped.params.receive_timeout_ms() == 20
        broker = reader.wrapped.broker
        params = {"topic": "t", "broker": broker, "receive_timeout_ms": math.inf, "other": 1}
        wrapped = Reader(params).wrapped
        assert dict(wrapped.params) == {**params, "receive_timeout_ms": 20}
        assert params["receive_timeout_ms"] == math.inf

    @pytest.mark.parametrize("wrong", [-1, math.nan, "1", [1]])
    def test_a_wrong_receive_timeout_is_refused(self, broker, wrong):
        """The user's receive_timeout_ms is checked although it is not used."""
        with pytest.raises(InvalidArgumentError, match="receive_timeout_ms"):
            Reader({"topic": "t", "broker": broker, "receive_timeout_ms": wrong})


class TestDelivery:
    def test_three_values_in_order_on_one_thread(self, reader, broker):
        """Each message comes with its topic and raw message, in order, on the reader's thread."""
        seen: list = []
        reader.on_message = lambda *args: seen.append((*args, threading.current_thread()))
        reader.open()
        (thread,) = threads_of(Reader)
        messages = [b"%d" % i for i in range(50)]
        broker.put(*messages)
        eventually(lambda: len(seen) == 50)
        assert seen == [(m, "t", ("raw", m), thread) for m in messages]

    def test_messages_after_a_pause(self, reader, broker):
        """The reader goes on after polls that brought nothing."""
        seen: list = []
        reader.on_message = lambda payload, *_: seen.append(payload)
        reader.open()
        eventually(lambda: broker.count("iter") >= 3)
        broker.put(b"1")
        eventually(lambda: seen == [b"1"])

    def test_open_does_not_wait_for_a_message(self, reader):
        """open() returns while there is nothing to read."""
        reader.on_message = print
        Background(reader.open).result()

    def test_callbacks_can_be_read_back(self, reader):
        """on_message and on_failure are None at first and then what was set."""
        assert (reader.on_message, reader.on_failure) == (None, None)
        reader.on_message, reader.on_failure = print, repr
        assert (reader.on_message, reader.on_failure) == (print, repr)
        reader.on_message = reader.on_failure = None
        assert (reader.on_message, reader.on_failure) == (None, None)

    @pytest.mark.parametrize("name", ["on_message", "on_failure"])
    def test_a_callback_is_a_function(self, reader, name):
        """Anything that cannot be called is refused, and the old callback stays."""
        setattr(reader, name, print)
        with pytest.raises(InvalidArgumentError, match=f"Reader.{name} must be a function"):
            setattr(reader, name, "print")
        assert getattr(reader, name) is print

    def test_set_after_open(self, reader, broker):
        """Without on_message nothing is fetched; once it is set, everything comes."""
        broker.put(b"1", b"2")
        reader.open()
        time.sleep(0.1)  # time enough for a reader that polls to do so
        assert broker.count("next") == 0
        seen: list = []
        reader.on_message = lambda payload, *_: seen.append(payload)
        eventually(lambda: seen == [b"1", b"2"])

    def test_changed_while_a_callback_runs(self, reader, broker):
        """The new callback gets the next message, the old one none any more."""
        old: list = []
        new: list = []

        def first(payload, *_):
            old.append(payload)
            reader.on_message = lambda payload, *_: new.append(payload)

        reader.on_message = first
        broker.put(b"1", b"2", b"3")
        reader.open()
        eventually(lambda: new == [b"2", b"3"])
        assert old == [b"1"]

    def test_removed_while_a_message_is_fetched(self, reader, broker, caplog):
        """That message waits for the next on_message, before those that come later."""
        seen: list = []
        reader.on_message = print
        broker.let_pass.clear()
        broker.put(b"1", b"2")
        reader.open()
        assert broker.held_up.wait(10)
        reader.on_message = None
        broker.let_pass.set()
        eventually(lambda: reader._held)
        reader.on_message = lambda payload, *_: seen.append(payload)
        eventually(lambda: seen == [b"1", b"2"])
        assert not caplog.records

    def test_removed_and_closed_while_a_message_is_fetched(self, reader, broker, caplog):
        """That message is kept, with a warning, and delivered first after the next open()."""
        seen: list = []
        reader.on_message = print
        broker.let_pass.clear()
        broker.put(b"1", b"2")
        reader.open()
        assert broker.held_up.wait(10)
        reader.on_message = None
        broker.let_pass.set()
        reader.close()
        assert [r.levelno for r in caplog.records] == [logging.WARNING]
        reader.open()
        reader.on_message = lambda payload, *_: seen.append(payload)
        eventually(lambda: seen == [b"1", b"2"])

    @pytest.mark.parametrize("seed", range(6))
    def test_toggled_at_random(self, seed, broker):
        """However on_message comes and goes, each message is delivered once and in order."""
        reader = Reader({"topic": "t", "broker": broker})
        seen: list = []
        messages = [b"%d" % i for i in range(40)]

        def collect(payload, *_):
            seen.append(payload)

        def toggle():
            deadline = time.monotonic() + DEADLINE_S / 2
            while len(seen) < len(messages) and time.monotonic() < deadline:
                reader.on_message = None
                reader.on_message = collect
                time.sleep(0.001)  # or else it would be without a callback nearly all the time

        with held_up(seed, polling, threaded):
            reader.open()
            toggling = Background(toggle)
            for message in messages:
                broker.put(message)
            toggling.result()
            reader.close()
        assert seen == messages
        assert not reader._held

    def test_a_slow_callback_loses_nothing(self, reader, broker):
        """Messages wait while a callback takes its time."""
        seen: list = []
        go_on = threading.Event()

        def slow(payload, *_):
            assert go_on.wait(10)
            seen.append(payload)

        reader.on_message = slow
        reader.open()
        broker.put(*[b"%d" % i for i in range(20)])
        go_on.set()
        eventually(lambda: len(seen) == 20)

    def test_a_reader_that_does_not_wait(self, broker):
        """A synchronous reader that ends its iteration at once does not make the thread spin."""
        calls: list = []

        class Impatient(ListReader):
            def __iter__(self):
                calls.append(time.monotonic())
                return iter(())

        class Polling(PollingAsyncReader):
            reader_class = Impatient
            poll_ms = 20

        reader = Polling({"topic": "t", "broker": broker})
        reader.on_message = print
        reader.open()
        eventually(lambda: len(calls) >= 6)
        reader.close()
        assert calls[5] - calls[0] >= 0.099


class TestClose:
    def test_no_callback_after_close(self, reader, broker):
        """Once close() has returned, messages stay with the broker."""
        seen: list = []
        reader.on_message = lambda payload, *_: seen.append(payload)
        reader.open()
        broker.put(b"1")
        eventually(lambda: seen)
        reader.close()
        broker.put(b"2")
        time.sleep(0.1)  # time enough for a reader that polls to do so
        assert seen == [b"1"]
        assert list(broker.messages) == [b"2"]

    def test_waits_for_a_callback(self, reader, broker):
        """close() returns when the callback that runs has ended."""
        running, go_on = threading.Event(), threading.Event()
        ended: list = []

        def callback(*_):
            running.set()
            assert go_on.wait(10)
            ended.append(1)

        reader.on_message = callback
        broker.put(b"1", b"2")
        reader.open()
        assert running.wait(10)
        closer = Background(lambda: (reader.close(), list(ended))[1])
        eventually(lambda: reader._stopping)
        go_on.set()
        assert closer.result() == [1]
        assert list(broker.messages) == [b"2"]

    def test_a_message_under_way_is_delivered(self, reader, broker):
        """A message that has been fetched when close() begins is delivered before it returns."""
        seen: list = []
        reader.on_message = lambda payload, *_: seen.append(payload)
        broker.let_pass.clear()
        broker.put(b"1", b"2")
        reader.open()
        assert broker.held_up.wait(10)
        closer = Background(lambda: (reader.close(), list(seen))[1])
        eventually(lambda: reader._stopping)
        broker.let_pass.set()
        assert closer.result() == [b"1"]
        assert list(broker.messages) == [b"2"]

    def test_inside_on_message(self, reader, broker):
        """That callback is the last one, and the other messages stay with the broker."""
        seen: list = []

        def callback(payload, *_):
            seen.append(payload)
            reader.close()

        reader.on_message = callback
        broker.put(b"1", b"2")
        reader.open()
        no_thread_of(Reader)
        assert seen == [b"1"]
        assert list(broker.messages) == [b"2"]

    def test_inside_on_failure(self, reader, broker):
        """The same in on_failure."""
        reader.on_message = print
        reader.on_failure = lambda _: reader.close()
        broker.errors.extend([OSError()] * 3)
        reader.open()
        no_thread_of(Reader)
        assert len(broker.errors) == 2

    def test_before_an_on_message_is_set(self, reader):
        """close() ends a reader that waits for its first callback."""
        reader.open()
        Background(reader.close).result()
        assert threads_of(Reader) == []

    @pytest.mark.parametrize("seed", range(6))
    def test_at_any_moment(self, seed, broker):
        """Whenever close() comes, nothing is lost, doubled or delivered after it."""
        reader = Reader({"topic": "t", "broker": broker})
        seen: list = []
        messages = [b"%d" % i for i in range(30)]
        broker.put(*messages)
        reader.on_message = lambda payload, *_: seen.append(payload)
        with held_up(seed, polling, threaded):
            while broker.messages:
                reader.open()
                eventually(lambda: seen)
                Background(reader.close).result()
                delivered = len(seen)
                assert seen == messages[:delivered]
                assert list(broker.messages) == messages[delivered:]
        assert seen == messages
