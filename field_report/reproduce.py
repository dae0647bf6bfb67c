"""Run the reproductions of the field report, each on a broker that is started for them all.

    python -m field_report.reproduce [NAME ...]

Every script prints what it sees and ends with status 10 where its fault shows, 0 where it does not.
This ends with 0 if all of them do the former: then the report still tells the truth. By hand, on a
broker of one's own: ``python field_report/reproductions/NAME.py HOST:PORT``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from sinetstream_conformance.brokers.kafka import ApacheKafka
from sinetstream_conformance.brokers.mosquitto import Mosquitto
from sinetstream_conformance.brokers.process import BrokerProcess

FOLDER = Path(__file__).resolve().parent / "reproductions"
ROOT = FOLDER.parents[1]
BROKERS: dict[str, type[BrokerProcess]] = {"mqtt": Mosquitto, "kafka": ApacheKafka}
WITHIN_S = 240.0
SHOWS, GONE = 10, 0
BY_CHANCE = ("awrite_race_mqtt", "life_many_kafka")
"""Scripts that provoke nothing and wait for what comes by chance; it may not come."""
LENGTHY = (
    "awrite_race_mqtt",
    "awrite_settle_mqtt",
    "fault_aread_kafka",
    "fault_aread_mqtt",
    "fault_awrite_mqtt",
    "fault_write_at_most_once_mqtt",
    "fault_write_mqtt",
    "life_many_kafka",
    "life_open_twice_kafka",
)
"""Scripts that take more than ten seconds, which the tests leave out unless they are told."""


def scripts(named: Iterable[str] = ()) -> dict[str, Path]:
    """The scripts by name, those named or all.

    :raises KeyError: there is no script of a name
    """
    found = {path.stem: path for path in sorted(FOLDER.glob("*_*.py"))}
    return {name: found[name] for name in named} if named else found


def kind_of(name: str) -> str:
    """The plugin that a script is about, which stands at the end of its name."""
    return name.rpartition("_")[2]


def expected(name: str) -> tuple[int, ...]:
    """The statuses with which a script may end while the report tells the truth."""
    return (SHOWS, GONE) if name in BY_CHANCE else (SHOWS,)


def run(script: Path, address: str, python: str | Path = sys.executable) -> tuple[int, str]:
    """Run one script on a broker; its status and its output.

    :param python: the interpreter of an environment that holds the published packages
    """
    done = subprocess.run(
        [str(python), "-W", "ignore", str(script), address],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    tried = done.returncode in (SHOWS, GONE)
    return done.returncode, done.stdout if tried else done.stdout + done.stderr


def main() -> int:
    """Run what is named on the command line, or everything."""
    try:
        chosen = scripts(sys.argv[1:])
    except KeyError as unknown:
        print(f"there is no reproduction {unknown}; there are {', '.join(scripts())}")  # noqa: T201
        return 2
    hidden = []
    with ExitStack() as stack:
        brokers = {
            kind: stack.enter_context(BROKERS[kind]())
            for kind in sorted({kind_of(name) for name in chosen})
        }
        for name, script in chosen.items():
            began = time.monotonic()
            status, output = run(script, brokers[kind_of(name)].address)
            took = f"{time.monotonic() - began:.1f} s"
            print(f"--- {name}: status {status} after {took}\n{output}", flush=True)  # noqa: T201
            if status not in expected(name):
                hidden.append(name)
    if hidden:
        print(f"not shown: {', '.join(hidden)}")  # noqa: T201
    return 1 if hidden else 0


if __name__ == "__main__":
    sys.exit(main())
