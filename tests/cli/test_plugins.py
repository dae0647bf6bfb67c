"""``sinetstream-sdk plugins``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli_program import Run
from fabricating import WORKING, distribution


def named(plugins: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (plugin for plugin in plugins if plugin["name"] == name)
    return found


def test_the_queue_plugin_is_listed(run: Run) -> None:
    """Name, all four roles, distribution, version and state stand on one line."""
    done = run("plugins")
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("queue "))
    for word in ("reader, writer, async_reader, async_writer", "sinetstream-plugin-queue", "loads"):
        assert word in line


def test_a_broken_plugin_is_listed_with_the_reason(run: Run, installed: Path) -> None:
    """It hides no other, and the exit code tells of it."""
    groups = {"sinetstream.reader": {"torn": "torn_module:Reader"}}
    distribution(installed, "torn-dist", groups, {"torn_module": "import no_such_client\n"})
    done = run("plugins")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("torn "))
    assert "does not load" in lines[number]
    assert "no_such_client" in lines[number + 1]
    assert any(line.startswith("queue ") and line.endswith("loads") for line in lines)


def test_json_stays_json_whatever_a_plugin_prints(run: Run, installed: Path) -> None:
    """What a plugin prints while it is imported goes to stderr."""
    groups = {"sinetstream.writer": {"loud": "loud_module:Role"}}
    distribution(
        installed, "loud-dist", groups, {"loud_module": WORKING + "\n    print('here I am')\n"}
    )
    done = run("plugins", "--json")
    plugins = json.loads(done.stdout)["plugins"]
    assert named(plugins, "loud") == {
        "name": "loud",
        "distribution": "loud-dist",
        "version": "1.2.3",
        "roles": [
            {
                "role": "writer",
                "group": "sinetstream.writer",
                "value": "loud_module:Role",
                "status": "loaded",
                "error": None,
            }
        ],
    }
    assert "here I am" in done.stderr
    assert done.returncode == 0


def test_one_name_of_two_distributions_is_two_lines(run: Run, installed: Path) -> None:
    """Each says which distribution it comes from."""
    groups = {"sinetstream.writer": {"twin": "twin_module:Role"}}
    distribution(installed, "twin-one", groups, {"twin_module": WORKING})
    distribution(installed, "twin-two", groups)
    lines = [line for line in run("plugins").stdout.splitlines() if line.startswith("twin ")]
    assert [word for line in lines for word in line.split() if word.startswith("twin-")] == [
        "twin-one",
        "twin-two",
    ]


def test_damaged_metadata_is_told(run: Run, installed: Path) -> None:
    """A distribution that cannot be read is named, in the table and as data."""
    distribution(installed, "damaged", {"sinetstream.reader": {"x": "y:Z"}})
    (info,) = installed.glob("damaged-*")
    (info / "entry_points.txt").write_bytes(b"\xff\xfe[")
    done = run("plugins")
    assert done.returncode == 1
    assert "metadata that cannot be read: damaged" in done.stdout
    data = json.loads(run("plugins", "--json").stdout)
    assert [problem["distribution"] for problem in data["problems"]] == ["damaged"]
