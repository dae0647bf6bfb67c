"""What strangers can do who may write to the broker, and what they cannot."""

import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard

from memory_broker import Broker
from sinetstream_sdk.errors import InvalidMessageError
from sinetstream_sdk.host import AsyncMessageReader, MessageReader, MessageWriter
from sinetstream_sdk.host.avro import packer
from sinetstream_sdk.host.codec import Decoder, Encoder
from sinetstream_sdk.host.crypto import Opener
from sinetstream_sdk.host.keys import Budget
from sinetstream_sdk.host.limits import Limits
from sinetstream_sdk.host.packet import head

PAYLOAD = bytes(range(100))
KEYS: dict[str, dict[str, Any]] = {
    "key": {"key": bytes(range(16))},
    "versions": {"_keys": {1: bytes(16), 2: bytes(range(16)), 3: bytes(range(16))}},
    "password": {"password": "x", "key_derivation": {"iteration": 1}},
}


def encrypted(mode: str = "GCM", **crypto: Any) -> dict[str, Any]:
    return {"data_encryption": True, "crypto": {"algorithm": "AES", "mode": mode} | crypto}


def alterations(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every bit flipped, every byte cut out, every prefix and suffix, a byte added anywhere."""
    for at in range(len(data)):
        for bit in range(8):
            yield f"bit {at}.{bit}", data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]
        yield f"without {at}", data[:at] + data[at + 1 :]
        yield f"up to {at}", data[:at]
        yield f"from {at + 1}", data[at + 1 :]
    for at in range(len(data) + 1):
        for byte in (0, 255, data[at - 1]):
            yield f"{byte} at {at}", data[:at] + bytes((byte,)) + data[at:]


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("layout", [{}, {"message_format": 2}, {"user_data_only": True}])
@pytest.mark.parametrize("mode", ["GCM", "EAX"])
def test_every_alteration_of_an_authenticated_message_is_refused(
    mode: str, layout: dict[str, Any], keys: str
) -> None:
    """All bits, cuts and additions of a 100-byte payload's message, under every kind of key."""
    params = encrypted(mode, **KEYS[keys]) | layout
    message = Encoder(params).encode(PAYLOAD, 1_700_000_000_000_000)
    decoder = Decoder(params)
    assert decoder.decode(message)[0] == PAYLOAD
    released = []
    for what, altered in alterations(message):
        if altered == message or _is_still_a_message(keys, layout, what):
            continue
        try:
            decoder.decode(altered)
        except InvalidMessageError:
            continue
        released.append(what)
    assert released == []


def _is_still_a_message(keys: str, layout: dict[str, Any], what: str) -> bool:
    """The head of format 3 is outside of what the format authenticates.

    Without all of its six bytes a message is one of format 2, whole and authentic. And versions 2
    and 3 hold one key here.
    """
    return not layout and (what == "from 6" or (keys == "versions" and what == "bit 5.0"))


@pytest.mark.parametrize("timestamp", [0, 1_700_000_000_000_000])
@pytest.mark.parametrize("size", [0, 5, 63, 64, 100, 9000])
def test_plain_message_of_another_length_is_refused(size: int, timestamp: int) -> None:
    """A message without encryption is refused too when something is missing or follows."""
    message = Encoder({}).encode(bytes(size), timestamp)
    decoder = Decoder({})
    assert decoder.decode(message) == (bytes(size), timestamp)
    for altered in (*(message[:at] for at in range(min(len(message), 300))), message[:-1]):
        with pytest.raises(InvalidMessageError):
            decoder.decode(altered)
    with pytest.raises(InvalidMessageError, match="follow"):
        decoder.decode(message + b"x")


def test_altered_plaintext_reaches_no_serialiser() -> None:
    """Nothing of an altered message gets as far as the user's own code."""
    seen: list[bytes] = []
    params = encrypted(**KEYS["key"])
    message = Encoder(params).encode(PAYLOAD, 1)
    decoder = Decoder(params | {"value_deserializer": seen.append})
    with pytest.raises(InvalidMessageError, match="authentication"):
        decoder.decode(message[:-1] + bytes((message[-1] ^ 1,)))
    assert seen == []


def test_plain_message_is_refused_where_encryption_is_on() -> None:
    """Nobody can slip a message past the keys by leaving the encryption out."""
    decoder = Decoder(encrypted(**KEYS["key"]))
    with pytest.raises(InvalidMessageError, match="takes encrypted messages only"):
        decoder.decode(Encoder({}).encode(PAYLOAD, 1))
    for params in ({"message_format": 2}, {"user_data_only": True}):
        with pytest.raises(InvalidMessageError, match="authentication"):
            decoder.decode(Encoder(params).encode(PAYLOAD, 1))


def test_encrypted_message_is_refused_where_encryption_is_off() -> None:
    """The error names the parameter."""
    message = Encoder(encrypted(**KEYS["key"])).encode(PAYLOAD, 1)
    with pytest.raises(InvalidMessageError, match=r"key version 1.*data_encryption is off"):
        Decoder({}).decode(message)


@pytest.mark.parametrize("algorithm", ["gzip", "zstd", "zstd without size"])
def test_decompression_stops_at_the_limit(algorithm: str) -> None:
    """A message of some kilobytes that stands for 200 MB is refused without taking them."""
    zeros = bytes(1_000_000)
    if algorithm == "gzip":
        packer_ = zlib.compressobj(6)
        bomb = b"".join(packer_.compress(zeros) for _ in range(200)) + packer_.flush()
    elif algorithm == "zstd":
        bomb = zstandard.ZstdCompressor(1).compress(zeros * 200)
    else:
        stream = zstandard.ZstdCompressor().compressobj()
        bomb = b"".join(stream.compress(zeros) for _ in range(200)) + stream.flush()
    assert len(bomb) < 250_000
    params = {
        "data_compression": True,
        "compression": {"algorithm": algorithm.split()[0]},
        "limits": {"uncompressed_bytes": 1_000_000},
    }
    message = packer(head(0))(bomb, 1)
    decoder = Decoder(params)
    tracemalloc.start()
    with pytest.raises(InvalidMessageError, match=r"limits\.uncompressed_bytes"):
        decoder.decode(message)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize("algorithm", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [99_999, 100_000, 100_001])
def test_the_limit_itself_is_allowed(algorithm: str, size: int) -> None:
    """A payload of exactly the limit passes, one byte more does not."""
    params = {
        "data_compression": True,
        "compression": {"algorithm": algorithm},
        "limits": {"uncompressed_bytes": 100_000},
    }
    message = Encoder(params).encode(bytes(size), 1)
    if size > 100_000:
        with pytest.raises(InvalidMessageError, match="larger than 100000 bytes"):
            Decoder(params).decode(message)
    else:
        assert Decoder(params).decode(message)[0] == bytes(size)


@pytest.mark.parametrize("algorithm", ["gzip", "zstd"])
def test_cut_or_extended_compressed_payload_is_refused(algorithm: str) -> None:
    """Half a payload is never passed off as a whole one."""
    params: dict[str, Any] = {"data_compression": True, "compression": {"algorithm": algorithm}}
    bare = Encoder(params | {"user_data_only": True}).encode(PAYLOAD, 1)
    decoder = Decoder(params)
    for data in [bare[:at] for at in range(len(bare))] + [bare + b"x", bare + bare]:
        with pytest.raises(InvalidMessageError, match=f"no {algorithm} data"):
            decoder.decode(packer(head(0))(data, 1))


def opener(budget: Budget | None = None, mode: str = "GCM", **limits: Any) -> Opener:
    params = encrypted(mode, password="x", key_derivation={"iteration": 1})
    return Opener(params, Limits(**limits), budget)


def sealed(mode: str = "GCM") -> bytes:
    """One message of a writer of its own, and so under a salt of its own."""
    params = encrypted(mode, **KEYS["password"]) | {"user_data_only": True}
    return Encoder(params).encode(PAYLOAD, 1)


@pytest.mark.parametrize("mode", ["GCM", "CTR"])
def test_cache_of_derived_keys_is_bounded(mode: str) -> None:
    """However many writers there are, only so many keys are kept: those used last."""
    box = opener(mode=mode, derived_keys=3)
    derive, derived = box._new_box, []
    box._new_box = lambda *which: derived.append(which) or derive(*which)  # type: ignore[method-assign]
    known = sealed(mode)
    for _ in range(10):
        assert box.open(known, 1) == PAYLOAD
        assert box.open(sealed(mode), 1) == PAYLOAD
    assert len(box._known) == 3
    assert len(derived) == 11


def test_made_up_salts_take_no_place_in_the_cache() -> None:
    """A key is kept once a message has been verified with it, not before."""
    box = opener()
    known = sealed()
    box.open(known, 1)
    for index in range(100):
        with pytest.raises(InvalidMessageError):
            box.open(index.to_bytes(8, "big") + known[8:], 1)
    assert list(box._known) == [(1, known[:8])]


def test_flood_of_unknown_salts_costs_bounded_time_and_known_writers_go_on() -> None:
    """Once the burst is spent no key is derived, save for a share of the time that passes."""
    now, spent = [0.0], [0.0]

    def cost_clock() -> float:
        spent[0] += 0.5  # two readings for each derivation: each costs half a second
        return spent[0]

    budget = Budget(2.0, 0.1, clock=lambda: now[0], cost_clock=cost_clock)
    box = opener(budget)
    known = sealed()
    assert box.open(known, 1) == PAYLOAD
    outcomes = []
    for _ in range(1000):
        with pytest.raises(InvalidMessageError) as caught:
            box.open(bytes(8) + known[8:], 1)
        outcomes.append("unknown salt" in str(caught.value))
    derived = outcomes.count(False)
    assert derived == 3
    assert box.open(known, 1) == PAYLOAD
    assert "limits.derivation_share" in str(caught.value)
    now[0] = 60.0
    assert box.open(sealed(), 1) == PAYLOAD


def test_short_message_derives_no_key() -> None:
    """What cannot be a message costs no derivation."""
    box = opener(Budget(2.0, 0.1))
    box._new_box = None  # type: ignore[assignment,method-assign]
    with pytest.raises(InvalidMessageError, match="at least"):
        box.open(bytes(39), 1)


def test_malformed_message_does_not_end_a_reader(broker: Broker) -> None:
    """It raises InvalidMessageError from that next(); the following message is read."""
    common: dict[str, Any] = {"type": "memory", "no_config": True}
    with (
        MessageWriter(topic="t", **common) as writer,
        MessageReader(topics="t", receive_timeout_ms=0, **common) as reader,
    ):
        writer.publish(b"first")
        for bad in (b"", b"\xdf", b"nonsense" * 9, Encoder({}).encode(b"x", 1) + b"!", None, "str"):
            broker.topics["t"].put(bad)
        writer.publish(b"second")
        stream = iter(reader)
        assert next(stream).value == b"first"
        for _ in range(6):
            with pytest.raises(InvalidMessageError):
                next(stream)
        assert next(stream).value == b"second"
        with pytest.raises(StopIteration):
            next(stream)
        assert reader.metrics.error_count_total == 6
        assert reader.metrics.msg_count_total == 2


def test_malformed_message_does_not_end_an_async_reader(broker: Broker) -> None:
    """It is reported to on_failure, and delivery goes on."""
    values: list[Any] = []
    failures: list[Exception] = []
    complete = threading.Event()

    def take(message: Any) -> None:
        values.append(message.value)
        if message.value == b"last":
            complete.set()

    reader = AsyncMessageReader(type="memory", topics="t", no_config=True)
    reader.on_message, reader.on_failure = take, failures.append
    with reader:
        for data in (Encoder({}).encode(b"first", 1), b"nonsense", Encoder({}).encode(b"last", 1)):
            broker.topics["t"].put(data)
        assert complete.wait(10)
    assert values == [b"first", b"last"]
    assert [type(failure) for failure in failures] == [InvalidMessageError]


@pytest.mark.parametrize(
    ("mode", "padding", "data"),
    [
        ("CBC", "pkcs7", bytes(24)),
        ("CBC", "pkcs7", bytes(39)),
        ("CBC", "pkcs7", bytes(40)),
        ("CBC", None, bytes(25)),
        ("CTR", "pkcs7", bytes(40)),
        ("OPENPGP", None, bytes(25)),
    ],
)
def test_unauthenticated_garbage_is_invalid_message(mode: str, padding: Any, data: bytes) -> None:
    """Blocks that do not fit and padding that is none are told as any malformed message."""
    decoder = Decoder(encrypted(mode, padding=padding, **KEYS["key"]) | {"user_data_only": True})
    with pytest.raises(InvalidMessageError):
        decoder.decode(data)


def test_unknown_key_version_is_refused() -> None:
    """The message says which version it named."""
    keys = {"_keys": {4: bytes(16), 9: bytes(range(16))}}
    message = Encoder(encrypted(**keys)).encode(PAYLOAD, 1)
    assert message[4:6] == b"\0\x09"
    with pytest.raises(InvalidMessageError, match="key version 8"):
        Decoder(encrypted(**keys)).decode(message[:5] + b"\x08" + message[6:])
    older = Encoder(encrypted(_keys={4: bytes(16)})).encode(PAYLOAD, 1)
    assert Decoder(encrypted(**keys)).decode(older)[0] == PAYLOAD
