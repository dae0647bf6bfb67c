"""What the tests of the template share: the matrix's workshop, made once a session."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from template_matrix import CannotPrepare, Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The SDK's wheel and what projects need; skips where packages cannot be had, but not in CI."""
    try:
        return Workshop(tmp_path_factory.mktemp("workshop"))
    except CannotPrepare as problem:
        why = f"packages are needed that cannot be had:\n{str(problem)[-500:]}"
        if os.environ.get("CI"):
            pytest.fail(f"{why}\n(CI is set in the environment, so this is not skipped)")
        pytest.skip(why)
