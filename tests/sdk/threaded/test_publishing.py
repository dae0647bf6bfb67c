"""Sending by the publishing writer: promises, a full queue, errors and closing."""

from __future__ import annotations

import gc
import threading

import pytest
from broker_in_memory import Broker, ListWriter, no_thread_of, threads_of
from promise import Promise
from provoking import DEADLINE_S, Background, eventually, held_up

from sinetstream_sdk import promises, publishing, threaded, trampoline
from sinetstream_sdk.errors import (
    ConnectionError,  # noqa: A004 - the published name
    InvalidArgumentError,
    SinetError,
)
from sinetstream_sdk.promises import Deferred
from sinetstream_sdk.publishing import PublishingAsyncWriter


class Writer(PublishingAsyncWriter):
    writer_class = ListWriter


class Stamped(bytes):
    """As the published host passes: bytes with an attribute."""

    timestamp: int


@pytest.fixture
def kind():
    return Writer


@pytest.fixture
def writer(kind, broker):
    """An open writer that is closed by the end of the test."""
    writer = kind({"topic": "t", "broker": broker})
    writer.open()
    yield writer
    writer.close_timeout_s = DEADLINE_S
    broker.let_pass.set()
    writer.close()
    no_thread_of(kind)


class TestPublish:
    def test_fulfilled_with_what_the_writer_returned(self, writer):
        """The promise is a real one, with the result of the synchronous publish()."""
        promise = writer.publish(b"1")
        assert isinstance(promise, Promise)
        assert promise.get(10) == 1
        assert writer.publish(b"2").get(10) == 2

    def test_in_order_on_one_thread(self, writer, broker):
        """Messages go out in the order of the calls, all on the writer's thread."""
        (thread,) = threads_of(Writer)
        messages = [b"%d" % i for i in range(100)]
        for promise in [writer.publish(message) for message in messages]:
            promise.get(10)
        assert broker.published == messages
        assert {on for what, on in broker.log if what == "publish"} == {thread}

    def test_the_message_is_passed_as_it_is(self, writer, broker):
        """A subclass of bytes reaches the synchronous writer as the same object."""
        message = Stamped(b"1")
        message.timestamp = 5
        writer.publish(message).get(10)
        assert broker.published[0] is message

    @pytest.mark.parametrize("wrong", ["1", None, 1, [1], bytearray(b"1"), memoryview(b"1")])
    def test_wrong_type(self, writer, broker, wrong):
        """Anything but bytes is refused at once, and nothing is sent."""
        with pytest.raises(InvalidArgumentError, match=f"a {type(wrong).__name__} was given"):
            writer.publish(wrong)
        writer.close()
        assert broker.published == []

    def test_not_open(self, writer):
        """Before open() and after close() it raises at once."""
        unopened = Writer({"topic": "t", "broker": Broker()})
        writer.close()
        for closed in (unopened, writer):
            with pytest.raises(ConnectionError, match="Writer is not open; call open"):
                closed.publish(b"1")

    def test_does_not_block(self, writer, broker):
        """While the synchronous writer is held up, publish() returns pending promises at once."""
        broker.let_pass.clear()
        waiting = Background(lambda: [writer.publish(b"x") for _ in range(50)]).result()
        assert all(promise.is_pending for promise in waiting)
        broker.let_pass.set()
        assert [promise.get(10) for promise in waiting] == list(range(1, 51))

    def test_pending_till_the_broker_has_it(self, writer, broker):
        """A promise is not fulfilled before the synchronous publish() has returned."""
        broker.let_pass.clear()
        promise = writer.publish(b"1")
        assert broker.held_up.wait(10)
        assert promise.is_pending
        broker.let_pass.set()
        assert promise.get(10) == 1

    @pytest.mark.parametrize("error", [OSError("gone"), SinetError("refused"), StopIteration()])
    def test_an_error_of_the_writer(self, writer, broker, error):
        """What the synchronous publish() raises rejects that promise, and only that."""
        broker.errors.extend([None, error, None])
        ends = [writer.publish(b"x") for _ in range(3)]
        assert ends[0].get(10) == 1
        assert ends[1].catch(lambda e: e).get(10) is error
        assert ends[2].get(10) == 2

    def test_an_error_that_nobody_looks_at(self, writer, broker, caplog):
        """It is logged as soon as it happens, without a garbage collection or another message."""
        gc.disable()
        try:
            broker.errors.append(OSError("gone"))
            writer.publish(b"1")
            eventually(lambda: caplog.records)
        finally:
            gc.enable()
        assert caplog.records[0].name == "sinetstream_sdk.promises"
        assert str(caplog.records[0].exc_info[1]) == "gone"

    def test_a_writer_that_wants_to_exit(self, writer, broker):
        """SystemExit becomes an error of this library, and the thread goes on."""
        broker.errors.append(SystemExit(3))
        with pytest.raises(SinetError, match=r"ListWriter.publish\(\) raised SystemExit\(3\)"):
            writer.publish(b"1").get(10)
        assert writer.publish(b"2").get(10) == 1

    def test_a_callback_that_wants_to_exit(self, writer, caplog):
        """SystemExit in the callback of a promise is logged, and the thread goes on."""

        def leave(_):
            raise SystemExit

        writer.publish(b"1").then(leave).catch(lambda _: None).get(10)
        assert writer.publish(b"2").get(10) == 2
        eventually(lambda: caplog.records)
        assert caplog.records[0].exc_info[0] is SystemExit

    def test_a_writer_that_returns_a_promise(self, broker):
        """The promise of publish() follows the one that the synchronous writer returns."""
        inner: Deferred = Deferred()

        class Promising(ListWriter):
            def publish(self, message):
                return inner.promise

        class Following(PublishingAsyncWriter):
            writer_class = Promising

        writer = Following({"topic": "t", "broker": broker})
        writer.open()
        promise = writer.publish(b"1")
        writer.close()
        assert promise.is_pending
        inner.resolve("sent")
        assert promise.get(10) == "sent"

    def test_a_full_queue(self, writer, broker):
        """Beyond queue_size the promise is rejected, and says so; the others are sent."""
        writer.queue_size = 3
        broker.let_pass.clear()
        under_way = writer.publish(b"0")
        assert broker.held_up.wait(10)
        waiting = [writer.publish(b"x") for _ in range(3)]
        for _ in range(2):
            with pytest.raises(SinetError, match=r"3 messages waiting.*queue_size.*more slowly"):
                writer.publish(b"too much").get(0)
        broker.let_pass.set()
        assert [promise.get(10) for promise in [under_way, *waiting]] == [1, 2, 3, 4]
        assert writer.publish(b"again").get(10) == 5

    def test_publishing_inside_a_callback(self, writer, broker):
        """A callback on the writer's thread may publish."""
        promise = writer.publish(b"1").then(lambda _: writer.publish(b"2"))
        assert promise.get(10) == 2
        assert broker.published == [b"1", b"2"]

    def test_many_threads(self, writer, broker):
        """From many threads each message is sent once, and those of one thread in order."""

        def publish(name):
            return [writer.publish(b"%s%d" % (name, i)) for i in range(30)]

        publishing = [Background(publish, name) for name in (b"a", b"b", b"c")]
        for thread in publishing:
            for promise in thread.result():
                promise.get(10)
        assert len(broker.published) == 90
        for name in (b"a", b"b", b"c"):
            mine = [message for message in broker.published if message.startswith(name)]
            assert mine == [b"%s%d" % (name, i) for i in range(30)]


