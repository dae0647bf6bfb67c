"""``python -m bench.brokers --official PYTHON`` prints the tables of ``docs/benchmarks.md``.

Each system has one broker for the whole run. A round has every contender do the same, one right
after the other; ratios are taken within a round, and medians over the rounds are printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.brokers.bare_kafka import fill
from bench.brokers.bare_mqtt import Contender as Paho
from bench.brokers.bare_mqtt import keep_session
from bench.brokers.rounds import ROLES, Row, Worker, measure, sized, workers
from bench.brokers.table import line, put_into, table
from sinetstream_conformance.brokers.kafka import ApacheKafka, version
from sinetstream_conformance.brokers.mosquitto import Mosquitto

SIZES = (100, 1024)
WINDOWS = {"mqtt": 1000, "kafka": 10_000}
"""How many messages an asynchronous writer may have unconfirmed."""
MOST = 500_000
# A line in the log for every packet would be most of what mosquitto does.
QUIET = {"log_type": "error"}


def options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.brokers", description=__doc__)
    parser.add_argument(
        "--official", type=Path, help="the Python that has the official plugins; without, no column"
    )
    parser.add_argument(
        "--ours", type=Path, default=Path(sys.executable), help="the Python that has ours (this)"
    )
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--roles", nargs="+", choices=ROLES, default=list(ROLES))
    parser.add_argument("--rounds", type=int, default=7, help="rounds for each row (7)")
    parser.add_argument("--slice-s", type=float, default=1.0, help="time of one slice (1 s)")
    parser.add_argument("--read-mqtt", type=int, default=5000, help="messages to read (5000)")
    parser.add_argument("--read-kafka", type=int, default=200_000, help="at most (200000)")
    parser.add_argument("--into", type=Path, help="the page to put the tables into")
    return parser.parse_args()


def writing(made: Mapping[str, Worker], row: Row, asked: argparse.Namespace) -> None:
    """Publish for about a slice in every round."""
    more = {"window": WINDOWS[row.system]} if row.role == "async_writer" else {}

    def ask(worker: Worker, count: int) -> dict[str, Any]:
        topic = f"write-{worker.who}"
        return worker.ask(row.role, topic=topic, size=row.size, count=count, **more)

    measure(made, row, asked.rounds, sized(made, asked.slice_s, MOST, ask), ask)


def reading_mqtt(made: Mapping[str, Worker], row: Row, asked: argparse.Namespace) -> None:
    """Read what the broker has kept in a session of each reader, the same number for all."""
    broker = made["bare"].broker
    topic = ""

    def name(who: str) -> str:
        return f"{topic}-{who}"

    def prepare() -> None:
        nonlocal topic
        topic = f"read-{row.role}-{row.size}-{uuid4().hex[:8]}"
        for who in made:
            keep_session(broker, name(who), topic)
        Paho(broker).async_writer(topic, bytes(row.size), asked.read_mqtt, WINDOWS["mqtt"])

    def ask(worker: Worker, count: int) -> dict[str, Any]:
        return worker.ask(row.role, topic=topic, count=count, client_id=name(worker.who))

    measure(made, row, asked.rounds, dict.fromkeys(made, asked.read_mqtt), ask, prepare)


def reading_kafka(made: Mapping[str, Worker], row: Row, asked: argparse.Namespace) -> None:
    """Read a topic from its beginning for about a slice in every round."""
    topic = f"read-{row.role}-{row.size}"
    fill(made["bare"].broker, topic, bytes(row.size), asked.read_kafka)

    def ask(worker: Worker, count: int) -> dict[str, Any]:
        return worker.ask(row.role, topic=topic, count=count, client_id="")

    measure(made, row, asked.rounds, sized(made, asked.slice_s, asked.read_kafka, ask), ask)


def judge(
    system: str, address: str, asked: argparse.Namespace
) -> tuple[list[Row], dict[str, dict[str, str]]]:
    """All rows of one system, and the versions that each contender has."""
    rows = [Row(system, role, size) for role in asked.roles for size in SIZES]
    pythons = {"bare": Path(sys.executable), "ours": asked.ours}
    if asked.official is not None:
        pythons["official"] = asked.official
    with workers(pythons, system, address) as made:
        for row in rows:
            if row.role.endswith("writer"):
                writing(made, row, asked)
            elif system == "mqtt":
                reading_mqtt(made, row, asked)
            else:
                reading_kafka(made, row, asked)
            sys.stderr.write(f"{line(row)}\n")
        return rows, {who: worker.ask("versions") for who, worker in made.items()}


def mosquitto() -> tuple[Mosquitto, str]:
    """The broker for MQTT, and what the page calls it."""
    return Mosquitto(settings=QUIET), f"mosquitto {Mosquitto.version()}"


def kafka() -> tuple[ApacheKafka, str]:
    """The broker for Kafka, and what the page calls it."""
    return ApacheKafka(), f"Apache Kafka {version()}, one node"


SYSTEMS = {"mqtt": mosquitto, "kafka": kafka}


def main() -> None:
    """Measure, and print the tables or put them into the page."""
    asked = options()
    for system in asked.systems:
        broker, called = SYSTEMS[system]()
        with broker:
            rows, versions = judge(system, broker.address, asked)
        text = table(called, rows, versions, asked.rounds)
        sys.stdout.write(f"{text}\n")
        if asked.into is not None:
            put_into(asked.into, system, text)


if __name__ == "__main__":
    main()
