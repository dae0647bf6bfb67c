"""Every message that either host writes is read by the other."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinetstream_sdk.host.codec import Decoder, Encoder

FORMATS: dict[str, dict[str, Any]] = {
    "bare": {"user_data_only": True},
    "format2": {"message_format": 2},
    "format3": {},
}
COMPRESSIONS: list[dict[str, Any]] = [
    {},
    {"data_compression": True, "compression": {"algorithm": "gzip"}},
    {"data_compression": True, "compression": {"algorithm": "gzip", "level": 9}},
    {"data_compression": True, "compression": {"algorithm": "zstd"}},
    {"data_compression": True, "compression": {"algorithm": "zstd", "level": 7}},
]
CIPHERS = [None, "CBC", "CFB", "OFB", "CTR", "OPENPGP", "EAX", "GCM"]
QUICK = {"key_derivation": {"iteration": 10}}
KEY = bytes(range(32))
KEYS: list[dict[str, Any]] = [
    {"password": "open sésame", **QUICK},
    {"password": {"value": "x"}, "key_length": 256, **QUICK},
    {
        "password": "x",
        "key_length": 192,
        "key_derivation": {"iteration": 7, "salt_bytes": 16, "prf": "HMAC-SHA512"},
    },
    {"key": KEY[:16]},
    {"key": KEY, "key_length": 256},
    {"_keys": {2: KEY[8:24], 7: KEY[:16], 300: KEY[4:20]}},
]
TIMES = st.one_of(st.integers(0, 2**50), st.integers(16 * 10**14, 20 * 10**14))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
LARGE = st.sampled_from([b"", b"\0" * 5000, bytes(range(256)) * 20, b"\xc3\x01", b"\xdf\x03\0\0"])
BYTES = st.one_of(st.binary(max_size=300), LARGE)


def seconds_exact(timestamp_us: int) -> int:
    """The next lower time that survives the published API, which takes a float of seconds."""
    while int(timestamp_us / 1_000_000 * 1_000_000) != timestamp_us:
        timestamp_us = int(timestamp_us / 1_000_000 * 1_000_000)
    return timestamp_us


def configurations(cipher: str | None, layout: str) -> list[dict[str, Any]]:
    if cipher is None:
        return [FORMATS[layout] | compression for compression in COMPRESSIONS]
    crypto = {"algorithm": "AES", "mode": cipher, "padding": "pkcs7"}
    paddings = ["pkcs7"] if cipher == "CBC" else ["pkcs7", "none"]
    found = []
    for index, keys in enumerate(KEYS):
        compression = COMPRESSIONS[index % len(COMPRESSIONS)]
        padding = paddings[index % len(paddings)]
        found.append(
            FORMATS[layout]
            | compression
            | {"data_encryption": True, "crypto": crypto | keys | {"padding": padding}}
        )
    return found


def both_ways(published: Any, params: dict[str, Any], items: list[tuple[Any, int]]) -> None:
    ours, mine = Encoder(params), Decoder(params)
    bare = params.get("user_data_only", False)
    expected = [(value, 0 if bare else timestamp) for value, timestamp in items]
    sent = [ours.encode(value, timestamp) for value, timestamp in items]
    assert published.decode(params, sent) == expected
    received = published.encode(params, items)
    assert [mine.decode(data) for data in received] == expected
    assert [mine.decode(data) for data in sent] == expected


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("cipher", CIPHERS)
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    values=st.lists(st.tuples(BYTES, TIMES), min_size=1, max_size=4),
    texts=st.lists(st.tuples(TEXTS, TIMES), min_size=1, max_size=4),
)
def test_every_message_crosses_in_both_directions(
    published: Any,
    layout: str,
    cipher: str | None,
    values: list[tuple[bytes, int]],
    texts: list[tuple[str, int]],
) -> None:
    """All formats, value types, compressions, modes and kinds of key, both ways."""
    for params in configurations(cipher, layout):
        both_ways(published, params, [(v, seconds_exact(t)) for v, t in values])
        worded = params | {"value_type": "text"}
        both_ways(published, worded, [(v, seconds_exact(t)) for v, t in texts])


def test_default_derivation_and_password_file(published: Any, tmp_path: Any) -> None:
    """A password from a file, final line feed included, gives both hosts the same keys."""
    path = tmp_path / "password"
    path.write_text("s3cret\n")
    crypto = {"algorithm": "AES", "mode": "GCM", "password": {"path": str(path)}}
    both_ways(published, {"data_encryption": True, "crypto": crypto}, [(b"hello", 1)])


def test_plain_message_is_the_published_one_byte_for_byte(published: Any) -> None:
    """Where nothing is random the bytes are the same, whatever the payload's length and time."""
    times = [0, 1, 63, 64, 2**20, 1_700_000_000_123_456, 2**48, 2**49 - 1, 2**49, 2**52]
    items = [
        (b"x" * length, seconds_exact(timestamp))
        for length in (0, 1, 63, 64, 8191, 8192, 70000)
        for timestamp in times
    ]
    for params in ({}, {"message_format": 2}):
        encoder = Encoder(params)
        assert published.encode(params, items) == [encoder.encode(*item) for item in items]


def test_known_message() -> None:
    """One message, written out: the fixed point should both hosts ever change together."""
    known = bytes.fromhex("df0300000000 c3011f9c0c91eb33664f 8080f28183898506 04 6869")
    assert Encoder({}).encode(b"hi", 1_700_000_000_000_000) == known
    assert Decoder({}).decode(known) == (b"hi", 1_700_000_000_000_000)


def test_reader_of_format_3_takes_format_2(published: Any) -> None:
    """A message without the packet head is one of format 2, as the published reader has it."""
    crypto = {"algorithm": "AES", "mode": "GCM", "key": KEY[:16]}
    for params in ({}, {"data_encryption": True, "crypto": crypto}):
        old = Encoder(params | {"message_format": 2}).encode(b"old", 5)
        assert Decoder(params).decode(old) == (b"old", 5)
        assert published.decode(params, [old]) == [(b"old", 5)]
