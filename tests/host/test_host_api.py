"""The readers and writers as users see them: life cycle, properties, callbacks, metrics, errors."""

import math
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from memory_broker import Broker
from sinetstream_sdk import errors
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE
from sinetstream_sdk.errors import (
    AlreadyConnectedError,
    InvalidArgumentError,
    InvalidMessageError,
    SinetError,
)
from sinetstream_sdk.host import (
    AsyncMessageReader,
    AsyncMessageWriter,
    MessageDecoder,
    MessageEncoder,
    MessageReader,
    MessageWriter,
)
from sinetstream_sdk.host.codec import Encoder

ALL = [MessageReader, MessageWriter, AsyncMessageReader, AsyncMessageWriter]
MEMORY: dict[str, Any] = {"type": "memory", "no_config": True}


def reader(**more: Any) -> MessageReader:
    return MessageReader(topics="t", receive_timeout_ms=0, **MEMORY | more)


def writer(**more: Any) -> MessageWriter:
    return MessageWriter(topic="t", **MEMORY | more)


def build(cls: Any, **more: Any) -> Any:
    return cls(**{"topics" if "Reader" in cls.__name__ else "topic": "t"}, **MEMORY | more)


def test_message_tells_value_topic_time_and_raw(broker: Broker) -> None:
    """The time is that of publish(), in seconds and microseconds; raw is the plugin's own."""
    before = time.time_ns() // 1000
    with writer() as w, reader() as r:
        w.publish(b"now")
        w.publish(b"then", timestamp=1.000001)
        now, then = r
    assert (now.value, now.topic) == (b"now", "t")
    assert before <= now.timestamp_us <= time.time_ns() // 1000
    assert now.timestamp == now.timestamp_us / 1_000_000
    assert then.timestamp_us == 1_000_001
    assert now.raw[0] == "raw"
    assert "b'now'" in repr(now)


def test_plugin_gets_bytes_that_know_their_time(broker: Broker) -> None:
    """Plugins that keep a time of their own find it on the payload, as in the published host."""
    with writer(user_data_only=True) as w, reader(user_data_only=True) as r:
        w.publish(b"x", timestamp=2)
        payload = broker.topics["t"].queue[0]
        assert payload == b"x"
        assert payload.timestamp == 2_000_000
        assert next(iter(r)).timestamp == 2
    with pytest.raises(InvalidMessageError, match="timestamp"):
        writer().open().publish(b"x", timestamp=math.nan)


@pytest.mark.parametrize("cls", ALL)
def test_open_twice_is_already_connected(broker: Broker, cls: Any) -> None:
    """And close() in any number and at any time is harmless."""
    connection = build(cls)
    connection.close()
    with connection as same:
        assert same is connection
        with pytest.raises(AlreadyConnectedError, match="close it first"):
            connection.open()
    connection.close()
    connection.close()


@pytest.mark.parametrize("cls", ALL)
def test_reopening_builds_a_new_plugin(broker: Broker, cls: Any) -> None:
    """Some plugins cannot connect twice; a plugin is built before open(), so errors come early."""
    connection = build(cls)
    assert len(broker.built) == 1
    for expected in (1, 2):
        with connection:
            assert len(broker.built) == expected
            assert broker.built[-1].is_open
        assert not broker.built[-1].is_open


@pytest.mark.parametrize("cls", ALL)
def test_use_before_open_and_after_close_is_an_error(broker: Broker, cls: Any) -> None:
    """It says what to do, at once."""
    connection = build(cls)

    def use() -> None:
        if "Writer" in cls.__name__:
            connection.publish(b"x")
        else:
            next(connection)

    if cls is AsyncMessageReader:
        return
    for _ in range(2):
        with pytest.raises(errors.ConnectionError, match=r"call open\(\)"):
            use()
        with connection:
            pass


def test_iterating_needs_no_for(broker: Broker) -> None:
    """next() on the reader itself will do, and a second loop after a timeout goes on."""
    with writer() as w, reader() as r:
        w.publish(b"1")
        assert next(r).value == b"1"
        assert list(r) == []
        w.publish(b"2")
        assert [m.value for m in r] == [b"2"]


