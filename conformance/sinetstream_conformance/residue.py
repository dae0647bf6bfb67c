"""What a plugin leaves behind: threads, descriptors, memory."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass

import psutil

from sinetstream_conformance.deadline import THREAD_PREFIX


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
    """The sockets and files of the process that are open at one moment."""

    count: int
    listed: frozenset[str]

    @classmethod
    def now(cls) -> Descriptors:
        """Count and name what is open."""
        process = psutil.Process()
        named = {f"file {file.path}" for file in process.open_files()}
        for link in process.net_connections(kind="all"):
            local = ":".join(map(str, link.laddr)) if link.laddr else "unbound"
            remote = ":".join(map(str, link.raddr)) if link.raddr else "nobody"
            named.add(f"socket {local} to {remote} (fd {link.fd})")
        return cls(process.num_fds(), frozenset(named))

    def grown_since(self, before: Descriptors) -> str:
        """What has been opened since ``before`` and is open still; empty where nothing has."""
        fresh = sorted(self.listed - before.listed)
        more = self.count - before.count
        if more <= 0:
            return ""
        return f"{more} more than before: {', '.join(fresh) or 'kind unknown (pipe or epoll)'}"


def settle_garbage() -> None:
    """Let reference cycles go, so that only what is really held counts."""
    for _ in range(3):
        gc.collect()
