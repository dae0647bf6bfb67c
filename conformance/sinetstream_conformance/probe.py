"""Looking at a plugin from outside: in a fresh interpreter, and at the connections it makes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

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


_watching: list[list[str]] = []
_hooked = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and _watching:
        for seen in _watching:
            seen.append(repr(arguments[1]))


@contextmanager
def watched_connections() -> Iterator[list[str]]:
    """The addresses that Python sockets of this process connect to while the context lasts."""
    global _hooked
    if not _hooked:
        # An audit hook cannot be taken out again; it looks at nothing unless somebody watches.
        sys.addaudithook(_hook)
        _hooked = True
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)