class TestClose:
    def test_sends_what_is_queued(self, writer, broker):
        """close() returns when all that was taken has been sent."""
        broker.let_pass.clear()
        waiting = [writer.publish(b"x") for _ in range(20)]
        closer = Background(writer.close)
        eventually(lambda: writer._stopping)
        with pytest.raises(ConnectionError):
            writer.publish(b"late")
        broker.let_pass.set()
        closer.result()
        assert [promise.get(0) for promise in waiting] == list(range(1, 21))

    def test_inside_a_callback(self, writer, broker):
        """close() there takes no more, and what was queued is still sent."""
        broker.let_pass.clear()
        waiting = [writer.publish(b"x") for _ in range(5)]
        closed = waiting[0].then(lambda _: writer.close())
        late = waiting[1].then(lambda _: writer.publish(b"late"))
        broker.let_pass.set()
        assert closed.get(10) is None
        assert [promise.get(10) for promise in waiting] == [1, 2, 3, 4, 5]
        with pytest.raises(ConnectionError):
            late.get(10)
        no_thread_of(Writer)
        assert broker.count("close") == 1

    def test_reopened(self, writer, broker):
        """After close() and open() the writer sends again."""
        writer.publish(b"1").get(10)
        writer.close()
        writer.open()
        assert writer.publish(b"2").get(10) == 2

    @pytest.mark.parametrize("seed", range(8))
    def test_while_others_publish(self, seed, broker):
        """Whenever close() comes, each publish() raises or its promise is settled, rightly."""
        writer = Writer({"topic": "t", "broker": broker})

        def publish(name):
            taken = []
            for number in range(1000):
                message = b"%s%d" % (name, number)
                try:
                    taken.append((message, writer.publish(message)))
                except ConnectionError:
                    return taken
            return taken

        with held_up(seed, publishing, threaded, promises, trampoline, rate=0.02):
            writer.open()
            threads = [Background(publish, name) for name in (b"a", b"b")]
            eventually(lambda: broker.published)
            writer.close()
            taken = [entry for thread in threads for entry in thread.result()]
        assert all(promise.is_fulfilled for _, promise in taken)
        assert sorted(broker.published) == sorted(message for message, _ in taken)


