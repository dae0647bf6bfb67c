"""``sinetstream-sdk doctor``: each thing that can be broken is found, with a way to mend it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_program import Run
from fabricating import WORKING, distribution

from sinetstream_cli import diagnosis, requirements
from sinetstream_cli.diagnosis import Finding, Kind
from sinetstream_cli.requirements import Requirement, own_requirements


def mended(run: Run) -> list[dict[str, str]]:
    """What is to be mended, and that the exit code says so."""
    done = run("doctor", "--json")
    found = [finding for finding in json.loads(done.stdout) if finding["kind"] == "mend"]
    assert done.returncode == (1 if found else 0), done.stderr
    return found


def test_a_sound_environment_has_nothing_to_mend(run: Run) -> None:
    """Python, the SDK, the extras and the plugins are named; the exit code is 0."""
    done = run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Python 3.", "sinetstream-plugin-sdk", "plugin 'queue'", "nothing is broken"):
        assert words in done.stdout


def test_an_entry_point_that_does_not_load(run: Run, installed: Path) -> None:
    """The missing module is named, and the command that shows where it stops."""
    groups = {"sinetstream.reader": {"torn": "torn_module:Reader"}}
    distribution(installed, "torn-dist", groups, {"torn_module": "import no_such_client\n"})
    (found,) = mended(run)
    assert "torn-dist" in found["what"]
    assert "no_such_client" in found["what"]
    assert "import torn_module" in found["mend"]


def test_a_module_that_does_not_load_is_told_once(run: Run, installed: Path) -> None:
    """It is one fault, whatever the number of roles; a second module's is another."""
    groups = {
        "sinetstream.reader": {"torn": "torn_module:Reader"},
        "sinetstream.writer": {"torn": "torn_module:Writer"},
        "sinetstream.async_writer": {"torn": "worn_module:AsyncWriter"},
    }
    modules = {"torn_module": "import no_such_client\n", "worn_module": "import no_such_client\n"}
    distribution(installed, "torn-dist", groups, modules)
    torn, worn = sorted(mended(run), key=lambda finding: finding["mend"])
    assert "import torn_module" in torn["mend"]
    assert torn["what"].endswith("; the same for writer")
    assert "import worn_module" in worn["mend"]
    assert "the same" not in worn["what"]


def test_a_class_of_the_wrong_shape(run: Run, installed: Path) -> None:
    """What it lacks is named, with the rule that asks for it."""
    groups = {"sinetstream.writer": {"bare": "bare_module:Writer"}}
    distribution(installed, "bare-dist", groups, {"bare_module": "class Writer: pass\n"})
    (found,) = mended(run)
    assert "publish" in found["what"]
    assert "PKG-SHAPE" in found["mend"]


@pytest.mark.parametrize(
    "group", ["sinetstream.readers", "sinetstream.async-writer", "Sinetstream.reader"]
)
def test_a_group_that_is_nearly_right(run: Run, installed: Path, group: str) -> None:
    """No host looks there, so the plugin seems to be installed and is not found."""
    distribution(installed, "slip-dist", {group: {"slip": "slip_module:Role"}})
    (found,) = mended(run)
    assert repr(group) in found["what"]
    assert "slip-dist" in found["mend"]


@pytest.mark.parametrize("group", ["sinetstream.value_type", "console_scripts", "sinetstream"])
def test_a_group_of_something_else(run: Run, installed: Path, group: str) -> None:
    """Other extensions of SINETStream, and other software, are left alone."""
    distribution(installed, "other-dist", {group: {"other": "other_module:thing"}})
    assert mended(run) == []


def test_a_name_that_two_distributions_claim(run: Run, installed: Path) -> None:
    """Both are named once, with all the groups concerned."""
    roles = {"twin": "twin_module:Role"}
    groups = {"sinetstream.writer": roles, "sinetstream.reader": roles}
    distribution(installed, "twin-one", groups, {"twin_module": WORKING})
    distribution(installed, "twin-two", groups)
    (found,) = mended(run)
    for words in ("twin-one", "twin-two", "sinetstream.writer", "sinetstream.reader"):
        assert words in found["what"]
    assert "uninstall" in found["mend"]


def test_one_name_in_two_spellings(run: Run, installed: Path) -> None:
    """A distribution that writes its name now so, now so is told (PKG-NAME)."""
    groups = {
        "sinetstream.writer": {"mybroker": "spelt_module:Role"},
        "sinetstream.reader": {"MyBroker": "spelt_module:Role"},
    }
    distribution(installed, "spelt-dist", groups, {"spelt_module": WORKING})
    (found,) = mended(run)
    assert "MyBroker, mybroker" in found["what"]
    assert "PKG-NAME" in found["mend"]


