"""Random and mutated input ends in the documented error or in a right value, and nothing else.

Small by default; ``make fuzz`` runs a million messages and ten thousand configuration files.
"""

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sinetstream_sdk.errors import (
    InvalidConfigError,
    InvalidMessageError,
    NoConfigError,
    NoServiceError,
)
from sinetstream_sdk.host.avro import packer
from sinetstream_sdk.host.codec import Decoder, Encoder
from sinetstream_sdk.host.config import load_service

MESSAGES = int(os.environ.get("SINETSTREAM_FUZZ_MESSAGES", "4000"))
FILES = int(os.environ.get("SINETSTREAM_FUZZ_FILES", "200"))
SEED = int(os.environ.get("SINETSTREAM_FUZZ_SEED", "20"))

LIMITS = {"limits": {"uncompressed_bytes": 100_000}}
PASSWORD = {"password": "x", "key_derivation": {"iteration": 1}}
KEY = {"key": bytes(16)}
LAYOUTS: list[dict[str, Any]] = [{}, {"message_format": 2}, {"user_data_only": True}]
COMPRESSIONS: list[dict[str, Any]] = [
    {},
    {"data_compression": True, "compression": {"algorithm": "gzip"}},
    {"data_compression": True, "compression": {"algorithm": "zstd"}},
]
CIPHERS = [None, "CBC", "CFB", "OFB", "CTR", "OPENPGP", "EAX", "GCM"]
VALUES = ["", "a", "hello " * 20, "短い文" * 40, "\0" * 3000]


def cases() -> list[dict[str, Any]]:
    found = []
    for layout in LAYOUTS:
        for compression in COMPRESSIONS:
            for cipher in CIPHERS:
                for key in (PASSWORD, KEY) if cipher else ({},):
                    crypto = {"algorithm": "AES", "mode": cipher, "padding": "pkcs7", **key}
                    found.append(
                        {**layout, **compression, **LIMITS, "value_type": "text"}
                        | ({"data_encryption": True, "crypto": crypto} if cipher else {})
                    )
    return found


class Mutator:
    def __init__(self, source: random.Random) -> None:
        self.random = source

    def __call__(self, data: bytes) -> bytes:
        change = self.random.choice(
            (self.flip, self.flip, self.cut, self.insert, self.replace, self.noise, self.repeat)
        )
        for _ in range(self.random.choice((1, 1, 1, 2, 5))):
            data = change(data)
        return data

    def flip(self, data: bytes) -> bytes:
        if not data:
            return self.noise(data)
        at = self.random.randrange(len(data))
        return data[:at] + bytes((data[at] ^ 1 << self.random.randrange(8),)) + data[at + 1 :]

    def cut(self, data: bytes) -> bytes:
        at = self.random.randint(0, len(data))
        return data[:at] if self.random.random() < 0.7 else data[at:]

    def insert(self, data: bytes) -> bytes:
        at = self.random.randint(0, len(data))
        return data[:at] + self.random.randbytes(self.random.choice((1, 1, 4, 40))) + data[at:]

    def replace(self, data: bytes) -> bytes:
        at = self.random.randint(0, len(data))
        piece = self.random.choice((b"\xff", b"\x80" * 10, b"\0", b"\xdf\3\0\0\0\1", b"\x7f\xff"))
        return data[:at] + piece + data[at + len(piece) :]

    def noise(self, data: bytes) -> bytes:
        start = data[: self.random.choice((0, 4, 6, 16, 24))]
        return start + self.random.randbytes(self.random.randrange(80))

    def repeat(self, data: bytes) -> bytes:
        return data + data[: self.random.randrange(40)]


def test_decoder_survives_whatever_comes() -> None:
    """Each decode gives a str and an int, or InvalidMessageError; authenticated ones the sent."""
    source = random.Random(SEED)
    mutate = Mutator(source)
    prepared = []
    for params in cases():
        encoder, decoder = Encoder(params), Decoder(params)
        sent = [
            (encoder.encode(value, 10**15 + index), value) for index, value in enumerate(VALUES)
        ]
        if not params.get("data_encryption") and params.get("data_compression"):
            # What the envelope would hide from the decompressor: damage inside a whole message.
            bare = Encoder({**params, "user_data_only": True}).encode(VALUES[2], 0)
            pack = None if params.get("user_data_only") else packer(encoder._head)
            inner = [mutate(bare) for _ in range(20)]
            sent += [(pack(data, 5) if pack else data, None) for data in inner]
        mode = params.get("crypto", {}).get("mode")
        prepared.append((decoder.decode, sent, mode in ("EAX", "GCM")))
    ends: Counter[str] = Counter()
    for _ in range(MESSAGES):
        decode, sent, authenticated = source.choice(prepared)
        original, value = source.choice(sent)
        data = mutate(original)
        try:
            decoded, timestamp = decode(data)
        except InvalidMessageError:
            ends["refused"] += 1
            continue
        assert type(decoded) is str
        assert type(timestamp) is int
        if authenticated:
            assert decoded == value
        ends["value"] += 1
    print(f"{MESSAGES} messages, seed {SEED}: {dict(ends)}")  # noqa: T201 - shown by make fuzz
    assert ends["refused"] > MESSAGES / 2


