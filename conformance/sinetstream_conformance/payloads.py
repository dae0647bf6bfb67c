"""The payloads that checks send: the awkward ones by name, and many more from Hypothesis.

Hypothesis makes them from the run's seed, so that the same seed gives the same payloads again.
"""

from __future__ import annotations

import re
import sys
import uuid
from functools import lru_cache

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

_PROBE = "sinetstream-conformance-probe:"
_PROBE_PATTERN = re.compile(_PROBE + "([0-9a-f]{16})")


def new_probe() -> tuple[str, bytes]:
    """A token and the payload of the probe message that carries it."""
    token = uuid.uuid4().hex[:16]
    return token, f"{_PROBE}{token}".encode()


def probe_token(item: object) -> str | None:
    """The token of the probe in what a reader gave, however badly that is wrapped."""
    found = _PROBE_PATTERN.search(repr(item)[:4000])
    return found.group(1) if found else None


NAMED: dict[str, bytes] = {
    "empty": b"",
    "one-byte": b"\x00",
    "every-byte": bytes(range(256)),
    "blanks": b"\n \tbetween blanks\r\n ",
    "text": "plain, Grüße, 日本語, Ελληνικά, עברית, 🛰️\n\r\n\t\0".encode(),
}


_CODE_POINTS = st.one_of(
    st.integers(0, 0x7F), st.integers(0, 0xD7FF), st.integers(0xE000, sys.maxunicode)
)
"""Those of text: ``st.text()`` would first make a table of all of Unicode, which takes a second."""


def payloads(largest: int) -> st.SearchStrategy[bytes]:
    """Bytes of any kind and text of any script, at most ``largest`` bytes long."""
    anything = st.binary(max_size=min(largest, 512))
    text = st.lists(_CODE_POINTS, max_size=min(largest, 400) // 4).map(
        lambda points: "".join(map(chr, points)).encode()
    )
    sizes = st.one_of(st.integers(0, min(largest, 2048)), st.sampled_from(_edges(largest)))
    sized = st.builds(lambda size, byte: bytes([byte]) * size, sizes, st.integers(0, 255))
    return st.one_of(anything, text, sized)


def _edges(largest: int) -> list[int]:
    """Sizes around powers of two, where length fields and buffers change."""
    edges = {size + step for power in range(7, 15) for size in (2**power,) for step in (-1, 0, 1)}
    return sorted({min(edge, largest) for edge in edges})


@lru_cache(maxsize=8)
def generated(run_seed: int, count: int, largest: int) -> tuple[bytes, ...]:
    """``count`` different payloads for this seed, none larger than ``largest`` bytes."""
    made: list[bytes] = []

    @seed(run_seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(payloads(largest))
    def collect(payload: bytes) -> None:
        made.append(payload)

    collect()
    return tuple(dict.fromkeys(made))
