"""The page on the architecture names files that there are."""

from __future__ import annotations

import re

from doc_pages import DOCS, ROOT


def test_the_modules_and_folders_named_exist() -> None:
    """A module that is renamed is renamed in the page, too."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    modules = set(re.findall(r"`(\w+\.py)`", text))
    assert len(modules) > 8
    for name in modules:
        assert (ROOT / "conformance" / "sinetstream_conformance" / name).exists(), name
    for folder in re.findall(r"^\| `(\w+)/`", text, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_imports_go_one_way() -> None:
    """The SDK imports neither the kit nor the command, and the kit not the command."""
    for folder, package, others in (
        ("sdk", "sinetstream_sdk", ("sinetstream_conformance", "sinetstream_cli")),
        ("conformance", "sinetstream_conformance", ("sinetstream_cli", "sinetstream_queue")),
        ("cli", "sinetstream_cli", ("sinetstream_queue",)),
    ):
        for path in (ROOT / folder / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for other in others:
                assert not re.search(rf"^\s*(from|import) {other}\b", text, re.MULTILINE), path
