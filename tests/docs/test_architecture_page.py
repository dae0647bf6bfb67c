"""The page on the architecture names files that there are."""

from __future__ import annotations

import re

from doc_pages import DOCS, ROOT

PLUGINS = ("sinetstream_queue", "sinetstream_mqtt", "sinetstream_kafka")


def test_the_modules_and_folders_named_exist() -> None:
    """A module that is renamed is renamed in the page, too."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    modules = set(re.findall(r"`(\w+\.py)`", text))
    assert len(modules) > 8
    packages = (ROOT / "conformance" / "sinetstream_conformance", ROOT / "sdk" / "sinetstream_sdk")
    for name in modules:
        assert any((package / name).exists() for package in packages), name
    for folder in re.findall(r"^\| `(\w+)/`", text, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_imports_go_one_way() -> None:
    """The SDK imports neither the kit nor the command, and the kit not the command."""
    for folder, package, others in (
        ("sdk", "sinetstream_sdk", ("sinetstream_conformance", "sinetstream_cli")),
        ("conformance", "sinetstream_conformance", ("sinetstream_cli", *PLUGINS)),
        ("cli", "sinetstream_cli", PLUGINS),
    ):
        for path in (ROOT / folder / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for other in others:
                assert not re.search(rf"^\s*(from|import) {other}\b", text, re.MULTILINE), path
