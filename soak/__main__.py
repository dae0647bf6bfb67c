"""Restart a broker during many messages: ``python -m soak mosquitto --guarantee EXACTLY_ONCE``.

Prints what became of the messages; the exit code is 1 if the guarantee was broken.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from sinetstream_sdk.consistency import Consistency
from soak.deliveries import NumberedDeliveries
from soak.run import Plan, Site, soak

SITES = {"mosquitto": "soak.mosquitto:MosquittoSite", "kafka": "soak.kafka:KafkaSite"}
GUARANTEES = ("AT_LEAST_ONCE", "EXACTLY_ONCE")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def site_of(broker: str, options: list[str]) -> Site:
    """The site of that name; ``key=value`` options go to its constructor."""
    module, _, name = SITES[broker].partition(":")
    made: Site = getattr(importlib.import_module(module), name)(
        **dict(option.split("=", 1) for option in options)
    )
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run one soak for each guarantee that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("broker", choices=SITES)
    parser.add_argument("--guarantee", choices=GUARANTEES, action="append")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--history", type=Path, help="a folder for the full history, as JSON lines")
    given = parser.parse_args(arguments)
    failed = False
    for name in given.guarantee or GUARANTEES:
        plan = Plan(Consistency[name], given.messages, given.restarts)
        seen = NumberedDeliveries()
        with site_of(given.broker, given.option) as site:
            say(f"{site.describe()}: {name}, {plan.messages} messages, {plan.restarts} restarts")
            began = time.monotonic()
            try:
                found = soak(site, plan, seen, say)
            finally:
                if given.history is not None:
                    given.history.mkdir(parents=True, exist_ok=True)
                    seen.save(given.history / f"{given.broker}-{name}.jsonl")
        failed = failed or bool(found.wrong)
        verdict = "BROKEN" if found.wrong else "holds"
        say(f"{name} {verdict} in {time.monotonic() - began:.1f} s: {found}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
