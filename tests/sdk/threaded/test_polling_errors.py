"""What a polling reader does about errors: of its callbacks, and of the reader that it polls."""

from __future__ import annotations

import pytest
from broker_in_memory import ListReader
from provoking import Background, eventually

from sinetstream_sdk.errors import SinetError
from sinetstream_sdk.polling import PollingAsyncReader


class TestErrors:
    def test_a_callback_that_raises(self, reader, broker):
        """on_failure gets the exception itself, and delivery goes on."""
        reasons = [ValueError(i) for i in range(3)]
        failures: list = []

        def callback(payload, *_):
            raise reasons[int(payload)]

        reader.on_message, reader.on_failure = callback, failures.append
        reader.open()
        broker.put(b"0", b"1", b"2")
        eventually(lambda: failures == reasons)
        assert reader.rests == [s for s in reader.rests if s <= 0.02]

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
    def test_a_callback_that_wants_to_exit(self, reader, broker, error):
        """on_failure gets an error of this library with the cause, and delivery goes on."""
        failures: list = []
        seen: list = []

        def callback(payload, *_):
            seen.append(payload)
            if len(seen) == 1:
                raise error

        reader.on_message, reader.on_failure = callback, failures.append
        reader.open()
        broker.put(b"1", b"2")
        eventually(lambda: seen == [b"1", b"2"])
        (failure,) = failures
        assert isinstance(failure, SinetError)
        assert failure.__cause__ is error

    def test_a_reader_that_wants_to_exit(self, reader, broker):
        """SystemExit of the reader becomes an error of this library, and polling continues."""
        failures: list = []
        seen: list = []
        reader.on_message = lambda payload, *_: seen.append(payload)
        reader.on_failure = failures.append
        broker.errors.extend([SystemExit(3), None])
        broker.put(b"1")
        reader.open()
        eventually(lambda: seen == [b"1"])
        assert [str(failure) for failure in failures] == ["ListReader raised SystemExit(3)"]

    def test_a_message_that_is_no_triple(self, broker):
        """What the synchronous reader yields in place of three values is reported."""
        failures: list = []

        class Broken(ListReader):
            def __iter__(self):
                yield from (None, (b"1",), (b"ok", "t", "raw"))

        class Polling(PollingAsyncReader):
            reader_class = Broken
            poll_ms = 20

        seen: list = []
        reader = Polling({"topic": "t", "broker": broker})
        reader.on_message = lambda payload, topic, raw: seen.append(payload)
        reader.on_failure = failures.append
        reader.open()
        eventually(lambda: seen)
        reader.close()
        assert [type(failure) for failure in failures[:2]] == [TypeError, TypeError]

    def test_an_error_of_the_reader(self, reader, broker):
        """on_failure gets it, and polling continues with a new iterator."""
        failures: list = []
        seen: list = []
        reader.on_message = lambda payload, *_: seen.append(payload)
        reader.on_failure = failures.append
        broker.errors.extend([OSError("lost"), None])
        broker.put(b"1")
        reader.open()
        eventually(lambda: seen == [b"1"])
        assert [str(failure) for failure in failures] == ["lost"]

    def test_pauses_double_up_to_a_limit(self, reader, broker):
        """While errors last the pauses double; a message or a quiet poll makes them short again."""
        reader.retry_limit_ms = 8
        reader.on_message = print
        broker.errors.extend([OSError()] * 6)
        reader.open()
        eventually(lambda: broker.count("next") >= 8)
        assert reader.rests[:6] == [0.001, 0.002, 0.004, 0.008, 0.008, 0.008]
        del reader.rests[:]
        broker.errors.append(OSError())
        eventually(lambda: 0.001 in reader.rests)

    def test_pauses_after_a_message(self, reader, broker):
        """A message makes the pauses short again."""
        reader.on_message = print
        broker.errors.extend([OSError(), OSError(), None, OSError()])
        broker.put(b"1")
        reader.open()
        eventually(lambda: len(reader.rests) >= 3)
        assert reader.rests[:3] == [0.001, 0.002, 0.001]

    def test_close_interrupts_a_pause(self, reader, broker):
        """close() does not wait for the end of a long pause."""
        reader.retry_ms = reader.retry_limit_ms = 3_600_000
        reader.on_message = print
        broker.errors.append(OSError())
        reader.open()
        eventually(lambda: reader.rests == [3600])
        Background(reader.close).result()

    def test_without_on_failure(self, reader, broker, caplog):
        """Errors are logged with their traceback, the first of a kind at once."""
        reader.on_message = lambda *_: {}["absent"]
        broker.errors.extend([OSError("lost"), None])
        broker.put(b"1")
        reader.open()
        eventually(lambda: len(caplog.records) == 2)
        assert [record.message for record in caplog.records] == [
            "Reader: ListReader raised",
            "Reader: on_message raised",
        ]
        assert [record.exc_info[0] for record in caplog.records] == [OSError, KeyError]

    def test_the_log_is_not_flooded(self, reader, broker, caplog):
        """A hundred errors of a kind make one entry and a count when the reader is closed."""
        reader.on_message = lambda *_: {}["absent"]
        broker.put(*[b"x"] * 100)
        reader.open()
        eventually(lambda: not broker.messages)
        reader.close()
        first, last = caplog.records
        assert first.exc_info[0] is KeyError
        assert last.message == "Reader: on_message raised KeyError another 99 times"

    def test_on_failure_that_raises(self, reader, broker, caplog):
        """What on_failure raises is logged, and delivery goes on."""
        seen: list = []

        def on_message(payload, *_):
            seen.append(payload)
            raise ValueError

        def on_failure(error):
            raise LookupError

        reader.on_message, reader.on_failure = on_message, on_failure
        broker.put(b"1", b"2")
        reader.open()
        eventually(lambda: seen == [b"1", b"2"])
        reader.close()
        assert caplog.records[0].message == "Reader: on_failure raised"
        assert caplog.records[0].exc_info[0] is LookupError
