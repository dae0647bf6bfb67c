"""Encrypting and decrypting the bytes of messages, as the parameters under ``crypto`` say.

On the wire: salt, IV or nonce, ciphertext, and in an authenticated mode its tag.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from sinetstream_sdk.errors import InvalidArgumentError, InvalidMessageError
from sinetstream_sdk.host.extras import require
from sinetstream_sdk.host.keys import Budget, KeySource, invalid
from sinetstream_sdk.host.limits import Limits

if TYPE_CHECKING:
    from sinetstream_sdk.host.aesmodes import Box

__all__ = ["Opener", "Sealer"]

_BLOCK = 16
_PADDINGS = {None: False, "none": False, "NoPadding": False, "pkcs7": True}


def _mapping(params: Mapping[str, Any]) -> Mapping[str, Any]:
    crypto = params.get("crypto")
    if not isinstance(crypto, Mapping):
        raise InvalidArgumentError(
            "data_encryption is true, but there is no mapping 'crypto' beside it that says how",
            parameter="crypto",
        )
    return crypto


def _modes() -> Any:
    require("cryptography", "crypto", "data_encryption: true")
    from sinetstream_sdk.host import aesmodes

    return aesmodes


def _mode(crypto: Mapping[str, Any]) -> type[Box]:
    algorithm = crypto.get("algorithm")
    if algorithm != "AES":
        raise invalid("algorithm", "AES", repr(algorithm))
    modes = _modes().MODES
    mode = crypto.get("mode")
    found: type[Box] | None = modes.get(mode) if isinstance(mode, str) else None
    if found is None:
        raise invalid("mode", f"one of {', '.join(modes)}", repr(mode))
    return found


def _padded(crypto: Mapping[str, Any]) -> bool:
    padding = crypto.get("padding")
    if padding is not None and (not isinstance(padding, str) or padding not in _PADDINGS):
        raise invalid("padding", "pkcs7, NoPadding or none", repr(padding))
    return _PADDINGS[padding]


class Sealer:
    """Encrypts with the newest key; the salt is drawn once for its life."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Derive the key.

        :raises InvalidArgumentError: a wrong value under ``crypto``, or no library for it
        """
        crypto = _mapping(params)
        mode = _mode(crypto)
        source = KeySource(crypto)
        self.key_version = source.max_version
        self.authenticated = mode.authenticated
        self._pad = _padded(crypto)
        self._salt = os.urandom(source.salt_bytes)
        key = source.key(source.max_version, self._salt)
        assert key is not None  # the newest version is always there
        self._box = mode(key)

    def seal(self, data: bytes) -> bytes:
        """Salt, IV or nonce, ciphertext and tag of ``data``.

        :raises InvalidMessageError: the mode takes whole blocks only, and there is no padding
        """
        if self._pad:
            count = _BLOCK - len(data) % _BLOCK
            data += bytes((count,)) * count
        try:
            return self._salt + self._box.seal(data, self._salt)
        except ValueError as error:
            raise InvalidMessageError(
                f"crypto: this mode encrypts whole blocks of {_BLOCK} bytes, and the message has "
                f"{len(data)}; set crypto.padding to pkcs7"
            ) from error

    def __repr__(self) -> str:
        return f"<{type(self).__name__} key version {self.key_version}>"


class Opener:
    """Decrypts what any writer with the same keys sent."""

    def __init__(
        self, params: Mapping[str, Any], limits: Limits, budget: Budget | None = None
    ) -> None:
        """Check the parameters; keys are derived when their salts turn up.

        :raises InvalidArgumentError: a wrong value under ``crypto``, or no library for it
        """
        crypto = _mapping(params)
        self._mode = _mode(crypto)
        self._invalid_tag: type[Exception] = _modes().InvalidTag
        self._source = KeySource(crypto)
        self._padded = _padded(crypto)
        self.authenticated = self._mode.authenticated
        self.max_version = self._source.max_version
        self._salt_bytes = self._source.salt_bytes
        self._minimum = self._salt_bytes + self._mode.overhead
        self._budget = budget or Budget(limits.derivation_burst_s, limits.derivation_share)
        self._known: OrderedDict[tuple[int, bytes], Box] = OrderedDict()
        self._known_limit = limits.derived_keys
        self._lock = Lock()

    def open(self, data: bytes, version: int) -> bytes:
        """The plaintext of ``data``, verified first where the mode can.

        :raises InvalidMessageError: too short, altered, of an unknown key version, or under a new
            salt while too many of those have come
        """
        if len(data) < self._minimum:
            raise InvalidMessageError(
                f"the encrypted message has {len(data)} bytes; at least {self._minimum} are needed"
            )
        salt = data[: self._salt_bytes]
        which = (version, salt if self._source.derives else b"")
        box = self._known.get(which)
        new = box is None
        if box is None:
            box = self._new_box(version, salt)
        elif len(self._known) > 1:
            self._remember(which, box)
        try:
            plain = box.unseal(data[self._salt_bytes :], salt)
        except self._invalid_tag:
            raise InvalidMessageError(
                "the message fails its authentication: it was altered, or written with another "
                "key, password or mode"
            ) from None
        except ValueError as error:
            raise InvalidMessageError(f"the message cannot be decrypted: {error}") from None
        if new:
            # In an authenticated mode only a salt that came with a true message gets this far, so
            # made-up ones cannot push the others out.
            self._remember(which, box)
        return _unpad(plain) if self._padded else plain

    def _new_box(self, version: int, salt: bytes) -> Box:
        source = self._source
        if source.derives and version == source.max_version:
            key = self._budget.spend(lambda: source.key(version, salt))
            if key is None:
                raise InvalidMessageError(
                    "the message has an unknown salt, and too many of those have come lately to "
                    "derive keys for them all; see limits.derivation_burst_s and "
                    "limits.derivation_share"
                )
        else:
            key = source.key(version, salt)
        if key is None:
            raise InvalidMessageError(f"the message names key version {version}, which is unknown")
        return self._mode(key)

    def _remember(self, which: tuple[int, bytes], box: Box) -> None:
        with self._lock:
            self._known[which] = box
            self._known.move_to_end(which)
            while len(self._known) > self._known_limit:
                self._known.popitem(last=False)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._source!r}>"


def _unpad(data: bytes) -> bytes:
    count = data[-1] if data else 0
    if not 0 < count <= _BLOCK or len(data) % _BLOCK or data[-count:] != bytes((count,)) * count:
        raise InvalidMessageError(
            "the message cannot be decrypted: its padding is wrong (altered, or another key)"
        )
    return data[:-count]