@pytest.mark.parametrize("cls", ALL)
def test_properties_and_what_the_plugin_is_given(broker: Broker, cls: Any) -> None:
    """The merged parameters reach the plugin, all of them; the caller's stay as they were."""
    given = {"nested": {"list": [1, {"a": 2}]}}
    connection = build(cls, consistency="AT_LEAST_ONCE", value_type="text", extra=given)
    assert connection.consistency is AT_LEAST_ONCE
    assert connection.value_type == "text"
    assert connection.client_id.startswith("sinetstream-")
    assert connection.service is None
    plugin = broker.built[-1]
    assert plugin.params["consistency"] is AT_LEAST_ONCE
    assert plugin.params["client_id"] == connection.client_id
    assert plugin.params["topic"] == "t"
    assert plugin.params["type"] == "memory"
    assert plugin.confver.ver() == 3
    plugin.params["extra"]["nested"]["list"][1]["a"] = "changed"
    assert given == {"nested": {"list": [1, {"a": 2}]}}
    if "Reader" in cls.__name__:
        assert connection.topics == "t" == plugin.params["topics"]
        assert connection.receive_timeout_ms == math.inf
    else:
        assert connection.topic == "t"
    assert build(cls).consistency is AT_MOST_ONCE
    assert build(cls, client_id="me").client_id == "me"


def test_several_topics_are_given_as_a_list(broker: Broker) -> None:
    """``topic`` is there for the guide's readers only where there is one."""
    r = MessageReader(topics=["a", "b"], **MEMORY)
    assert r.topics == ["a", "b"]
    assert "topic" not in broker.built[-1].params
    assert MessageReader(topic="a", **MEMORY).topics == "a"
    assert MessageWriter(topic=["a"], **MEMORY).topic == "a"  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["text", None, 3, [b"x"], bytearray(b"x")])
def test_value_of_the_wrong_type_is_not_sent(broker: Broker, value: Any) -> None:
    """byte_array takes bytes only; the error names the type that came."""
    with writer() as w:
        with pytest.raises(InvalidMessageError, match=type(value).__name__):
            w.publish(value)
        assert w.metrics.error_count_total == 1
    assert broker.topics["t"].empty()


def test_serializers_of_the_user(broker: Broker) -> None:
    """They stand above the value type; what they raise, or return wrongly, is told."""

    def double(value: int) -> bytes:
        return str(value * 2).encode()

    with writer(value_serializer=double) as w, reader(value_deserializer=int) as r:
        w.publish(21)
        assert next(r).value == 42
        broker.topics["t"].put(Encoder({}).encode(b"no number", 1))
        with pytest.raises(InvalidMessageError, match="ValueError") as caught:
            next(r)
        assert isinstance(caught.value.__cause__, ValueError)
        assert "no number" not in str(caught.value)
    with writer(value_serializer=str) as w, pytest.raises(InvalidMessageError, match="return"):
        w.publish(1)
    with writer(value_type="text") as w, pytest.raises(InvalidMessageError, match="int"):
        w.publish(1)


def test_metrics_count_messages_bytes_and_errors(broker: Broker) -> None:
    """Sizes on the wire and of the payload, rates, and the plugin's own as raw."""
    compressed = {"data_compression": True, "compression": {"algorithm": "gzip"}}
    with writer(**compressed) as w, reader(**compressed) as r:
        assert w.metrics.msg_size_min is None
        assert w.metrics.msg_compression_ratio == 1.0
        for size in (0, 10_000):
            w.publish(bytes(size))
        broker.topics["t"].put(b"bad")
        assert [len(next(r).value) for _ in range(2)] == [0, 10_000]
        with pytest.raises(InvalidMessageError):
            next(r)
        for metrics, failed in ((w.metrics, 0), (r.metrics, 1)):
            assert metrics.msg_count_total == 2
            assert metrics.msg_uncompressed_bytes_total == 10_000
            assert 0 < metrics.msg_compressed_bytes_total < 200
            assert metrics.msg_bytes_total == metrics.msg_size_min + metrics.msg_size_max
            assert metrics.msg_size_avg == metrics.msg_bytes_total / 2
            assert metrics.error_count_total == failed
            assert metrics.msg_count_rate == (2 / metrics.time if metrics.time else 0)
            assert metrics.time_ms == pytest.approx(
                metrics.end_time_ms - metrics.start_time_ms, abs=0.01
            )
            assert metrics.raw == {"open": True}
        r.reset_metrics()
        assert r.metrics.msg_count_total == r.metrics.error_count_total == 0
        assert not hasattr(broker.built[-1], "was_reset")
        r.reset_metrics(reset_raw=True)
        assert broker.built[-1].was_reset
        assert r.info("memory.x", y=1) == ["info", ["x"], {"y": 1}]
        assert r.info("client_id") == r.client_id
        assert set(r.info()) == {"client_id", "metrics", "memory"}
        assert r.info("nothing") is None
    assert r.metrics.raw is None


