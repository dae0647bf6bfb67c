"""The field report says what the kit's output says, and its reproductions show it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from environments import ROOT
from field_report import reproduce
from field_report.tables import RESULTS, write_tables
from lacking import missing
from sinetstream_conformance.brokers.process import BrokerProcess, NotInstalled

PLUGINS = ("mqtt", "kafka")
VENV = ROOT / os.environ.get("FIELD_VENV", ".venv-field")
CHOICE = "SINETSTREAM_REPRODUCTIONS"
"""The variable that, as ``all``, has the lengthy reproductions run as well."""
OUTCOME = {
    "role": "reader",
    "rule": "READ-TUPLE",
    "level": "MUST",
    "case": None,
    "verdict": "PASS",
    "observed": "",
}


def findings(plugin: str) -> str:
    """What the page says of one plugin, tables left out."""
    page = (ROOT / "docs" / "field-report.md").read_text(encoding="utf-8")
    return page.partition(f"results/{plugin}.md")[2].partition("\n## ")[0]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_broken_rule_has_its_finding(plugin: str) -> None:
    """What the kit fails is explained on the page, whichever rules there are by then."""
    (report,) = json.loads((RESULTS / f"{plugin}.json").read_text(encoding="utf-8"))
    failed = {o["rule"] for o in report["outcomes"] if o["verdict"] == "FAIL"}
    text = findings(plugin)
    assert failed
    assert {rule for rule in failed if rule not in text} == set()
    assert "KIT-ERROR" not in {outcome["verdict"] for outcome in report["outcomes"]}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_finding_has_its_reproduction(plugin: str) -> None:
    """The page names each script of the plugin, and no script that there is not."""
    mine = {name for name in reproduce.scripts() if reproduce.kind_of(name) == plugin}
    text = findings(plugin)
    assert mine
    assert {name for name in mine if f"{name}.py" not in text} == set()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_tables_are_those_of_the_results(plugin: str, tmp_path: Path) -> None:
    """The page's tables can be made again from the stored JSON, and are the same."""
    for name in (f"{plugin}.json", f"{plugin}.versions.txt"):
        (tmp_path / name).write_bytes((RESULTS / name).read_bytes())
    made = write_tables(plugin, tmp_path).read_text(encoding="utf-8")
    assert made == (RESULTS / f"{plugin}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_nothing_stored_names_a_folder_of_the_machine(plugin: str) -> None:
    """Paths in traces are cut down to what everybody has."""
    for file in RESULTS.glob(f"{plugin}.*"):
        assert "/tmp/" not in file.read_text(encoding="utf-8").replace("TMP/", "")
        assert str(ROOT) not in file.read_text(encoding="utf-8")


def test_a_rule_that_is_new_finds_its_way_into_the_tables(tmp_path: Path) -> None:
    """Nothing in the tables is bound to the rules of today; what a table cannot hold is mended."""
    worse = {**OUTCOME, "rule": "FAULT-NEW", "case": "cut", "verdict": "FAIL", "observed": "a | b"}
    report = {
        "header": ["  judged by the-kit 1 on Python 3, seed 1", "  x; broker: some 2, at here:1"],
        "standing": {"reader": "NOT CONFORMANT"},
        "outcomes": [OUTCOME, worse, {**worse, "case": "stall"}],
    }
    (tmp_path / "mqtt.json").write_text(json.dumps([report]), encoding="utf-8")
    (tmp_path / "mqtt.versions.txt").write_text("client 1\n", encoding="utf-8")
    text = write_tables("mqtt", tmp_path).read_text(encoding="utf-8")
    assert "Judged with client 1, the-kit 1 on Python 3, some 2." in text
    assert "| `reader` | NOT CONFORMANT | 2 | 1 | 1 | 0 | 0 |" in text
    assert "| FAULT-NEW | MUST |  | **FAIL** |  |  |  |" in text
    assert "| FAULT-NEW [cut, stall] | reader | `` a \\| b `` |" in text


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """The addresses of the brokers that are there, each started when it is first asked for."""
    started: dict[str, BrokerProcess] = {}

    class Started(dict[str, str]):
        def __missing__(self, kind: str) -> str:
            broker = started[kind] = reproduce.BROKERS[kind]()
            broker.start()
            self[kind] = broker.address
            return self[kind]

    yield Started()
    for broker in started.values():
        broker.close()


def chosen() -> list[str]:
    """The reproductions to run: those that are soon over, or all."""
    left_out = () if os.environ.get(CHOICE) == "all" else reproduce.LENGTHY
    return [name for name in reproduce.scripts() if name not in left_out]


@pytest.fixture(scope="module")
def published_python() -> Path:
    """The interpreter of the environment that holds the official plugins."""
    if not (VENV / ".installed").exists():
        missing(f"{VENV.name} is not there; `make field-environment` makes it")
    return VENV / "bin" / "python"


@pytest.mark.parametrize("name", chosen())
def test_reproduction_shows_its_fault(
    name: str, addresses: dict[str, str], published_python: Path
) -> None:
    """On a real broker, with the published packages alone, the fault is there to see."""
    try:
        address = addresses[reproduce.kind_of(name)]
    except NotInstalled as why:
        missing(why)
    status, output = reproduce.run(reproduce.scripts()[name], address, published_python)
    assert status in reproduce.expected(name), output


def test_what_is_left_out_is_there() -> None:
    """The lengthy reproductions and those of chance are named as their files are."""
    assert {*reproduce.LENGTHY, *reproduce.BY_CHANCE} <= set(reproduce.scripts())
