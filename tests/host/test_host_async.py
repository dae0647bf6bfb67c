"""The asynchronous reader and writer: promises, callbacks, and what goes wrong in them."""

import logging
import threading
import time
from typing import Any

import pytest

from memory_broker import Broker
from sinetstream_sdk import errors
from sinetstream_sdk.errors import InvalidMessageError, SinetError
from sinetstream_sdk.host import AsyncMessageReader, AsyncMessageWriter
from sinetstream_sdk.host.codec import Encoder

MEMORY: dict[str, Any] = {"type": "memory", "no_config": True}


def build(cls: Any) -> Any:
    return cls(**{"topics" if "Reader" in cls.__name__ else "topic": "t"}, **MEMORY)


def test_async_writer_fulfils_and_rejects(broker: Broker) -> None:
    """A rejection is one of this library's errors, with the plugin's as its cause, and counted."""
    done: list[Any] = []
    with build(AsyncMessageWriter) as w:
        w.publish(b"x").then(lambda _: done.append("sent")).get(5)
        assert done == ["sent"]
        broker.refuse = OSError("cable cut")
        promise = w.publish(b"y")
        with pytest.raises(errors.ConnectionError, match="cable cut") as caught:
            promise.get(5)
        assert isinstance(caught.value.__cause__, OSError)
        assert w.metrics.error_count_total == 1
        broker.refuse = None
        with pytest.raises(InvalidMessageError):
            w.publish("no bytes")


def test_async_writer_whose_plugin_returns_no_promise(broker: Broker) -> None:
    """It is the plugin that is blamed."""
    with build(AsyncMessageWriter) as w:
        w._publish = lambda message: None
        with pytest.raises(SinetError, match="must return a promise; it returned a NoneType"):
            w.publish(b"x")


@pytest.fixture
def failures() -> list[Any]:
    return []


def delivered(broker: Broker, connection: AsyncMessageReader, *items: Any) -> None:
    """Deliver the items and wait until the plugin is through with them."""
    with connection:
        for item in items:
            broker.topics["t"].put(item)
        deadline = time.monotonic() + 10
        while not broker.topics["t"].empty() and time.monotonic() < deadline:
            time.sleep(0.002)


def test_callback_that_raises_does_not_end_delivery(broker: Broker, failures: list[Any]) -> None:
    """Its exception reaches on_failure as it is."""
    seen: list[Any] = []

    def take(message: Any) -> None:
        seen.append(message.value)
        raise KeyError("mine")

    connection = build(AsyncMessageReader)
    connection.on_message, connection.on_failure = take, failures.append
    assert connection.on_message is take
    delivered(broker, connection, Encoder({}).encode(b"1", 1), Encoder({}).encode(b"2", 1))
    assert seen == [b"1", b"2"]
    assert [type(error) for error in failures] == [KeyError, KeyError]


def test_plugin_failure_reaches_on_failure_as_ours(broker: Broker, failures: list[Any]) -> None:
    """With its cause; a callback with two parameters gets the traceback as well."""
    connection = build(AsyncMessageReader)
    connection.on_message = print
    connection.on_failure = lambda error, traceback=None: failures.append((error, traceback))
    delivered(broker, connection, OSError("gone"))
    ((error, _),) = failures
    assert isinstance(error, SinetError)
    assert isinstance(error.__cause__, OSError)
    assert connection.metrics.error_count_total == 1


def test_failures_are_logged_where_nobody_listens(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is swallowed: no on_failure, or one that raises, leads to the log."""
    connection = build(AsyncMessageReader)
    connection.on_message = print
    with caplog.at_level(logging.ERROR):
        delivered(broker, connection, b"nonsense")
        assert "for want of on_failure" in caplog.text

        def bad(error: Exception) -> None:
            raise RuntimeError("worse")

        connection.on_failure = bad
        delivered(broker, connection, b"nonsense")
    assert "on_failure raised" in caplog.text


def test_on_message_can_change_while_open(broker: Broker) -> None:
    """The new callback is used from then on."""
    old: list[Any] = []
    new: list[Any] = []
    connection = build(AsyncMessageReader)
    connection.on_message = lambda message: old.append(message.value)
    with connection:
        connection.on_message = lambda message: new.append(message.value)
        broker.topics["t"].put(Encoder({}).encode(b"x", 1))
        deadline = time.monotonic() + 10
        while not new and time.monotonic() < deadline:
            time.sleep(0.002)
    assert (old, new) == ([], [b"x"])


def test_close_from_inside_a_callback(broker: Broker) -> None:
    """It does not wait for itself."""
    closed = threading.Event()
    connection = build(AsyncMessageReader)

    def take(message: Any) -> None:
        connection.close()
        closed.set()

    connection.on_message = take
    connection.open()
    broker.topics["t"].put(Encoder({}).encode(b"x", 1))
    assert closed.wait(10)
    assert "closed" in repr(connection)


def test_plugin_without_a_setter_for_on_failure(
    broker: Broker, failures: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """As the official MQTT plugin: logged, and what the host finds wrong is still reported."""
    connection = build(AsyncMessageReader)
    cls = type(broker.built[-1])
    cls.on_failure = property(lambda self: None)
    connection.on_message, connection.on_failure = print, failures.append
    delivered(broker, connection, b"nonsense")
    assert [type(error) for error in failures] == [InvalidMessageError]
    assert "takes no on_failure" in caplog.text


def test_plugin_gets_no_callback_for_nothing(broker: Broker) -> None:
    """Some plugins begin to read when they have one; ours is set when the user's is."""
    connection = build(AsyncMessageReader)
    with connection:
        assert broker.built[-1].callbacks == {}
        connection.on_message = print
        assert set(broker.built[-1].callbacks) == {"on_message", "on_failure"}
        connection.on_message = None
        assert broker.built[-1].callbacks["on_message"] is None