def test_a_harness_without_a_plugin_and_one_that_does_not_load(run: Run, installed: Path) -> None:
    """Both would leave the kit without its declarations."""
    groups = {
        "sinetstream.writer": {"tame": "tame_module:Role"},
        "sinetstream.conformance": {"tame": "no_module:Harness", "tamed": "no_module:Harness"},
    }
    distribution(installed, "tame-dist", groups, {"tame_module": WORKING})
    texts = [found["what"] for found in mended(run)]
    assert len(texts) == 2
    assert any("'no_module:Harness'" in text and "does not load" in text for text in texts)
    assert any("'tamed'" in text and "did you mean 'tame'?" in text for text in texts)


def test_damaged_metadata(run: Run, installed: Path) -> None:
    """The distribution is named, and every other is looked at all the same."""
    distribution(installed, "damaged", {"sinetstream.reader": {"x": "y:Z"}})
    (info,) = installed.glob("damaged-*")
    (info / "entry_points.txt").write_bytes(b"\xff\xfe[")
    (found,) = mended(run)
    assert "damaged" in found["what"]


def test_pytest_that_may_not_load_plugins(run: Run) -> None:
    """The variable that keeps the kit out of pytest is named."""
    done = run("doctor", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 1
    assert "-p sinetstream_conformance.pytest_plugin" in done.stdout


def kinds(findings: list[Finding]) -> list[Kind]:
    return [finding.kind for finding in findings]


def test_extras_that_are_missing() -> None:
    """The kit's absence is to be mended; that of the template's tools is only told."""
    needed = [
        Requirement("promise", ">=2.3,<3", "", "2.3"),
        Requirement("pytest", ">=8.3", "conformance", "7.4"),
        Requirement("psutil", ">=5.9", "conformance", None),
        Requirement("cookiecutter", ">=2.6", "template", None),
    ]
    found = list(diagnosis.extras(needed))
    assert kinds(found) == [Kind.OK, Kind.MEND, Kind.NOTE]
    assert "pytest>=8.3 (7.4), psutil>=5.9 (not installed)" in found[1].what
    assert found[1].mend == "pip install 'sinetstream-plugin-sdk[conformance]'"
    assert found[2].mend == "pip install 'sinetstream-plugin-sdk[template]'"


@pytest.mark.parametrize(
    ("bounds", "found", "satisfied"),
    [
        (">=8.3", "8.3", True),
        (">=8.3", "8.3.0", True),
        (">=8.3", "10.0", True),
        (">=8.3", "8.2.9", False),
        (">=2.3,<3", "3.0", False),
        ("<3,>=2.3", "2.9.1", True),
        ("", "0.1", True),
        (">=1", None, False),
        (">=8.3", "9.0rc1", True),
    ],
)
def test_versions_are_compared_as_numbers(bounds: str, found: str | None, satisfied: bool) -> None:
    """10 is more than 8, and 8.3.0 is 8.3."""
    assert Requirement("x", bounds, "", found).satisfied is satisfied


def test_the_requirements_are_those_of_the_metadata() -> None:
    """Those of all times have no extra; the extras' own are told apart."""
    found = {(item.name.lower(), item.extra) for item in own_requirements()}
    assert {("promise", ""), ("pyyaml", ""), ("pytest", "conformance")} <= found
    assert ("click", "cli") in found


def test_an_extra_has_what_the_extras_that_it_asks_for_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK's own name in an extra stands for that extra's requirements."""
    lines = [
        "promise<3,>=2.3",
        'pytest>=8.3; extra == "conformance"',
        'sinetstream-plugin-sdk[crypto]; extra == "conformance"',
        'cryptography[ssh]>=43; extra == "crypto"',
    ]
    monkeypatch.setattr(requirements, "requires", lambda name: lines)
    found = [(item.wanted, item.extra) for item in own_requirements()]
    assert found == [
        ("promise<3,>=2.3", ""),
        ("pytest>=8.3", "conformance"),
        ("cryptography>=43", "crypto"),
        ("cryptography>=43", "conformance"),
    ]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("1.6.0", Kind.OK), ("1.10.1", Kind.OK), ("1.5.2", Kind.NOTE), ("2.0", Kind.NOTE)],
)
def test_the_published_host(monkeypatch: pytest.MonkeyPatch, version: str, kind: Kind) -> None:
    """Releases that plugins are held against are fine, others are told."""
    monkeypatch.setattr(diagnosis, "version", lambda name: version)
    (found,) = diagnosis.published_host()
    assert found.kind is kind
    assert version in found.what


def test_a_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that will do is named."""
    monkeypatch.setattr(diagnosis, "OLDEST_PYTHON", (4, 2))
    (found,) = diagnosis.python_version()
    assert found.kind is Kind.MEND
    assert "4.2" in found.mend


def test_a_finding_reads_as_two_lines() -> None:
    """What it is, and below it what to do."""
    assert str(Finding(Kind.MEND, "it is broken", "do this")) == (
        "mend  it is broken\n      -> do this"
    )
