"""Looking at a plugin from outside: in a fresh interpreter, and at the connections it makes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_LOAD_WITHIN_S = 60.0

_MARK = "sinetstream-conformance-loaded:"

_SCRIPT = """
import importlib, io, json, sys
connections = []
def watch(event, arguments):
    if event == "socket.connect":
        connections.append(repr(arguments[1]))
sys.addaudithook(watch)
sys.path[:0] = json.loads(sys.argv[2])
report, failure = sys.stdout, ""
sys.stdout = captured = io.StringIO()
try:
    from sinetstream_sdk import compat
    compat.install()
    importlib.import_module(sys.argv[1])
except BaseException as error:
    failure = f"loading raises {type(error).__name__}: {error}"
seen = json.dumps([failure, captured.getvalue(), connections])
print("\\n" + sys.argv[3] + seen, file=report, flush=True)
"""


@dataclass(frozen=True)
class Loading:
    """What was seen while a module was imported; ``failure`` is empty if that went well."""

    failure: str
    output: str
    connections: tuple[str, ...]
    fatal: bool = False
    """Whether the import hangs or ends the interpreter, so that no program survives it."""


@lru_cache(maxsize=64)
def load_in_fresh_interpreter(module: str) -> Loading:
    """Import a plugin's module in a new interpreter and tell what that did."""
    path = json.dumps([folder for folder in sys.path if folder])
    command = [sys.executable, "-c", _SCRIPT, module, path, _MARK]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_LOAD_WITHIN_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Loading(f"loading had not ended after {_LOAD_WITHIN_S:g} s", "", (), fatal=True)
    # What a C extension or a child process writes goes past sys.stdout and stands before the mark.
    past, mark, rest = done.stdout.partition(f"\n{_MARK}")
    if not mark:
        ending = f"loading ends the interpreter with status {done.returncode}"
        return Loading(f"{ending} {done.stderr[-500:]}".rstrip(), past, (), fatal=True)
    failure, output, connections = json.loads(rest.splitlines()[0])
    return Loading(failure, past + output, tuple(connections))


@dataclass(frozen=True)
class Connections:
    """The addresses that were connected to."""

    own: list[str] = field(default_factory=list)
    """By threads that are watched."""
    others: list[str] = field(default_factory=list)
    """By others, which may have nothing to do with what is watched."""


@contextmanager
def watched_connections(others: Collection[threading.Thread] = ()) -> Iterator[Connections]:
    """The addresses that Python sockets of this process connect to while the context lasts.

    :param others: the threads that are not watched

    An audit hook would see as much, but it cannot be taken out again, and where there is one,
    CPython 3.11 refuses trace functions that two threads install at the same time.
    """
    seen = Connections()
    apart = {thread.ident for thread in others}
    kept = {name: socket.socket.__dict__.get(name) for name in ("connect", "connect_ex")}

    def watching(name: str) -> Callable[..., Any]:
        original = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            found = seen.others if threading.get_ident() in apart else seen.own
            found.append(repr(address))
            return original(self, address)

        return connect

    for name in kept:
        setattr(socket.socket, name, watching(name))
    try:
        yield seen
    finally:
        for name, own in kept.items():
            if own is None:
                delattr(socket.socket, name)
            else:
                setattr(socket.socket, name, own)