FILE_SEEDS = [
    b"svc:\n  type: queue\n  topic: t\n  brokers: [a:1, b:2]\n  crypto: {password: s3cret}\n",
    b"header: {version: 3}\nconfig:\n  a: {type: mqtt, type_spec: {qos: 1}}\n  b: {type: x}\n",
    b"header:\n  version: 2\nconfig:\n  svc:\n    type: kafka\n    key: !!binary aGVsbG8=\n",
    b"a: &x {type: q, n: 1.5, d: 2001-12-14, b: yes}\nb: {<<: *x, o: 0o17, s: 1:30, n: ~}\n",
    b"svc:\n  tls:\n    ca_data: |\n      -----BEGIN\n      x\n  k: !sinetstream/encrypted QQ==\n",
]
TOKENS = (
    b"&a *a << : - ? | > [ ] { } , # !! !!binary !!int !!bool !!float !!timestamp !!set !!omap "
    b"!!python/object:os.system ' \" %YAML --- ... \t 2001-99-99 0b2 09 1_000:99 .inf .nan ~ "
    b"&x[*x] \xff \0 \xe2\x80\xa8 99999999999999999999999999 header config version"
).split(b" ")


def mutated_file(source: random.Random, mutate: Mutator) -> bytes:
    text = source.choice(FILE_SEEDS)
    for _ in range(source.choice((1, 1, 2, 4))):
        kind = source.random()
        if kind < 0.6:
            at = source.randint(0, len(text))
            text = text[:at] + source.choice(TOKENS) + source.choice((b"", b" ", b"\n")) + text[at:]
        elif kind < 0.9:
            text = mutate(text)
        else:
            text = source.choice((b"[" * 2000, b"{a: " * 800, source.randbytes(60), b"- " * 3000))
    return text


def test_configuration_loader_survives_whatever_comes(tmp_path: Path) -> None:
    """Each file gives a service, or one of the three documented errors, which quote no secret."""
    source = random.Random(SEED)
    mutate = Mutator(source)
    path = tmp_path / "config.yml"
    ends: Counter[str] = Counter()
    for _ in range(FILES):
        path.write_bytes(mutated_file(source, mutate))
        try:
            service = load_service(source.choice((None, "svc", "a")), str(path))
        except (InvalidConfigError, NoConfigError, NoServiceError) as error:
            ends[type(error).__name__] += 1
            said = str(error)
        else:
            said = f"{path} {service!r}"
            assert type(service.params) is dict
            assert service.confver.ver() in (1, 2, 3)
            ends["service"] += 1
        assert "s3cret" not in said
        assert str(path) in said
    print(f"{FILES} files, seed {SEED}: {dict(ends)}")  # noqa: T201 - shown by make fuzz
    assert ends["InvalidConfigError"]
    assert ends["service"]


@pytest.mark.parametrize(
    "text",
    [
        b"x: " + b"[" * 100_000,
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110)
        )
        + b"svc: {v: *m}\n",
        b"a: &a {k: 1}\n"
        + b"".join(
            b"%c: &%c {<<: [%s]}\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9))
            for c in range(98, 110)
        )
        + b"svc: *m\n",
        b"svc: &s {self: *s}\n",
        b"svc: {n: " + b"9" * 10_000 + b"}\n",
        b"svc: {? [1] : 2}\n",
        b"svc: {1: 2}\n",
    ],
    ids=["deep", "aliases", "merges", "cycle", "digits", "list-as-key", "number-as-key"],
)
def test_configuration_bombs_are_refused(text: bytes, tmp_path: Path) -> None:
    """What would take memory, time or the stack without end is InvalidConfigError."""
    path = tmp_path / "config.yml"
    path.write_bytes(text)
    with pytest.raises(InvalidConfigError):
        load_service("svc", str(path))
