"""What the reproductions share: a service of the published ``sinetstream``, and how they end.

Each script takes the broker's address as its argument, prints what it sees, and ends with status 10
where the fault shows, 0 where it does not, and any other where it could not be tried.
"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable
from typing import Any, NoReturn

import yaml

SHOWS, GONE, UNTRIED = 10, 0, 2


def address() -> str:
    """The broker's ``host:port`` from the command line."""
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} HOST:PORT", file=sys.stderr)
        sys.exit(UNTRIED)
    return sys.argv[1]


def fresh_topic() -> str:
    """A topic that nobody has used."""
    return f"field-report-{uuid.uuid4().hex[:12]}"


def service(kind: str, **params: Any) -> dict[str, Any]:
    """Arguments for ``MessageReader`` and its like: a service on the broker of the command line."""
    content = {"type": kind, "brokers": address(), "consistency": "AT_LEAST_ONCE", **params}
    with tempfile.NamedTemporaryFile("w", suffix=".yml", delete=False) as file:
        yaml.safe_dump({"header": {"version": 3}, "config": {"it": content}}, file)
    atexit.register(os.remove, file.name)
    return {"service": "it", "config_file": file.name}


def plugin_params(**params: Any) -> dict[str, Any]:
    """Parameters for a plugin's own class, as the published host hands them on."""
    from sinetstream import AT_LEAST_ONCE

    return {
        "brokers": address(),
        "client_id": "",
        "consistency": AT_LEAST_ONCE,
        "receive_timeout_ms": float("inf"),
        **params,
    }


def confver() -> Any:
    """The first argument of a plugin's constructor, for a configuration of version 3."""
    from sinetstream.configs import make_confver

    return make_confver(3)


def ready(kind: str, topic: str) -> None:
    """Make a topic on Kafka, whose partitions have their leaders then; MQTT has no need of it."""
    if kind == "kafka":
        from field_report.topics import KafkaTopics

        topics = KafkaTopics(address())
        topics.make(topic)
        topics.close()


class Call:
    """A call on a thread of its own, which may never end."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.outcome = "does not return"
        self._thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[[], Any]) -> None:
        try:
            self.outcome = f"returned {function()!r}"
        except BaseException as error:  # noqa: BLE001 - whatever comes is what is shown
            self.outcome = f"raised {type(error).__module__}.{type(error).__name__}: {error}"

    def ended(self, within_s: float) -> bool:
        """Whether it ends in time."""
        self._thread.join(within_s)
        return not self._thread.is_alive()


def conclude(shows: bool, text: str) -> NoReturn:
    """Print what was seen, and end at once: threads that hang would keep the program from it."""
    print(text)
    print("THE FAULT SHOWS" if shows else "the fault does not show")
    sys.stdout.flush()
    atexit._run_exitfuncs()
    os._exit(SHOWS if shows else GONE)
