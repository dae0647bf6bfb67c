"""Send and receive through the published ``sinetstream``, with a plugin made from the template.

    python template_host.py TYPE PACKAGE ROLE...

What the plugin has no role for goes past it, through its harness. The program prints what it got
for each of the two messages, and ends with status 1 if that is not what was sent.
"""

# ruff: noqa: T201 - a program talks through print

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

from sinetstream_sdk.roles import Role

sinetstream: Any = importlib.import_module("sinetstream")  # nothing to type-check it against

PAYLOADS = (b"one \x00\xff", b"two")
WAIT_S = 20.0


def receive(how: dict[str, Any], roles: list[str], ready: threading.Event) -> list[bytes]:
    """What arrives, through the reading roles that there are, up to two messages each."""
    got: list[bytes] = []
    if "reader" in roles:
        with sinetstream.MessageReader(**how, receive_timeout_ms=WAIT_S * 1000) as reader:
            ready.set()
            for message in reader:
                got.append(message.value)
                if len(got) == len(PAYLOADS):
                    break
        return got
    full = threading.Event()

    def note(message: Any) -> None:
        got.append(message.value)
        if len(got) == len(PAYLOADS):
            full.set()

    reader = sinetstream.AsyncMessageReader(**how)
    reader.on_message = note
    reader.open()
    ready.set()
    full.wait(WAIT_S)
    reader.close()
    return got


def send(how: dict[str, Any], role: str) -> None:
    """Publish both messages; an asynchronous writer's promises are waited for."""
    if role == "writer":
        with sinetstream.MessageWriter(**how) as writer:
            for payload in PAYLOADS:
                writer.publish(payload)
        return
    with sinetstream.AsyncMessageWriter(**how) as writer:
        for promise in [writer.publish(payload) for payload in PAYLOADS]:
            promise.get(WAIT_S)


def exchange(harness: Any, how: dict[str, Any], role: str, roles: list[str]) -> list[bytes]:
    """Send both messages by one role, or past the plugin, and give what was received."""
    topic = how["topic"]
    if not any("reader" in other for other in roles):
        harness.receive(topic, 0.0)
        send(how, role)
        taken = [harness.receive(topic, WAIT_S) for _ in PAYLOADS]
        return [payload for payload in taken if payload is not None]
    got: list[bytes] = []
    ready = threading.Event()
    reading = [role] if "reader" in role else [other for other in roles if "reader" in other]
    thread = threading.Thread(target=lambda: got.extend(receive(how, reading, ready)), daemon=True)
    thread.start()
    if not ready.wait(WAIT_S):
        raise TimeoutError("the reader did not open")
    writing = [other for other in roles if "writer" in other]
    if writing:
        send(how, role if "writer" in role else writing[0])
    else:
        for payload in PAYLOADS:
            harness.publish(topic, payload)
    thread.join(2 * WAIT_S)
    return got


def main() -> int:
    """Try each of the roles that the plugin has."""
    type_name, package, *roles = sys.argv[1:]
    harness = importlib.import_module(f"{package}.conformance").HARNESS
    failed = 0
    harness.start()
    try:
        for role in roles:
            how = {
                "no_config": True,
                "type": type_name,
                "topic": harness.topic(),
                "value_type": "byte_array",
                "user_data_only": True,
                "consistency": "AT_LEAST_ONCE",
                **harness.params(Role(role)),
            }
            got = exchange(harness, how, role, roles)
            print(role, got)
            failed += got != list(PAYLOADS)
    finally:
        harness.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
