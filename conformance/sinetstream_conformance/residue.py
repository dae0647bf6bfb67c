"""What a plugin leaves behind: threads, descriptors, memory."""

from __future__ import annotations

import gc
import logging
import threading
import tracemalloc
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from sinetstream_conformance.deadline import THREAD_PREFIX
from sinetstream_conformance.proxy import FaultProxy

_SET_APART_AT_START = 1000
"""CPython 3.12 sets some hundred objects apart itself; whoever does so later has thousands."""

_FOLDER = Path("/proc/self/fd")
"""Where Linux tells what each descriptor is; elsewhere they can only be counted."""


def plugin_threads() -> frozenset[threading.Thread]:
    """The Python threads alive now that are not the kit's own."""
    return frozenset(
        thread
        for thread in threading.enumerate()
        if not thread.name.startswith(THREAD_PREFIX) and thread is not threading.main_thread()
    )


def native_threads() -> frozenset[int]:
    """The ids of all threads of the process, also of those that a C library started."""
    return frozenset(thread.id for thread in psutil.Process().threads())


def kit_threads() -> frozenset[int]:
    """The native ids of the kit's own threads."""
    return frozenset(
        thread.native_id
        for thread in threading.enumerate()
        if thread.native_id is not None
        and (thread.name.startswith(THREAD_PREFIX) or thread is threading.main_thread())
    )


@dataclass(frozen=True)
class Descriptors:
    """The sockets, files and pipes of the process that are open at one moment."""

    opened: Counter[str]
    """What is open, each as the system calls it, and how often."""
    names: dict[str, str]
    """What reports call some of them."""

    @classmethod
    def now(cls) -> Descriptors:
        """Look at what is open, but for the kit's own proxies."""
        proxies = FaultProxy.descriptors()
        opened: Counter[str] = Counter()
        targets: dict[int, str] = {}
        for entry in _FOLDER.iterdir() if _FOLDER.is_dir() else ():
            if int(entry.name) in proxies:
                continue
            with suppress(OSError):  # closed meanwhile, as is the one that lists the folder
                targets[int(entry.name)] = target = str(entry.readlink())
                opened[target] += 1
        process = psutil.Process()
        if not targets:
            opened["descriptor"] = process.num_fds() - len(proxies)
        names = {}
        for link in process.net_connections(kind="all"):
            local = ":".join(map(str, link.laddr)) if link.laddr else "unbound"
            remote = ":".join(map(str, link.raddr)) if link.raddr else "nobody"
            names[targets.get(link.fd, "")] = f"socket {local} to {remote}"
        return cls(opened, names)

    @property
    def total(self) -> int:
        """How many are open."""
        return self.opened.total()

    def count_since(self, before: Descriptors) -> int:
        """How many have been opened since ``before`` and are open still."""
        return (self.opened - before.opened).total()

    def grown_since(self, before: Descriptors) -> str:
        """What has been opened since ``before`` and is open still; empty where nothing has."""
        fresh = self.opened - before.opened
        named = (
            f"{self._name(one)}{f' ({count} times)' if count > 1 else ''}"
            for one, count in fresh.items()
        )
        return f"{fresh.total()} more than before: {', '.join(sorted(named))}" if fresh else ""

    def _name(self, one: str) -> str:
        nameless = "a socket that is not connected" if one.startswith("socket:") else one
        return self.names.get(one, nameless)


def memory_in_use() -> int:
    """The bytes that were allocated since ``tracemalloc`` began and are held, by all but the kit.

    What was logged does not count either: pytest keeps it until the check ends.

    The kit's own count too little to matter, unless rounds take so long that its measurements of
    the machine add up.
    """
    kit = tracemalloc.Filter(False, str(Path(__file__).parent / "*"))
    allocated = tracemalloc.take_snapshot().filter_traces(
        [kit, *(tracemalloc.Filter(False, str(of.__file__)) for of in (tracemalloc, logging))]
    )
    return sum(trace.size for trace in allocated.traces)


def set_heap_apart() -> bool:
    """Let :func:`settle_garbage` look only at what is made from now on; say whether that was done.

    All that pytest, Hypothesis and the program have made so far would else be gone through again
    at each call. Whoever has set the heap apart before goes on having it so.
    """
    if gc.get_freeze_count() > _SET_APART_AT_START:
        return False
    gc.collect()
    gc.freeze()
    return True


def put_heap_back() -> None:
    """Undo :func:`set_heap_apart`."""
    gc.unfreeze()


def settle_garbage() -> None:
    """Let reference cycles go, so that only what is really held counts."""
    for _ in range(2):
        gc.collect()
