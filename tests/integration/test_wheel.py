"""The wheel: what is in it, and that it works without the checkout."""

from __future__ import annotations

import re
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from environments import ROOT, Venv, Wheels
from sinetstream_sdk.roles import Role


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def packages() -> list[Path]:
    """The import packages that are meant to be in the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        ROOT / path for path in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    ]


def test_the_wheel_holds_every_package(wheels: Wheels) -> None:
    """Every module is in it, those of the SDK and of the kit among them, each with ``py.typed``."""
    assert {"sinetstream_sdk", "sinetstream_conformance"} <= {path.name for path in packages()}
    for package in packages():
        modules = {str(path.relative_to(package.parent)) for path in package.rglob("*.py")}
        assert modules
        assert (modules | {f"{package.name}/py.typed"}) - names(wheels.sdk) == set()


def test_the_wheel_holds_the_template(wheels: Wheels) -> None:
    """Every file of the template is in it, inside the SDK's package."""
    template = ROOT / "template"
    expected = {
        f"sinetstream_sdk/template/{path.relative_to(template)}"
        for path in template.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected
    assert expected - names(wheels.sdk) == set()


def test_the_wheel_holds_nothing_else(wheels: Wheels) -> None:
    """No tests, no leftovers: the packages and the metadata."""
    tops = {name.split("/")[0] for name in names(wheels.sdk)}
    (metadata,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops - {metadata} == {path.name for path in packages()}
    assert not [name for name in names(wheels.sdk) if name.endswith(".pyc")]


def test_the_wheel_needs_two_packages_at_run_time(wheels: Wheels) -> None:
    """Without extras it requires ``promise`` and ``pyyaml`` and nothing more."""
    (metadata,) = (name for name in names(wheels.sdk) if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheels.sdk) as archive:
        headers = Parser().parsestr(archive.read(metadata).decode())
    required = [line for line in headers.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(line.split("<")[0].split(">")[0].lower() for line in required) == [
        "promise",
        "pyyaml",
    ]


def test_the_queue_wheel_is_typed(wheels: Wheels) -> None:
    """The plugin's wheel holds its three modules and ``py.typed``."""
    found = {name for name in names(wheels.queue) if ".dist-info/" not in name}
    assert found == {
        f"sinetstream_queue/{name}"
        for name in ("__init__.py", "plugin.py", "conformance.py", "py.typed")
    }


def test_the_queue_plugin_conforms_without_the_checkout(kit_venv: Venv, tmp_path: Path) -> None:
    """Installed from wheels, in an empty folder, the plugin is CONFORMANT STRICT in four roles."""
    ran = kit_venv.judge("queue", cwd=tmp_path)
    verdicts = dict(re.findall(r"^queue (\w+) +((?:NOT )?CONFORMANT(?: STRICT)?) ", ran.ok(), re.M))
    assert verdicts == {role.value: "CONFORMANT STRICT" for role in Role}, str(ran)


@pytest.mark.parametrize("module", ["sinetstream_sdk", "sinetstream_conformance"])
def test_the_installed_packages_are_the_ones_used(
    kit_venv: Venv, tmp_path: Path, module: str
) -> None:
    """The environment really takes the packages from the wheel and not from the checkout."""
    code = f"import {module}; print({module}.__file__)"
    found = Path(kit_venv.run("-c", code, cwd=tmp_path).ok().strip())
    assert kit_venv.path.resolve() in found.resolve().parents
