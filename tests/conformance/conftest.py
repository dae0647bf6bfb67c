"""Installs the broken and the correct plugins where this run and its subprocesses find them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fabricated
import pytest
from broken import PROJECT

from sinetstream_sdk.registry import default_registry

INSTALL_TIMEOUT_S = 120.0


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that holds them, with real metadata; it stands first in the import path."""
    target = tmp_path_factory.mktemp("plugins")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    here = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    done = subprocess.run(
        [*pip, *here, str(PROJECT)],
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    fabricated.install(target)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(target))
        before = os.environ.get("PYTHONPATH")
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(target), before])))
        default_registry().refresh()
        yield target
    importlib.invalidate_caches()
    default_registry().refresh()
