"""The developer guide's own example (§4), judged as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from environments import Ran, Venv
from sinetstream_sdk.roles import Role


@pytest.fixture(scope="module")
def judged(guide_venv: Venv, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run of the kit over the plugin."""
    return guide_venv.judge("guidequeue", cwd=tmp_path_factory.mktemp("judged"))


def block(judged: Ran, rule: str) -> str:
    """What the report says of one rule that failed, in one line."""
    found = re.search(
        rf"^FAIL +\S*::{re.escape(rule)}\b.*?(?=^_{{5}}|^={{5}})", judged.out, re.M | re.S
    )
    assert found, f"{rule} did not fail\n{judged}"
    return " ".join(found[0].split())


def test_the_guide_s_example_does_not_conform(judged: Ran) -> None:
    """Its reader breaks a MUST, no role is STRICT, and the run ends with status 1."""
    assert judged.status == 1, str(judged)
    found = re.findall(r"^guidequeue (\w+) +((?:NOT )?CONFORMANT(?: STRICT)?) ", judged.out, re.M)
    verdicts = dict(found)
    assert set(verdicts) == {role.value for role in Role}, str(judged)
    assert verdicts["reader"] == "NOT CONFORMANT"
    assert "CONFORMANT STRICT" not in verdicts.values()
    assert "KIT-ERROR" not in judged.out, str(judged)


def test_the_constructor_is_named(judged: Ran) -> None:
    """The report says that the constructor takes params alone, and which form the host calls."""
    text = block(judged, "CTOR-HOST")
    assert "(confver, params)" in text
    assert "mend" in text


def test_the_generator_is_named(judged: Ran) -> None:
    """The report names PEP 479 and says to return."""
    text = block(judged, "READ-TIMEOUT")
    assert "PEP 479" in text
    assert "return" in text


def test_the_published_host_cannot_build_it(host_venv: Venv, tmp_path: Path) -> None:
    """That fault is real: the host calls a constructor with two arguments."""
    code = (
        "import sinetstream\n"
        "class Reader:\n"
        "    def __init__(self, params): pass\n"
        "    def open(self): pass\n"
        "    close = metrics = reset_metrics = __iter__ = open\n"
        "sinetstream.MessageReader.registry.get = lambda name: Reader\n"
        "try: sinetstream.MessageReader(no_config=True, type='x', topics='t')\n"
        "except TypeError as error: print(error)\n"
    )
    out = host_venv.run("-c", code, cwd=tmp_path).ok()
    assert "takes 2 positional arguments but 3 were given" in out
