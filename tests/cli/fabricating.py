"""Distributions made up for a test: metadata and modules in a folder on the import path."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

WORKING = """
    class Role:
        def __init__(self, *args): pass
        def open(self): pass
        def close(self): pass
        def publish(self, message): pass
        def metrics(self): return None
        def reset_metrics(self): pass
        def __iter__(self): return iter(())
"""


def distribution(
    folder: Path,
    name: str,
    entry_points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str] | None = None,
    *,
    version: str = "1.2.3",
) -> None:
    """Put a distribution into ``folder``; entry points are given by group and name."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    for module, code in (modules or {}).items():
        (folder / f"{module}.py").write_text(textwrap.dedent(code), encoding="utf-8")
