"""The kit as a pytest plugin, run as its users run it: in a process and a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

QUICK = "--sinetstream-rule=READ-TUPLE,WRITE-SUBCLASS"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest without the hundreds of broken plugins that other tests may have put there."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def collected(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a failing test of the caller's own, which must not run unasked."""
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert False\n")
    return tmp_path


def test_without_a_path_only_the_suite_is_collected(folder: Path) -> None:
    """From any folder, also with testpaths set, nothing but the plugin's checks is collected."""
    ids = collected(run(folder, "--sinetstream-plugin=queue", "--collect-only", "-q"))
    assert "queue::reader::READ-TUPLE" in ids
    assert "queue::async_writer::AWRITE-DELIVER[empty]" in ids
    assert "queue::package::PKG-REQUIRES" in ids
    assert all(name.startswith("queue::") for name in ids)


def test_with_a_path_the_callers_tests_are_collected_too(folder: Path) -> None:
    """A path on the command line adds the caller's own tests to the suite."""
    ids = collected(
        run(folder, "--sinetstream-plugin=queue", "test_mine.py", "--collect-only", "-q")
    )
    assert "test_mine.py::test_mine" in ids
    assert "queue::reader::READ-TUPLE" in ids


def test_without_the_option_the_kit_keeps_out_of_the_way(folder: Path) -> None:
    """An ordinary run has no suite, and loads none of the kit's heavy parts."""
    (folder / "test_mine.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    heavy = {'sinetstream_conformance.suite', 'psutil', 'promise'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    done = run(folder, "-q")
    assert "1 passed" in done.stdout


def test_several_plugins_and_all(folder: Path) -> None:
    """The option repeats, and 'all' means every plugin that is installed."""
    several = ("--sinetstream-plugin=queue", "--sinetstream-plugin=mqtt")
    for options in (several, ("--sinetstream-plugin=all",)):
        ids = collected(run(folder, *options, "--collect-only", "-q"))
        assert {"queue", "mqtt"} <= {name.partition("::")[0] for name in ids}


def test_unknown_plugin_is_an_error(folder: Path) -> None:
    """A plugin that is not there is a usage error that lists what is, not an empty green run."""
    done = run(folder, "--sinetstream-plugin=quue")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "did you mean 'queue'?" in done.stderr


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--sinetstream-rule=READ-TUPL", "did you mean READ-TUPLE"),
        ("--sinetstream-role=raeder", "there is no role 'raeder'"),
        ("--sinetstream-harness=nowhere", "module:object"),
        ("--sinetstream-harness=nowhere:thing", "cannot be imported"),
        ("--sinetstream-param=novalue", "has no '='"),
        ("--sinetstream-params=missing.yml", "cannot be read"),
    ],
)
def test_bad_options_are_refused_by_name(folder: Path, option: str, says: str) -> None:
    """Each bad option ends the run with one message that says what is wrong."""
    done = run(folder, "--sinetstream-plugin=queue", QUICK, *option.split())
    assert done.returncode != 0
    assert says in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_selection_of_nothing_is_an_error(folder: Path) -> None:
    """A rule and a role that do not go together are refused, and no empty run is green."""
    done = run(
        folder,
        "--sinetstream-plugin=queue",
        "--sinetstream-rule=PKG-REQUIRES",
        "--sinetstream-role=reader",
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nothing to judge" in done.stderr


def test_node_ids_of_the_report_can_be_given_back(folder: Path) -> None:
    """A node id copied from a report selects just that check, without naming the plugin."""
    done = run(folder, "queue::reader::READ-BLOCK[absent]", "-v")
    assert "queue::reader::READ-BLOCK[absent] PASSED" in done.stdout
    assert "1 passed" in done.stdout


def test_the_last_section_gives_the_standing_of_each_role(folder: Path) -> None:
    """The run closes with the standing of each role and with how many rules were exercised."""
    done = run(folder, "queue::reader::READ-TUPLE", "queue::writer::WRITE-SUBCLASS")
    last = done.stdout[done.stdout.index("SINETStream conformance: queue") :]
    assert "queue reader        (part of the rules only) 1 of 1 rules exercised: 1 PASS" in last
    assert re.search(r"seed \d+", last)


def test_a_fixture_in_conftest_gives_the_harness(folder: Path) -> None:
    """The fixture sinetstream_harness overrides the registered harness, in subfolders too."""
    below = folder / "below"
    below.mkdir()
    (below / "conftest.py").write_text(
        "import pytest\n"
        "from sinetstream_conformance import Harness\n"
        "class Mine(Harness):\n"
        "    def describe(self):\n"
        "        return 'a harness of my own'\n"
        "@pytest.fixture(scope='session')\n"
        "def sinetstream_harness():\n"
        "    return Mine()\n"
    )
    done = run(below, "--sinetstream-plugin=queue", QUICK)
    assert "broker: a harness of my own" in done.stdout
    assert done.returncode == 0


def test_an_option_names_the_harness(folder: Path) -> None:
    """--sinetstream-harness module:object takes a class and uses it."""
    (folder / "mine.py").write_text(
        "from sinetstream_conformance import Harness\n"
        "class Mine(Harness):\n"
        "    expected_failures = {'READ-TUPLE': 'told to'}\n"
    )
    done = run(
        folder, "-p", "mine", "--sinetstream-plugin=queue", QUICK, "--sinetstream-harness=mine:Mine"
    )
    assert "harness mine:Mine" in done.stdout
    assert "--sinetstream-harness=mine:Mine" not in done.stderr
    assert done.returncode == 0


def test_a_harness_that_cannot_start_ends_the_run(folder: Path) -> None:
    """A harness that raises in start() ends the run with its reason and not with green."""
    (folder / "mine.py").write_text(
        "from sinetstream_conformance import Harness\n"
        "class Mine(Harness):\n"
        "    def start(self):\n"
        "        raise OSError('no broker binary')\n"
    )
    done = run(
        folder, "-p", "mine", "--sinetstream-plugin=queue", QUICK, "--sinetstream-harness=mine:Mine"
    )
    assert done.returncode == 3
    assert "no broker binary" in done.stdout + done.stderr


def test_an_expected_failure_needs_a_reason_and_does_not_fail_the_run(folder: Path) -> None:
    """--sinetstream-xfail takes a rule with its reason; without a reason it is refused."""
    refused = run(folder, "--sinetstream-plugin=queue", QUICK, "--sinetstream-xfail=READ-TUPLE")
    assert "needs its reason" in refused.stderr
    done = run(
        folder, "--sinetstream-plugin=queue", QUICK, "--sinetstream-xfail=READ-TUPLE=broker bug 42"
    )
    assert done.returncode == 0
    assert "take it off the list" not in done.stderr


def test_the_report_file_holds_everything(folder: Path) -> None:
    """--sinetstream-report writes the outcomes as JSON."""
    target = folder / "report.json"
    run(folder, "--sinetstream-plugin=queue", QUICK, f"--sinetstream-report={target}")
    [report] = json.loads(target.read_text())
    assert report["plugin"] == "queue"
    assert {o["rule"] for o in report["outcomes"]} == {
        "READ-TUPLE",
        "WRITE-SUBCLASS",
    }
    assert all(o["verdict"] == "PASS" for o in report["outcomes"])


def test_the_seed_is_printed_and_repeats(folder: Path) -> None:
    """The seed of a run stands in its head, and the option takes it back."""
    done = run(folder, "--sinetstream-plugin=queue", QUICK, "--sinetstream-seed=20090")
    assert "seed 20090" in done.stdout


def test_secrets_of_the_options_do_not_show(folder: Path) -> None:
    """A password given as a parameter shows nowhere in the output."""
    done = run(
        folder,
        "--sinetstream-plugin=queue",
        QUICK,
        "--sinetstream-param=type_spec.password=opensesame",
    )
    assert done.returncode == 0
    assert "opensesame" not in done.stdout + done.stderr
