"""Judge the official plugins and store what the kit says: ``make field-report``.

It runs in an environment that holds the published packages and the kit, and no reference plugin.
For each plugin ``results/`` gets the kit's output as it is printed, the report as JSON, and the
tables of ``docs/field-report.md``; ``--tables`` makes the tables again from the JSON alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from field_report.tables import RESULTS, write_tables
from sinetstream_conformance.brokers.kafka import JARS_VARIABLE, jars

ROOT = Path(__file__).resolve().parents[1]
HARNESSES = {"mqtt": "OfficialMqtt", "kafka": "OfficialKafka"}
PACKAGES = {
    "mqtt": ("sinetstream", "sinetstream-mqtt", "paho-mqtt", "promise"),
    "kafka": ("sinetstream", "sinetstream-kafka", "kafka-python-ng", "promise"),
}
SEED = 1
WITHIN_S = 1800.0
ENDS_WITHIN_S = 60.0
POLL_S = 0.5


def judge(plugin: str, options: list[str]) -> int:
    """Run the kit on one plugin and store what it prints and reports.

    :returns: 0 where the kit came to a verdict, be it good or bad
    """
    with tempfile.TemporaryDirectory(prefix="field-report-") as folder:
        # Settings of its own keep those of this project out.
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        report = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            f"--sinetstream-plugin={plugin}",
            f"--sinetstream-harness=field_report.harnesses:{HARNESSES[plugin]}",
            *("--sinetstream-host=published", f"--sinetstream-seed={SEED}"),
            *(f"--sinetstream-report={report}", *options),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        # It may have to be killed, and nothing that it has said shall be lost then.
        environment["PYTHONUNBUFFERED"] = "1"
        if plugin == "kafka":
            environment[JARS_VARIABLE] = str(jars().resolve())
        said = _run(command, Path(folder), environment, report)
        print(said[said.rfind(f"\n{plugin} package") :].strip())  # noqa: T201
        if not report.exists():
            print(said, file=sys.stderr)  # noqa: T201
            return 2
        told = [f"{name} {version(name)}" for name in PACKAGES[plugin]]
        (RESULTS / f"{plugin}.versions.txt").write_text("\n".join(told) + "\n", encoding="utf-8")
        text = _without_places(said, folder)
        (RESULTS / f"{plugin}.txt").write_text(text, encoding="utf-8")
        found = _without_places(report.read_text(encoding="utf-8"), folder)
        (RESULTS / f"{plugin}.json").write_text(found + "\n", encoding="utf-8")
        return 2 if '"KIT-ERROR"' in found else 0


def _run(command: list[str], folder: Path, environment: dict[str, str], report: Path) -> str:
    """Run the kit and give its output.

    Threads on which a plugin's ``close()`` hangs may keep Python from ending, long after the report
    is written. So that is as far as this waits.
    """
    output = folder / "output.txt"
    with output.open("wb") as file:
        kit = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            end = time.monotonic() + WITHIN_S
            while kit.poll() is None and time.monotonic() < end and not report.exists():
                time.sleep(POLL_S)
            with suppress(subprocess.TimeoutExpired):
                kit.wait(ENDS_WITHIN_S)
        finally:
            kit.kill()
            kit.wait()
    return output.read_text(encoding="utf-8", errors="replace")


def _without_places(text: str, folder: str) -> str:
    """The text without the names of folders that only this machine has."""
    for place, name in (
        (sys.prefix, "VENV"),
        (str(ROOT), "PROJECT"),
        (folder, "FOLDER"),
        (sys.base_prefix, "PYTHON"),
        (tempfile.gettempdir(), "TMP"),
    ):
        text = text.replace(place, name)
    return text


def main() -> int:
    """Judge the plugins that are named, or both."""
    parser = argparse.ArgumentParser(prog="python -m field_report", description=__doc__)
    parser.add_argument("plugins", nargs="*", metavar="PLUGIN", help="mqtt, kafka; both by default")
    parser.add_argument("--tables", action="store_true", help="make only the tables, from the JSON")
    parser.add_argument("--option", action="append", default=[], help="hand this on to pytest")
    asked = parser.parse_args()
    plugins = asked.plugins or list(HARNESSES)
    if unknown := set(plugins) - set(HARNESSES):
        parser.error(f"no harness for {', '.join(sorted(unknown))}; there are mqtt and kafka")
    RESULTS.mkdir(exist_ok=True)
    status = 0
    for plugin in plugins:
        if not asked.tables:
            status = max(status, judge(plugin, asked.option))
        write_tables(plugin)
    return status


if __name__ == "__main__":
    sys.exit(main())
