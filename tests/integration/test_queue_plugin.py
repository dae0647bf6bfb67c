"""The queue plugin's own tests: what the conformance kit does not ask of every plugin."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from sinetstream_queue import plugin
from sinetstream_queue.conformance import HARNESS
from sinetstream_queue.plugin import (
    QueueAsyncReader,
    QueueAsyncWriter,
    QueueMessage,
    QueueReader,
    QueueWriter,
    broker,
)
from sinetstream_sdk.configversion import ConfigVersion
from sinetstream_sdk.errors import AlreadyConnectedError, InvalidArgumentError
from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.roles import GROUPS

WAIT_S = 20.0
SOURCE = Path(plugin.__file__)

Opener = Callable[..., QueueReader]


def fresh_topic() -> str:
    return f"topic-{uuid.uuid4().hex}"


@pytest.fixture
def topic() -> str:
    return fresh_topic()


def spawn(work: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Start work on a thread that cannot keep the test run from ending, should it hang."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def take_all(reader: QueueReader) -> list[tuple[bytes, str, QueueMessage]]:
    """Every message until the time is up, or rather more than any test here publishes."""
    return list(islice(reader, 1000))


def payloads(reader: QueueReader) -> list[bytes]:
    return [payload for payload, _, _ in take_all(reader)]


@pytest.fixture
def open_reader() -> Iterator[Opener]:
    """Make open readers, and close them afterwards."""
    readers: list[QueueReader] = []

    def make(topics: str | list[str], **params: Any) -> QueueReader:
        reader = QueueReader({"topics": topics, **params})
        reader.open()
        readers.append(reader)
        return reader

    yield make
    for reader in readers:
        reader.close()


def publish(topic: str, *messages: bytes) -> None:
    writer = QueueWriter(ConfigVersion(3), {"topic": topic})
    writer.open()
    for payload in messages:
        writer.publish(payload)
    writer.close()


class Waiting:
    """Counts how often the broker looks for a message, to see whether a reader waits or polls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        self._looked = threading.Condition()
        oldest = broker._oldest

        def count(topics: tuple[str, ...]) -> Any:
            with self._looked:
                self.looks += 1
                self._looked.notify_all()
            return oldest(topics)

        monkeypatch.setattr(broker, "_oldest", count)

    def until_looked(self) -> None:
        """Wait until a reader has looked: it holds the broker's lock, and sleeps on it next."""
        with self._looked:
            assert self._looked.wait_for(lambda: self.looks > 0, WAIT_S)
        with broker._changed:
            pass


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(monkeypatch)


def test_the_plugin_registers_one_name_in_every_group() -> None:
    """All four groups have `queue`, and each entry point loads."""
    for group in GROUPS:
        (found,) = entry_points(group=group, name="queue")
        assert found.load().__module__ == "sinetstream_queue.plugin"


