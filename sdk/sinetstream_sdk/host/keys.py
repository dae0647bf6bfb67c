"""Where the keys of a service come from: one password, one explicit key, or several by version.

A key derived from a password depends on the salt that each writer draws for itself, so a reader
derives one for every writer. That takes milliseconds, and anybody who can write to the broker can
make up salts: :class:`Budget` bounds what a reader spends on them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from sinetstream_sdk.errors import InvalidArgumentError

__all__ = ["Budget", "KeySource", "invalid"]

PRFS = {"HMAC-SHA256": "sha256", "HMAC-SHA384": "sha384", "HMAC-SHA512": "sha512"}
ALGORITHMS = ("pbkdf2", "PBKDF2WithHmacSHA256")
KEY_LENGTHS = (128, 192, 256)


def invalid(name: str, expected: str, came: str) -> InvalidArgumentError:
    """The error for a wrong value under ``crypto``; ``came`` must not hold a secret."""
    return InvalidArgumentError(
        f"crypto.{name} must be {expected}; {came} was given", parameter=f"crypto.{name}"
    )


def positive(crypto: Mapping[str, Any], name: str, value: object, minimum: int = 1) -> int:
    """A whole number from the configuration.

    :raises InvalidArgumentError: it is none, or smaller than ``minimum``
    """
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value < 1 << 31:
        raise invalid(name, f"a whole number of {minimum} or more", repr(value))
    return value


class KeySource:
    """The keys that a service's ``crypto`` parameters stand for. Its repr tells none of them."""

    def __init__(self, crypto: Mapping[str, Any]) -> None:
        """Check the parameters and read the password's file, if it has one.

        :raises InvalidArgumentError: no key and no password, both, or a wrong value
        """
        length = crypto.get("key_length", 128)
        if length not in KEY_LENGTHS or isinstance(length, bool):
            raise invalid("key_length", "128, 192 or 256 (bits)", repr(length))
        self.key_bytes: int = length // 8
        derivation = crypto.get("key_derivation") or {}
        if not isinstance(derivation, Mapping):
            raise invalid("key_derivation", "a mapping", f"a {type(derivation).__name__}")
        self.salt_bytes = positive(
            crypto, "key_derivation.salt_bytes", derivation.get("salt_bytes", 8), 0
        )
        self._keys = self._explicit(crypto)
        if self._keys:
            if crypto.get("password") is not None:
                raise InvalidArgumentError(
                    "crypto: give either a key or a password, not both", parameter="crypto.password"
                )
            self._password = b""
            self.max_version = max(self._keys)
            return
        self.max_version = 1
        self._iterations = positive(
            crypto, "key_derivation.iteration", derivation.get("iteration", 10000)
        )
        self._hash = self._choice(derivation, "prf", "HMAC-SHA256", PRFS)
        self._choice(derivation, "algorithm", "pbkdf2", {name: name for name in ALGORITHMS})
        self._password = _password(crypto.get("password"))

    @property
    def derives(self) -> bool:
        """Whether keys are derived from a password, each from its own salt."""
        return not self._keys

    def key(self, version: int, salt: bytes) -> bytes | None:
        """The key of that version, or None if there is no such version."""
        if self._keys:
            return self._keys.get(version)
        if version != self.max_version:
            return None
        return hashlib.pbkdf2_hmac(
            self._hash, self._password, salt, self._iterations, self.key_bytes
        )

    def __repr__(self) -> str:
        what = "password" if self.derives else f"key versions {sorted(self._keys)}"
        return f"<KeySource {what}, {self.key_bytes * 8} bits>"

    def _explicit(self, crypto: Mapping[str, Any]) -> dict[int, bytes]:
        versions = crypto.get("_keys")
        if versions is None:
            single = crypto.get("key")
            return {} if single is None else {1: self._checked("key", single)}
        if not isinstance(versions, Mapping) or not versions:
            raise invalid("_keys", "a mapping of version to key", f"a {type(versions).__name__}")
        for version in versions:
            if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 65536:
                raise invalid("_keys", "keyed by whole numbers from 1 to 65535", repr(version))
        return {version: self._checked("_keys", key) for version, key in versions.items()}

    def _checked(self, name: str, key: object) -> bytes:
        if not isinstance(key, bytes):
            raise invalid(name, "bytes (!!binary in a file)", f"a {type(key).__name__}")
        if len(key) != self.key_bytes:
            raise invalid(
                name,
                f"{self.key_bytes} bytes long, as crypto.key_length says",
                f"one of {len(key)} bytes",
            )
        return bytes(key)

    @staticmethod
    def _choice(where: Mapping[str, Any], name: str, default: str, known: Mapping[str, str]) -> str:
        value = where.get(name, default)
        found = known.get(value) if isinstance(value, str) else None
        if found is None:
            raise invalid(f"key_derivation.{name}", f"one of {', '.join(known)}", repr(value))
        return found


def _password(given: object) -> bytes:
    if isinstance(given, Mapping):
        value, path = given.get("value"), given.get("path")
        if value is None and path is not None:
            return _encode(_read(path))
        given = value
    if given is None:
        raise InvalidArgumentError(
            "crypto: data_encryption needs crypto.password (a string, or a mapping with value or "
            "path) or crypto.key",
            parameter="crypto.password",
        )
    return _encode(given)


def _read(path: object) -> str:
    if not isinstance(path, str):
        raise invalid("password.path", "the name of a file", f"a {type(path).__name__}")
    try:
        # Nothing is stripped: a final line feed is part of the published host's password too.
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidArgumentError(
            f"crypto.password.path: {path!r} cannot be read: {reason}",
            parameter="crypto.password.path",
        ) from (error if isinstance(error, OSError) else None)


def _encode(password: object) -> bytes:
    if isinstance(password, bytes):
        return password
    if not isinstance(password, str):
        raise invalid("password", "a string", f"a {type(password).__name__}")
    try:
        return password.encode("latin-1")
    except UnicodeEncodeError:
        # Without its cause, which holds the password.
        raise invalid(
            "password",
            "made of Latin-1 characters, since the published host knows no other encoding",
            "one with others",
        ) from None


class Budget:
    """Bounds the processor time that key derivation may take: a burst, then a share of the time.

    One second of credit pays for one second of derivation. It is measured afterwards, so the last
    derivation may overdraw it.
    """

    def __init__(
        self,
        burst_s: float,
        share: float,
        clock: Callable[[], float] = time.monotonic,
        cost_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._burst, self._share = burst_s, share
        self._clock, self._cost_clock = clock, cost_clock
        self._credit, self._at = burst_s, clock()
        self._lock = Lock()

    def spend(self, work: Callable[[], bytes | None]) -> bytes | None:
        """What ``work`` returns, or None without having run it, when the credit is used up."""
        with self._lock:
            now = self._clock()
            self._credit = min(self._burst, self._credit + (now - self._at) * self._share)
            self._at = now
            if self._credit <= 0:
                return None
        start = self._cost_clock()
        result = work()
        cost = self._cost_clock() - start
        with self._lock:
            self._credit -= cost
        return result
