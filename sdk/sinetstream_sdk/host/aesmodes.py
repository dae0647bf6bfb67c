"""AES in the modes of the published host, on the library ``cryptography`` (the extra ``crypto``).

That library is OpenSSL's and well kept, and a GCM message costs it about a microsecond. It has all
the published modes but two, which are put together here from its parts: EAX (NIST's OMAC and CTR)
and OpenPGP's variant of CFB (RFC 4880, 13.9).

Each class holds one key. ``seal`` returns what follows the salt on the wire: IV or nonce,
ciphertext, tag. ``unseal`` takes that apart again. An authenticated mode also protects the salt
and the nonce, and releases nothing before its tag has been verified.
"""

from __future__ import annotations

import hmac
import os
import warnings
from typing import Any, ClassVar, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC

__all__ = ["MODES", "Box", "InvalidTag"]

BLOCK = 16


class Box(Protocol):
    """One key in one mode."""

    overhead: ClassVar[int]
    """How many bytes an empty message takes after its salt."""

    authenticated: ClassVar[bool]

    def __init__(self, key: bytes) -> None: ...

    def seal(self, data: bytes, salt: bytes) -> bytes:
        """Encrypt under a fresh IV or nonce.

        :raises ValueError: the mode needs whole blocks and these are not
        """

    def unseal(self, data: bytes, salt: bytes) -> bytes:
        """Verify, where the mode can, and decrypt ``data``, which has ``overhead`` bytes or more.

        :raises InvalidTag: the message is not as it was sealed, or under another key
        :raises ValueError: the mode needs whole blocks and these are not
        """


def _without_warning(name: str) -> Any:
    """A mode that the library keeps apart, since nobody should begin to use it today."""
    try:
        from cryptography.hazmat.decrepit.ciphers import modes as old
    except ImportError:
        return getattr(modes, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(old, name, None) or getattr(modes, name)


CFB, CFB8, OFB = map(_without_warning, ("CFB", "CFB8", "OFB"))


def _encrypt(key: bytes, mode: Any, data: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), mode).encryptor()
    return context.update(data) + context.finalize()


def _decrypt(key: bytes, mode: Any, data: bytes) -> bytes:
    context = Cipher(algorithms.AES(key), mode).decryptor()
    return context.update(data) + context.finalize()


class _KeyBox:
    authenticated: ClassVar[bool] = False
    overhead: ClassVar[int] = BLOCK

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"<AES {type(self).__name__}>"


class _WithIv(_KeyBox):
    mode: ClassVar[Any]

    def seal(self, data: bytes, salt: bytes) -> bytes:
        iv = os.urandom(BLOCK)
        return iv + _encrypt(self._key, self.mode(iv), data)

    def unseal(self, data: bytes, salt: bytes) -> bytes:
        return _decrypt(self._key, self.mode(data[:BLOCK]), data[BLOCK:])


class Cbc(_WithIv):
    mode = modes.CBC


class Cfb(_WithIv):
    """CFB with segments of eight bits, which is what the published host writes."""

    mode = CFB8


class Ofb(_WithIv):
    mode = OFB


class Ctr(_WithIv):
    mode = modes.CTR


class OpenPgp(_KeyBox):
    """OpenPGP's CFB: the IV goes out encrypted, with its last two bytes repeated.

    Those two bytes are not checked on the way in. They were meant to reveal a wrong key early, and
    telling a sender whether they matched gives plaintext away (Mister and Zuccherato, 2005).
    """

    overhead = BLOCK + 2

    def seal(self, data: bytes, salt: bytes) -> bytes:
        iv = os.urandom(BLOCK)
        sealed_iv = _encrypt(self._key, CFB(bytes(BLOCK)), iv + iv[-2:])
        return sealed_iv + _encrypt(self._key, CFB(sealed_iv[2:]), data)

    def unseal(self, data: bytes, salt: bytes) -> bytes:
        return _decrypt(self._key, CFB(data[2 : BLOCK + 2]), data[BLOCK + 2 :])


class Gcm:
    """Galois counter mode with a nonce of 16 bytes and a tag of 16."""

    authenticated: ClassVar[bool] = True
    overhead: ClassVar[int] = BLOCK + 16

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, data: bytes, salt: bytes) -> bytes:
        nonce = os.urandom(BLOCK)
        return nonce + self._aead.encrypt(nonce, data, salt + nonce)

    def unseal(self, data: bytes, salt: bytes) -> bytes:
        nonce = data[:BLOCK]
        return self._aead.decrypt(nonce, data[BLOCK:], salt + nonce)


class Eax(_KeyBox):
    """EAX (Bellare, Rogaway, Wagner 2004) with a nonce of 16 bytes and a tag cut to 8."""

    authenticated = True
    TAG: ClassVar[int] = 8
    overhead = BLOCK + TAG

    def seal(self, data: bytes, salt: bytes) -> bytes:
        nonce = os.urandom(BLOCK)
        start = self._omac(0, nonce)
        sealed = _encrypt(self._key, modes.CTR(start), data)
        return nonce + sealed + self._tag(start, salt + nonce, sealed)

    def unseal(self, data: bytes, salt: bytes) -> bytes:
        nonce, sealed, tag = data[:BLOCK], data[BLOCK : -self.TAG], data[-self.TAG :]
        start = self._omac(0, nonce)
        if not hmac.compare_digest(tag, self._tag(start, salt + nonce, sealed)):
            raise InvalidTag
        return _decrypt(self._key, modes.CTR(start), sealed)

    def _tag(self, start: bytes, header: bytes, sealed: bytes) -> bytes:
        parts = (start, self._omac(1, header), self._omac(2, sealed))
        first, second, third = (int.from_bytes(part, "big") for part in parts)
        return (first ^ second ^ third).to_bytes(BLOCK, "big")[: self.TAG]

    def _omac(self, number: int, data: bytes) -> bytes:
        mac = CMAC(algorithms.AES(self._key))
        mac.update(number.to_bytes(BLOCK, "big"))
        mac.update(data)
        return mac.finalize()


MODES: dict[str, type[Box]] = {
    "CBC": Cbc,
    "CFB": Cfb,
    "OFB": Ofb,
    "CTR": Ctr,
    "OPENPGP": OpenPgp,
    "OPENPGPCFB": OpenPgp,
    "EAX": Eax,
    "GCM": Gcm,
}
"""Every mode, under its published name."""