def test_the_module_is_short_and_needs_only_the_sdk() -> None:
    """The tutorial module has under 150 lines and imports the standard library and the SDK."""
    text = SOURCE.read_text(encoding="utf-8")
    imported = {
        (node.module or "").split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
    } | {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert len(text.splitlines()) < 150
    assert imported - sys.stdlib_module_names == {"sinetstream_sdk"}


def test_the_plugin_loads_neither_the_kit_nor_pytest() -> None:
    """Importing the plugin brings in nothing that only tests need."""
    code = (
        "import sys, sinetstream_queue.plugin; "
        "print(sorted({'pytest', 'hypothesis', 'sinetstream_conformance'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=WAIT_S, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_messages_wait_for_a_reader(topic: str, open_reader: Opener) -> None:
    """What was published before open() is read afterwards, in order, and then time is up."""
    publish(topic, b"one", b"two")
    messages = take_all(open_reader(topic, receive_timeout_ms=10))
    assert [(payload, name) for payload, name, _ in messages] == [(b"one", topic), (b"two", topic)]


def test_readers_of_one_topic_share_its_messages(topic: str, open_reader: Opener) -> None:
    """Each message goes to exactly one of two readers."""
    publish(topic, *(bytes([number]) for number in range(10)))
    first, second = (iter(open_reader(topic, receive_timeout_ms=0)) for _ in range(2))
    taken = [next(reader)[0] for _ in range(5) for reader in (first, second)]
    assert taken == [bytes([number]) for number in range(10)]
    assert (next(first, None), next(second, None)) == (None, None)


def test_the_raw_message_is_its_own(topic: str, open_reader: Opener) -> None:
    """Two messages of the same bytes have raw messages that differ and cannot be altered."""
    publish(topic, b"same", b"same")
    (_, _, one), (_, _, two) = take_all(open_reader(topic, receive_timeout_ms=0))
    assert isinstance(one, QueueMessage)
    assert (one.topic, one.payload) == (two.topic, two.payload) == (topic, b"same")
    assert one != two
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.payload = b"other"  # type: ignore[misc]


def test_a_subclass_of_bytes_arrives_as_bytes(topic: str, open_reader: Opener) -> None:
    """What the host hands over may carry more than the payload; the reader gets the payload."""

    class Stamped(bytes):
        timestamp = 1

    publish(topic, Stamped(b"\x00payload"))
    ((payload, _, raw),) = take_all(open_reader(topic, receive_timeout_ms=0))
    assert payload == b"\x00payload"
    assert type(payload) is bytes
    assert type(raw.payload) is bytes


@pytest.mark.parametrize("wrong", ["text", bytearray(b"x"), None, 7, [b"x"]])
def test_anything_but_bytes_is_refused(topic: str, open_reader: Opener, wrong: Any) -> None:
    """The writer raises InvalidArgumentError, does not quote the value, and sends nothing."""
    writer = QueueWriter({"topic": topic})
    writer.open()
    with pytest.raises(InvalidArgumentError, match=type(wrong).__name__) as caught:
        writer.publish(wrong)
    assert "text" not in str(caught.value)
    assert take_all(open_reader(topic, receive_timeout_ms=0)) == []


def test_a_reader_of_several_topics_gets_the_oldest_first(open_reader: Opener) -> None:
    """Across its topics a reader keeps to the order in which the broker took the messages."""
    one, two, three = (fresh_topic() for _ in range(3))
    for number in range(9):
        publish((two, one, three)[number % 3], b"%d" % number)
    got = take_all(open_reader([one, two, three], receive_timeout_ms=0))
    assert [payload for payload, _, _ in got] == [b"%d" % number for number in range(9)]
    assert [name for _, name, _ in got] == [two, one, three] * 3


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_reader_of_several_topics_is_woken_by_any(
    open_reader: Opener, waiting: Waiting, last: int
) -> None:
    """A next() without a time limit ends as soon as one of its topics has something."""
    topics = [fresh_topic() for _ in range(3)]
    message = spawn(next, iter(open_reader(topics)))
    waiting.until_looked()
    publish(topics[last], b"wake")
    assert message.result(WAIT_S)[:2] == (b"wake", topics[last])


def test_a_reader_that_waits_does_not_poll(open_reader: Opener, waiting: Waiting) -> None:
    """The broker is asked at the beginning and at the end of the time-out, and not between."""
    reader = open_reader([fresh_topic(), fresh_topic()], receive_timeout_ms=300)
    assert take_all(reader) == []
    assert 1 <= waiting.looks <= 3


def test_close_ends_a_waiting_reader_and_takes_nothing(
    topic: str, open_reader: Opener, waiting: Waiting
) -> None:
    """next() ends by StopIteration, stays over, and leaves later messages to other readers."""
    reader = open_reader(topic)
    messages = iter(reader)
    ended = spawn(next, messages, "over")
    waiting.until_looked()
    reader.close()
    assert ended.result(WAIT_S) == "over"
    publish(topic, b"later")
    assert next(messages, "over") == "over"
    assert payloads(open_reader(topic, receive_timeout_ms=0)) == [b"later"]


def test_an_old_iterator_takes_nothing_from_the_next_connection(
    topic: str, open_reader: Opener, waiting: Waiting
) -> None:
    """close() and open() at one stroke still end a next() that waits on the first connection."""
    reader = open_reader(topic, receive_timeout_ms=2000)
    ended = spawn(next, iter(reader), "over")
    waiting.until_looked()
    with broker._changed:  # keeps the waiting thread from running until all three are done
        reader.close()
        reader.open()
        publish(topic, b"new")
    assert ended.result(WAIT_S) == "over"
    assert next(iter(reader))[0] == b"new"


def test_an_iterator_that_is_over_stays_over(topic: str, open_reader: Opener) -> None:
    """After StopIteration an iterator gives nothing more; a new one of the same reader does."""
    reader = open_reader(topic, receive_timeout_ms=0)
    messages = iter(reader)
    assert next(messages, "over") == "over"
    publish(topic, b"late")
    assert next(messages, "over") == "over"
    assert next(iter(reader))[0] == b"late"


def test_roles_that_are_not_open_say_so(topic: str) -> None:
    """Before open() and after close(), next() and publish() raise this library's error."""
    reader, writer = QueueReader({"topic": topic}), QueueWriter({"topic": topic})
    for _ in range(2):
        with pytest.raises(BrokerGone, match=r"open\(\)"):
            next(iter(reader))
        with pytest.raises(BrokerGone, match=r"open\(\)"):
            writer.publish(b"x")
        for role in (reader, writer):
            role.open()
            role.close()
            role.close()


def test_opening_twice_is_refused_and_harmless(topic: str, open_reader: Opener) -> None:
    """A second open() raises AlreadyConnectedError; the first connection goes on working."""
    reader, writer = open_reader(topic, receive_timeout_ms=0), QueueWriter({"topic": topic})
    writer.open()
    for role in (reader, writer):
        with pytest.raises(AlreadyConnectedError, match=r"close\(\)"):
            role.open()
    writer.publish(b"still here")
    assert next(iter(reader))[0] == b"still here"


def test_threads_sharing_one_reader_lose_nothing(topic: str, open_reader: Opener) -> None:
    """Eight threads on four iterators of one reader take every message, and each only once."""
    reader = open_reader(topic, receive_timeout_ms=5000)
    iterators = [iter(reader) for _ in range(4)]
    drains = [spawn(lambda it: [raw.payload for *_, raw in it], it) for it in iterators * 2]
    sent = [b"%d" % number for number in range(400)]
    publish(topic, *sent)
    taken = [payload for drain in drains for payload in drain.result(WAIT_S)]
    assert sorted(taken) == sorted(sent)


def test_asynchronous_roles_share_the_queues(topic: str) -> None:
    """What the asynchronous writer sends, the asynchronous reader delivers in order."""
    delivered: Queue[tuple[bytes, str, QueueMessage]] = Queue()
    reader = QueueAsyncReader({"topics": [topic, fresh_topic()]})
    reader.on_message = lambda *message: delivered.put(message)
    writer = QueueAsyncWriter(ConfigVersion(3), {"topic": topic})
    reader.open()
    writer.open()
    try:
        promises = [writer.publish(b"%d" % number) for number in range(20)]
        got = [delivered.get(timeout=WAIT_S) for _ in promises]
    finally:
        writer.close()
        reader.close()
    assert [payload for payload, _, _ in got] == [b"%d" % number for number in range(20)]
    assert {name for _, name, _ in got} == {topic}
    assert all(promise.is_fulfilled for promise in promises)


def test_the_harness_can_make_sending_fail(topic: str, open_reader: Opener) -> None:
    """Within failing_sends() publishing raises and nothing arrives; afterwards it works again."""
    with HARNESS.failing_sends(), pytest.raises(BrokerGone, match="refuses"):
        publish(topic, b"lost")
    publish(topic, b"kept")
    assert payloads(open_reader(topic, receive_timeout_ms=0)) == [b"kept"]


def test_the_harness_can_stall_the_broker(topic: str, open_reader: Opener) -> None:
    """Within stalled() publishing neither ends nor fails; it goes through when that is over."""
    reader = open_reader(topic, receive_timeout_ms=100)
    with HARNESS.stalled():
        publishing = spawn(publish, topic, b"held")
        assert take_all(reader) == []
        assert not publishing.done()
    publishing.result(WAIT_S)
    assert next(iter(reader))[0] == b"held"
