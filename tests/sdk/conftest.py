"""Fixtures that several tests of the SDK share."""

import importlib
import sys
from pathlib import Path

import pytest
from installing import Site


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An import path that holds what the test installs before all else; modules are forgotten."""
    before = set(sys.modules)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]
    importlib.invalidate_caches()