def test_counters_lose_nothing_between_threads(broker: Broker) -> None:
    """One writer may be used by many threads."""
    with writer() as w:
        threads = [
            threading.Thread(target=lambda: [w.publish(b"x") for _ in range(300)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert w.metrics.msg_count_total == 1200 == broker.topics["t"].qsize()


def test_plugin_errors_become_ours_with_their_cause(broker: Broker) -> None:
    """open() and publish() tell ConnectionError, next() SinetError; one of ours is left alone."""
    broker.refuse = OSError("no route")
    w = writer()
    with pytest.raises(
        errors.ConnectionError, match=r"open\(\) of the writer plugin 'memory'"
    ) as e:
        w.open()
    assert e.value.__cause__ is broker.refuse
    assert "closed" in repr(w)
    broker.refuse = None
    with w, reader() as r:
        broker.refuse = TimeoutError("slow")
        with pytest.raises(errors.ConnectionError, match="slow"):
            w.publish(b"x")
        broker.refuse = own = errors.AuthorizationError("not you")
        with pytest.raises(errors.AuthorizationError) as caught:
            w.publish(b"x")
        assert caught.value is own
        broker.topics["t"].put(ZeroDivisionError("oops"))
        with pytest.raises(SinetError, match="ZeroDivisionError: oops") as failed:
            next(r)
        assert isinstance(failed.value.__cause__, ZeroDivisionError)
        assert w.metrics.error_count_total == 2


def test_secrets_never_show(broker: Broker) -> None:
    """Neither in repr, nor in the errors that plugins provoke."""
    secret = "hunter2hunter2"
    crypto = {"algorithm": "AES", "mode": "GCM", "password": secret}
    w = writer(data_encryption=True, crypto=crypto, type_spec={"password": secret})
    shown = [repr(w), repr(w._settings), repr(w._encode.__self__._seal.__self__)]
    r = reader(data_encryption=True, crypto=crypto)
    shown.append(repr(r._decode.__self__._opener))
    broker.refuse = OSError(f"login with {secret} failed")
    with pytest.raises(errors.ConnectionError) as caught:
        w.open()
    shown.append(str(caught.value))
    assert "login with" in shown[-1]
    assert not [text for text in shown if secret in text]


def test_unpackable_item_blames_the_plugin(broker: Broker) -> None:
    """next() of the plugin must return three values."""
    with reader() as r:
        next(iter(r), None)
        r._next = lambda: b"xx"
        with pytest.raises(SinetError, match=r"\(payload, topic, raw\)"):
            next(r)


def test_encoder_and_decoder_without_a_plugin() -> None:
    """Messages can be made and read without a messaging system."""
    with MessageEncoder(value_type="text") as encoder, MessageDecoder(value_type="text") as decoder:
        message = decoder.decode(encoder.encode("a", timestamp=3))
    assert (message.value, message.timestamp) == ("a", 3)


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Neither yaml, promise, cryptography, zstandard nor asyncio come with the host's names."""
    program = (
        "import sys; from sinetstream_sdk import MessageReader, MessageWriter, "
        "AsyncMessageReader, AsyncMessageWriter; "
        "print([m for m in ('yaml', 'promise', 'cryptography', 'zstandard', 'asyncio', 'pytest', "
        "'inspect', 'importlib.metadata') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize(
    ("module", "params", "extra"),
    [
        ("zstandard", {"data_compression": True, "compression": {"algorithm": "zstd"}}, "zstd"),
        ("cryptography", {"data_encryption": True, "crypto": {"algorithm": "AES"}}, "crypto"),
    ],
)
def test_missing_library_names_its_extra(
    module: str, params: dict[str, Any], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An optional library is asked for when it is needed, with the command that brings it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidArgumentError, match=rf"sinetstream-plugin-sdk\[{extra}\]"):
        Encoder(params)


def test_generator_that_raises_stop_iteration_is_explained(broker: Broker) -> None:
    """The guide's own example does so; the error says what to write instead."""

    def generator() -> Any:
        yield Encoder({}).encode(b"x", 1), "t", None
        raise StopIteration

    with reader() as r:
        type(broker.built[-1]).__iter__ = lambda self: generator()
        stream = iter(r)
        assert next(stream).value == b"x"
        with pytest.raises(SinetError, match="PEP 479"):
            next(stream)


def test_iter_that_returns_no_iterator_blames_the_plugin(broker: Broker) -> None:
    """With the type that it returned instead."""
    with reader() as r:
        type(broker.built[-1]).__iter__ = lambda self: [1]
        with pytest.raises(SinetError, match="it returned a list"):
            iter(r)


def test_use_while_closing_is_an_error(broker: Broker) -> None:
    """From the moment that close() is called nothing more reaches the plugin."""
    caught: list[Exception] = []
    w = writer()

    def close(plugin: Any) -> None:
        try:
            w.publish(b"late")
        except errors.ConnectionError as error:
            caught.append(error)

    type(broker.built[-1]).close = close
    w.open().close()
    assert len(caught) == 1
    assert broker.topics["t"].empty()
