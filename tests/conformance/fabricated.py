"""Plugins whose fault lies in how they are packaged: small distributions, written on the spot.

A class alone cannot show such a fault, so each of these is a distribution with metadata and modules
of its own. The classes themselves are correct ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

CLASSES = "from sinetstream_broken.correct import MemoryReader, MemoryWriter\n"
NEEDS = ("sinetstream-broken-plugins",)
CONNECT = """
import socket
try:
    socket.create_connection(("127.0.0.1", 9), 0.2).close()
except OSError:
    pass
"""


@dataclass(frozen=True)
class Fabricated:
    """One distribution; ``{module}`` in an entry point stands for the first of its modules."""

    plugin: str
    rule: str
    """The rule that it breaks; empty for a correct one."""
    role: str = "package"
    says: tuple[str, ...] = ()
    points: tuple[tuple[str, str, str], ...] = ()
    """Group, name and class; by default a reader and a writer."""
    modules: dict[str, str] = field(default_factory=dict)
    """Sources by the end of their names; by default one module with the classes."""
    requires: tuple[str, ...] = NEEDS
    twice: bool = False
    """Whether a second distribution is the same but for its name."""
    model: str = "memory"

    @property
    def package(self) -> str:
        """The name of its package."""
        return f"fabricated_{self.plugin.replace('-', '_')}"

    def install(self, target: Path) -> None:
        """Write it into a folder as an installer would."""
        package = target / self.package
        package.mkdir()
        modules = {"__init__": "", **(self.modules or {"plugin": CLASSES})}
        for stem, source in modules.items():
            (package / f"{stem}.py").write_text(source, encoding="utf-8")
        record = [f"{self.package}/{stem}.py,," for stem in modules]
        for name in (f"fabricated-{self.plugin}", *([f"other-{self.plugin}"] * self.twice)):
            self._describe(target / f"{name.replace('-', '_')}-1.0.dist-info", name, record)

    def _describe(self, folder: Path, name: str, record: list[str]) -> None:
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "RECORD").write_text("\n".join(record) + "\n", encoding="utf-8")
        (folder / "INSTALLER").write_text("tests\n", encoding="utf-8")
        module = f"{self.package}.plugin"
        text = "".join(
            f"[{group}]\n{point} = {module}:{cls}\n" for group, point, cls in self._points()
        )
        (folder / "entry_points.txt").write_text(text, encoding="utf-8")

    def _points(self) -> tuple[tuple[str, str, str], ...]:
        return self.points or (
            ("sinetstream.reader", self.plugin, "MemoryReader"),
            ("sinetstream.writer", self.plugin, "MemoryWriter"),
        )


FABRICATED = (
    Fabricated(
        "misspelt-group",
        "PKG-GROUP",
        says=("sinetstream.writers, where no host looks", "sinetstream.writer was meant"),
        points=(
            ("sinetstream.reader", "misspelt-group", "MemoryReader"),
            ("sinetstream.writers", "misspelt-group", "MemoryWriter"),
        ),
    ),
    Fabricated(
        "hyphenated-group",
        "PKG-GROUP",
        says=("sinetstream.async-writer, where no host looks", "sinetstream.async_writer was"),
        points=(
            ("sinetstream.writer", "hyphenated-group", "MemoryWriter"),
            ("sinetstream.async-writer", "hyphenated-group", "MemoryWriter"),
        ),
    ),
    Fabricated(
        "capital-name",
        "PKG-NAME",
        says=("also registers 'Capital-Name' in sinetstream.writer",),
        points=(
            ("sinetstream.reader", "capital-name", "MemoryReader"),
            ("sinetstream.writer", "Capital-Name", "MemoryWriter"),
        ),
    ),
    Fabricated(
        "letter-missing",
        "PKG-NAME",
        says=("also registers 'leter-missing' in sinetstream.reader",),
        points=(
            ("sinetstream.reader", "leter-missing", "MemoryReader"),
            ("sinetstream.writer", "letter-missing", "MemoryWriter"),
        ),
    ),
    Fabricated(
        "two-names",
        "PKG-NAME",
        says=("also registers 'two_names' in sinetstream.writer",),
        points=(
            ("sinetstream.reader", "two-names", "MemoryReader"),
            ("sinetstream.writer", "two_names", "MemoryWriter"),
        ),
    ),
    Fabricated(
        "prints-when-loaded",
        "PKG-LOAD",
        "reader",
        ("nothing on stdout while the module is loaded", "it writes 'ready to serve"),
        modules={"plugin": CLASSES + "print('ready to serve')\n"},
    ),
    Fabricated(
        "child-prints-when-loaded",
        "PKG-LOAD",
        "writer",
        ("nothing on stdout", "it writes 'version 3'"),
        modules={"plugin": CLASSES + "import os\nos.system(\"printf 'version 3'\")\n"},
    ),
    Fabricated(
        "connects-when-loaded",
        "PKG-LOAD",
        "writer",
        ("no connection is made while the module is loaded", "it connects to ('127.0.0.1', 9)"),
        modules={"plugin": CLASSES + CONNECT},
    ),
    Fabricated(
        "exits-when-loaded",
        "PKG-LOAD",
        "reader",
        ("loads to a class", "loading raises SystemExit: no broker is configured"),
        modules={"plugin": CLASSES + "import sys\nsys.exit('no broker is configured')\n"},
    ),
    Fabricated(
        "lacks-dependency",
        "PKG-LOAD",
        "writer",
        ("ModuleNotFoundError", "a_client_that_nobody_installed", "correct the import, or add"),
        modules={"plugin": CLASSES + "import a_client_that_nobody_installed\n"},
    ),
    Fabricated(
        "class-renamed",
        "PKG-LOAD",
        "reader",
        ("fabricated_class_renamed.plugin:OldReader loads to a class", "AttributeError"),
        points=(("sinetstream.reader", "class-renamed", "OldReader"),),
    ),
    Fabricated(
        "function-for-class",
        "PKG-LOAD",
        "reader",
        ("is not a class but a function",),
        points=(("sinetstream.reader", "function-for-class", "reader"),),
        modules={
            "plugin": CLASSES + "def reader(*args):\n    return MemoryReader(*args)\n",
        },
    ),
    Fabricated(
        "claimed-twice",
        "PKG-UNIQUE",
        "reader",
        ("2 do:", "fabricated-claimed-twice 1.0", "other-claimed-twice 1.0"),
        twice=True,
    ),
    Fabricated(
        "undeclared",
        "PKG-REQUIRES",
        says=("not declared: yaml (from PyYAML)",),
        modules={"plugin": CLASSES + "import yaml\n"},
    ),
    Fabricated(
        "undeclared-within",
        "PKG-REQUIRES",
        says=("not declared: yaml (from PyYAML)",),
        modules={
            "plugin": CLASSES + "from . import client\n",
            "client": "from .wire import encode\n",
            "wire": "from yaml import dump as encode\n",
        },
    ),
    Fabricated(
        "undeclared-lazily",
        "PKG-REQUIRES",
        says=("not declared: yaml (from PyYAML)",),
        modules={"plugin": CLASSES + "def load():\n    import yaml\n    return yaml\n"},
    ),
    Fabricated(
        "module-for-distribution",
        "PKG-REQUIRES",
        says=("not declared: yaml (from PyYAML)",),
        modules={"plugin": CLASSES + "import yaml\n"},
        requires=(*NEEDS, "yaml"),
    ),
)

WELL_PACKAGED = Fabricated(
    "well-packaged",
    "",
    points=(
        ("sinetstream.reader", "well-packaged", "MemoryReader"),
        ("sinetstream.writer", "well-packaged", "MemoryWriter"),
        # Another plugin with a near name, and a name for what is no plugin.
        ("sinetstream.reader", "well-packaged2", "MemoryReader"),
        ("sinetstream.writer", "well-packaged2", "MemoryWriter"),
        ("sinetstream.value_type", "well-packaged", "MemoryWriter"),
    ),
    modules={
        "plugin": CLASSES
        + "from typing import TYPE_CHECKING\n"
        + "from contextlib import suppress\n"
        + "import yaml\n"
        + "from .client import VERSION\n"
        + "if TYPE_CHECKING:\n    import mypy\n"
        + "try:\n    import a_faster_codec\nexcept ImportError:\n    a_faster_codec = None\n"
        + "with suppress(ModuleNotFoundError):\n    import another_codec\n",
        "client": "import json\nimport fabricated_well_packaged.plugin\nVERSION = 1\n",
    },
    requires=(*NEEDS, "pyyaml>=6", 'hypothesis; extra == "test"'),
)


def install(target: Path) -> None:
    """Write all of them into a folder."""
    for one in (*FABRICATED, WELL_PACKAGED):
        one.install(target)
