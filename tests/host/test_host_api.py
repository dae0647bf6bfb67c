"""The readers and writers as users see them: life cycle, properties, callbacks, metrics, errors."""

import logging
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
    UnsupportedServiceTypeError,
)
from sinetstream_sdk.host import (
    AsyncMessageReader,
    AsyncMessageWriter,
    MessageDecoder,
    MessageEncoder,
    MessageReader,
    MessageWriter,
)
from sinetstream_sdk.host.codec import Decoder, Encoder

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


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"topics": []}, "topics"),
        ({"topics": ""}, "topics"),
        ({"topics": [1]}, "topics"),
        ({"topics": 7}, "topics"),
        ({"consistency": "AT_LEST_ONCE"}, "consistency"),
        ({"consistency": 2}, "consistency"),
        ({"receive_timeout_ms": -1}, "receive_timeout_ms"),
        ({"receive_timeout_ms": math.nan}, "receive_timeout_ms"),
        ({"receive_timeout_ms": "5"}, "receive_timeout_ms"),
        ({"receive_timeout_ms": True}, "receive_timeout_ms"),
        ({"client_id": 3}, "client_id"),
        ({"type": None}, "type"),
        ({"value_type": 3}, "value_type"),
        ({"value_type": "txet"}, "value_type"),
        ({"value_deserializer": 3}, "value_deserializer"),
        ({"message_format": 1}, "message_format"),
        ({"message_format": "3"}, "message_format"),
        ({"user_data_only": "yes"}, "user_data_only"),
        ({"data_compression": 1}, "data_compression"),
        ({"data_encryption": "true"}, "data_encryption"),
        ({"data_compression": True, "compression": {"algorithm": "lz4"}}, "compression.algorithm"),
        ({"data_compression": True, "compression": {"gzip": {"lvl": 1}}}, "compression.gzip"),
        ({"limits": {"uncompresed_bytes": 1}}, "limits"),
        ({"limits": {"uncompressed_bytes": 0}}, "limits.uncompressed_bytes"),
        ({"limits": 3}, "limits"),
        ({"config": "on-a-server"}, "config"),
    ],
)
def test_wrong_parameter_is_named(broker: Broker, wrong: dict[str, Any], parameter: str) -> None:
    """InvalidArgumentError says which parameter it is, in its text and as an attribute."""
    with pytest.raises(InvalidArgumentError, match=parameter.partition(".")[0]) as caught:
        MessageReader(**{"topics": "t"} | MEMORY | wrong)
    assert caught.value.parameter == parameter
    assert broker.built == []


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"mode": "ECB"}, "crypto.mode"),
        ({"algorithm": "DES"}, "crypto.algorithm"),
        ({"padding": "zero"}, "crypto.padding"),
        ({"key_length": 100}, "crypto.key_length"),
        ({"password": None}, "crypto.password"),
        ({"password": 5}, "crypto.password"),
        ({"password": {"path": "/no/such/file"}}, "crypto.password.path"),
        ({"password": "秘密の言葉"}, "crypto.password"),
        ({"key": b"s3cret-of-14-b"}, "crypto.key"),
        ({"key": "k3y as text"}, "crypto.key"),
        ({"key": bytes(16)}, "crypto.password"),
        ({"_keys": {0: bytes(16)}}, "crypto._keys"),
        ({"_keys": []}, "crypto._keys"),
        ({"key_derivation": {"iteration": 0}}, "crypto.key_derivation.iteration"),
        ({"key_derivation": {"salt_bytes": "8"}}, "crypto.key_derivation.salt_bytes"),
        ({"key_derivation": {"prf": "HMAC-MD5"}}, "crypto.key_derivation.prf"),
        ({"key_derivation": {"algorithm": "scrypt"}}, "crypto.key_derivation.algorithm"),
        ({"key_derivation": 3}, "crypto.key_derivation"),
    ],
)
@pytest.mark.parametrize("side", [Encoder, Decoder])
def test_wrong_crypto_parameter_is_named(side: Any, wrong: dict[str, Any], parameter: str) -> None:
    """Both sides refuse it when they are built, and quote no secret."""
    crypto = {"algorithm": "AES", "mode": "GCM", "password": "pa55word", **wrong}
    with pytest.raises(InvalidArgumentError) as caught:
        side({"data_encryption": True, "crypto": crypto})
    assert caught.value.parameter == parameter
    for secret in ("pa55word", "s3cret", "秘密", "k3y as text"):
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value.__cause__)


def test_near_miss_is_suggested(broker: Broker) -> None:
    """An unknown type is named with what is there, and what was probably meant."""
    with pytest.raises(UnsupportedServiceTypeError, match="memory"):
        MessageReader(topics="t", type="memry", no_config=True)
    with pytest.raises(InvalidArgumentError, match="did you mean"):
        writer(consistency="AT_LEST_ONCE")


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
