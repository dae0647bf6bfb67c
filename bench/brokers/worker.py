"""One contender in a process of its own: reads commands, a line of JSON each, and answers so.

    python -m bench.brokers.worker bare mqtt 127.0.0.1:1883

It imports what it measures and nothing else, for it runs in environments that lack the rest.
"""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    "sinetstream-plugin-mqtt",
    "sinetstream-plugin-kafka",
    "sinetstream-mqtt",
    "sinetstream-kafka",
    "paho-mqtt",
    "confluent-kafka",
    "kafka-python-ng",
    "kafka-python",
)
KEPT_SESSION = {"clean_session": False}
OWN: dict[tuple[str, str], dict[bool, dict[str, Any]]] = {
    ("ours", "mqtt"): {True: KEPT_SESSION, False: {}},
    ("official", "mqtt"): {True: KEPT_SESSION, False: {}},
    ("ours", "kafka"): {True: {"auto_offset_reset": "earliest"}, False: {}},
    ("official", "kafka"): {True: {"auto_offset_reset": "earliest"}, False: {"acks": "all"}},
}


def contender(who: str, system: str, broker: str) -> Any:
    """What this process measures."""
    if who != "bare":
        from bench.brokers.plugin import Contender

        host = import_module("sinetstream" if who == "official" else "sinetstream_sdk.consistency")
        return Contender(system, broker, host.AT_LEAST_ONCE, OWN[who, system])
    if system == "mqtt":
        from bench.brokers import bare_mqtt

        return bare_mqtt.Contender(broker)
    from bench.brokers import bare_kafka

    return bare_kafka.Contender(broker)


def versions() -> dict[str, str]:
    """Which of the packages concerned this environment has."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Answer until the input ends."""
    logging.basicConfig(level=logging.ERROR)
    who, system, broker = sys.argv[1:4]
    chosen = contender(who, system, broker)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        role = asked.pop("role")
        try:
            if role == "versions":
                answer: dict[str, Any] = versions()
            else:
                if "size" in asked:
                    asked["payload"] = bytes(asked.pop("size"))
                answer = asdict(getattr(chosen, role)(**asked))
        except Exception as error:  # noqa: BLE001 - it is told to whoever asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
