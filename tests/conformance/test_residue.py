"""What the kit sees of threads, descriptors and memory that are left behind."""

from __future__ import annotations

import gc
import os
import selectors
import socket
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinetstream_conformance import check, residue
from sinetstream_conformance.residue import (
    Descriptors,
    memory_in_use,
    put_heap_back,
    set_heap_apart,
    settle_garbage,
)

MEGABYTE = 1 << 20
ALLOCATE = "held = [bytearray(1 << 20)]"


@pytest.fixture
def tracing() -> Iterator[None]:
    """Memory is traced."""
    tracemalloc.start(1)
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("tracing")
def test_memory_of_a_plugin_counts() -> None:
    """What is allocated anywhere outside the kit is seen."""
    before = memory_in_use()
    held: dict[str, object] = {}
    exec(compile(ALLOCATE, "somewhere/plugin.py", "exec"), held)
    assert memory_in_use() - before >= MEGABYTE


@pytest.mark.usefixtures("tracing")
def test_memory_of_the_kit_does_not_count() -> None:
    """The kit measures the machine all the time; that is not charged to a slow plugin."""
    before = memory_in_use()
    held: dict[str, object] = {}
    clock = Path(residue.__file__).with_name("clock.py")
    exec(compile(ALLOCATE, str(clock), "exec"), held)
    assert memory_in_use() - before < MEGABYTE / 2


def test_each_kind_of_descriptor_is_named(tmp_path: Path) -> None:
    """A report can say what was left open."""
    file = tmp_path / "plugin.log"
    before = Descriptors.now()
    with (
        file.open("w"),
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as link,
    ):
        grown = Descriptors.now().grown_since(before)
        port, own = server.getsockname()[1], link.getsockname()[1]
    assert "3 more than before" in grown
    assert f"socket 127.0.0.1:{own} to 127.0.0.1:{port}" in grown
    assert str(file) in grown
    assert Descriptors.now().grown_since(before) == ""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="elsewhere they are only counted")
def test_what_others_close_hides_nothing() -> None:
    """A descriptor that somebody else gives back does not make up for one that is left open."""
    first, second = os.pipe()
    before = Descriptors.now()
    os.close(first)
    os.close(second)
    with selectors.DefaultSelector():
        assert "1 more than before" in Descriptors.now().grown_since(before)


class _Cycle:
    """Something that only the garbage collector can let go."""

    def __init__(self) -> None:
        self.itself = self


def test_a_heap_set_apart_is_not_gone_through_until_it_is_put_back() -> None:
    """What is made afterwards is still let go at once, and what was there before not until then."""
    before = _Cycle()
    old = weakref.ref(before)
    assert set_heap_apart()
    try:
        assert not set_heap_apart()
        del before
        new = weakref.ref(_Cycle())
        settle_garbage()
        assert new() is None
        assert old() is not None
    finally:
        put_heap_back()
    settle_garbage()
    assert old() is None


def test_a_session_puts_back_the_heap_only_if_it_has_set_it_apart(plugins: Path) -> None:
    """Whoever had the heap set apart before a run has it so after the run, and nobody else has."""
    check("memory", rules=["LIFE-OPEN"])
    assert gc.get_freeze_count() == 0
    assert set_heap_apart()
    try:
        check("memory", rules=["LIFE-OPEN"])
        assert gc.get_freeze_count() > 0
    finally:
        put_heap_back()