class TestDeadline:
    @pytest.fixture
    def kind(self):
        class Impatient(Writer):
            close_timeout_s = 0.1
            _grace_s = 0.1

        return Impatient

    def test_a_slow_writer(self, kind, writer, broker):
        """What is left in the queue at the deadline is rejected; the thread ends in good order."""
        writer._grace_s = 10

        def slow(message):
            published.append(message)
            if len(published) == 3:
                eventually(lambda: writer._stopping)
                threading.Event().wait(0.15)

        published: list = []
        writer.wrapped.publish = slow
        ends = [writer.publish(b"%d" % i) for i in range(7)]
        writer.close()
        assert all(promise.is_fulfilled for promise in ends[:3])
        for promise in ends[3:]:
            with pytest.raises(ConnectionError, match="with 4 messages not sent"):
                promise.get(0)
        assert threads_of(kind) == []
        writer.open()
        writer.close()
        assert published == [b"0", b"1", b"2"]

    def test_a_stuck_writer(self, kind, writer, broker):
        """All outstanding promises are rejected and close() raises; what comes later is ignored."""
        broker.let_pass.clear()
        ends = [writer.publish(b"x") for _ in range(4)]
        assert broker.held_up.wait(10)
        with pytest.raises(SinetError, match="broker_in_memory"):
            writer.close()
        with pytest.raises(ConnectionError, match="may or may not have been sent"):
            ends[0].get(0)
        for promise in ends[1:]:
            with pytest.raises(ConnectionError, match="with 3 messages not sent"):
                promise.get(0)
        broker.let_pass.set()
        no_thread_of(kind)
        assert ends[0].is_rejected
        assert broker.published == [b"x"]
        assert broker.count("close") == 1

    def test_closing_again_in_the_callbacks_of_what_is_rejected(self, writer, broker):
        """A callback on a rejected promise may call close(), which does not wait once more."""
        broker.let_pass.clear()
        calls: list = []

        def close_again(_):
            writer.close_timeout_s = 1000
            calls.append(1)
            writer.close()

        ends = [writer.publish(b"x").catch(close_again) for _ in range(4)]
        assert broker.held_up.wait(10)
        closer = Background(writer.close)
        with pytest.raises(SinetError):
            closer.result()
        assert len(calls) == 4
        assert all(isinstance(promise.reason, SinetError) for promise in ends)

    def test_a_callback_that_wants_to_exit(self, writer, broker, caplog):
        """SystemExit in the callback of a rejected promise does not keep the others waiting."""

        def leave(_):
            raise SystemExit

        broker.let_pass.clear()
        ends = [writer.publish(b"x") for _ in range(3)]
        for promise in ends:
            promise.catch(leave).catch(lambda _: None)
        assert broker.held_up.wait(10)
        with pytest.raises(SinetError):
            writer.close()
        assert all(promise.is_rejected for promise in ends)
        assert [record.exc_info[0] for record in caplog.records] == [SystemExit] * 3

    def test_inside_a_callback(self, kind, writer, broker):
        """After close() in a callback the deadline holds for what is queued, another or not."""
        go_on = threading.Event()

        def close_and_dawdle(_):
            writer.close()
            assert go_on.wait(10)

        broker.let_pass.clear()
        ends = [writer.publish(b"x") for _ in range(3)]
        ends[0].then(close_and_dawdle)
        broker.let_pass.set()
        eventually(lambda: writer._stopping)
        threading.Event().wait(0.15)
        writer._grace_s = DEADLINE_S
        closer = Background(writer.close)
        eventually(lambda: writer._awaited)
        threading.Event().wait(0.05)
        go_on.set()
        closer.result()
        assert ends[0].is_fulfilled
        for promise in ends[1:]:
            with pytest.raises(ConnectionError, match="2 messages not sent"):
                promise.get(0)
