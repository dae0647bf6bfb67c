"""``sinetstream-sdk check`` and ``sinetstream-sdk explain``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cli_program import Run
from fabricating import WORKING, distribution

from sinetstream_cli import declaring, explaining, judging
from sinetstream_cli.oneline import Misuse
from sinetstream_conformance.rule import catalogue


def test_a_plugin_is_judged(run: Run) -> None:
    """Exit code 0, and the report of the kit."""
    done = run("check", "queue", "--rule=PKG-*", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SINETStream conformance: queue" in done.stdout


def test_a_broken_rule_is_exit_code_1(run: Run, installed: Path) -> None:
    """The block of the kit is shown."""
    groups = {"sinetstream.writer": {"bare": "bare_module:Writer"}}
    distribution(installed, "bare-dist", groups, {"bare_module": "class Writer: pass\n"})
    done = run("check", "bare", "--rule", "PKG-SHAPE", "--role=writer")
    assert done.returncode == 1
    assert "FAIL  bare::writer::PKG-SHAPE" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["quee"], "did you mean 'queue'?"),
        (["queue", "--rule=READ-TUPEL"], "did you mean"),
        (["queue", "--role=raeder"], "no role 'raeder'"),
        (["queue", "--rule=PKG-*", "-k", "nothing_of_that_name"], "deselected"),
        (["queue", "--sinetstream-raport=x"], "unrecognized"),
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_exit_code_2(run: Run, arguments: list[str], words: str) -> None:
    """The kit's own words say what to do."""
    done = run("check", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_harness_that_breaks_is_exit_code_3(run: Run, installed: Path) -> None:
    """Nothing was judged, so it is no verdict."""
    module = (
        "from sinetstream_conformance import Harness\n"
        "class H(Harness):\n"
        "    def start(self): raise RuntimeError('no broker today')\n"
    )
    (installed / "sad_harness.py").write_text(module, encoding="utf-8")
    done = run("check", "queue", "--harness=sad_harness:H", "--rule=PKG-GROUP")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "no broker today" in done.stdout + done.stderr


def test_options_of_pytest_are_passed_on(run: Run, tmp_path: Path) -> None:
    """Those that the command does not know reach pytest, and so do the kit's long names."""
    report = tmp_path / "r.json"
    done = run("check", "queue", "--sinetstream-rule=PKG-GROUP", "-v", f"--report={report}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "queue::package::PKG-GROUP PASSED" in done.stdout
    (found,) = json.loads(report.read_text(encoding="utf-8"))
    assert [outcome["rule"] for outcome in found["outcomes"]] == ["PKG-GROUP"]


def test_what_pytest_does_by_default_in_a_folder_is_not_judged(run: Run, tmp_path: Path) -> None:
    """The project there may name another plugin, and have tests that cannot even be imported."""
    work = tmp_path / "work"  # where the command runs
    (work / "pytest.ini").write_text("[pytest]\naddopts = --sinetstream-plugin=nobody tests\n")
    (work / "tests").mkdir()
    (work / "tests" / "test_broken.py").write_text("import no_such_module\n")
    done = run("check", "queue", "--rule=PKG-GROUP", "-q")
    assert done.returncode == 0, done.stdout + done.stderr


def test_several_plugins_are_judged_in_one_run(run: Run, installed: Path) -> None:
    """Names with commas between them."""
    groups = {"sinetstream.writer": {"also": "also_module:Role"}}
    distribution(installed, "also-dist", groups, {"also_module": WORKING})
    done = run("check", "queue,also", "--rule=PKG-GROUP", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conformance: queue" in done.stdout
    assert "conformance: also" in done.stdout


def test_the_kit_runs_where_pytest_loads_no_plugins_by_itself(run: Run) -> None:
    """The command asks for the kit by name then."""
    done = run("check", "queue", "--rule=PKG-GROUP", "-q", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_line_for_pytest() -> None:
    """Options of the kit get their prefix back; the rest stays as and where it is."""
    line = judging.command(["a", "b"], {"rule": ["X", "Y"], "seed": [7]}, ["-k", "w", "-x"])
    assert line == [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=",
        "--sinetstream-plugin=a",
        "--sinetstream-plugin=b",
        "--sinetstream-rule=X",
        "--sinetstream-rule=Y",
        "--sinetstream-seed=7",
        "-k",
        "w",
        "-x",
    ]


def test_without_the_kit_s_needs_check_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It names what is missing and does not start pytest."""
    monkeypatch.setattr(judging, "find_spec", lambda name: None if name == "psutil" else object())
    with pytest.raises(Misuse, match=r"lacks psutil; pip install .*\[conformance\]"):
        judging.judge(["queue"], {}, [])


@pytest.mark.parametrize("rule", list(catalogue()))
def test_every_rule_can_be_explained(rule: str) -> None:
    """Its words, source, examples and mend are shown."""
    known = catalogue()[rule]
    shown = " ".join(explaining.explain([rule.lower()]).split())
    assert shown.startswith(f"{rule} ({known.level.name})")
    for text in (known.says, known.source, known.hint):
        assert " ".join(text.split()) in shown
    if known.example:
        assert ("wrong" in shown) or not known.example.wrong
    assert f"--rule={rule} " in shown


@pytest.mark.parametrize("word", declaring.declared_words())
def test_every_word_of_a_harness_can_be_explained(word: str) -> None:
    """A capability has its meaning and its default, a method what it has to do."""
    shown = " ".join(explaining.explain([word]).split())
    assert shown.startswith(f"{word} (")
    assert len(shown.partition("says ")[2].partition(". ")[0]) > 15
    assert "declare-capabilities.md" in shown


def test_retained_is_explained(run: Run) -> None:
    """With both values, an example of each, and what is skipped without it."""
    done = run("explain", "retained")
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    for words in ("True: messages published before", "directory", "False: they never", "READ-BACK"):
        assert words in shown
    assert "default nothing is said" in shown


def test_a_capability_that_is_one_of_a_few_values_lists_them(run: Run) -> None:
    """Whoever declares it need not look them up."""
    assert "values    Delivery.COMPETING, Delivery.BROADCAST" in run("explain", "delivery").stdout
    assert "Consistency.EXACTLY_ONCE" in run("explain", "consistencies").stdout
    assert "values" not in run("explain", "largest_payload").stdout


def test_several_rules_are_explained_in_order(run: Run) -> None:
    """A star stands for several; a rule named twice is told once."""
    done = run("explain", "READ-TU*,PKG-GROUP", "pkg-group")
    assert done.returncode == 0
    heads = [line.split()[0] for line in done.stdout.splitlines() if line[:1].isupper()]
    assert heads == ["READ-TUPLE", "PKG-GROUP"]


def test_without_a_name_all_rules_are_listed(run: Run) -> None:
    """One a line."""
    done = run("explain")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(catalogue())
