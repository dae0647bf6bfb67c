"""The kit catches every broken plugin, and its report says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from broken import broken

from sinetstream_conformance import Verdict, check
from sinetstream_conformance.render import failure_block


# What a broken plugin leaves behind, Python complains of, in whichever test it notices.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("mark", broken(), ids=lambda m: f"{m.plugin}-{m.rule}-{m.role}")
def test_broken_plugin_is_caught(mark: Any, plugins: Path) -> None:
    """Judged by the rule that it breaks, a broken plugin fails for the reason that it was given."""
    roles = None if mark.role == "package" else [mark.role]
    report = check(mark.plugin, rules=[mark.rule], roles=roles, seed=1)
    blocks = [failure_block(outcome) for outcome in report.outcomes]
    shown = "\n\n".join(blocks)
    assert all(o.verdict is not Verdict.KIT_ERROR for o in report.outcomes), shown
    failed = [b for o, b in zip(report.outcomes, blocks, strict=True) if o.verdict is Verdict.FAIL]
    assert failed, f"{mark.rule} lets {mark.plugin} through:\n{shown}"
    # The texts must stand together in one block, whatever its line breaks.
    assert any(all(_flat(text) in _flat(block) for text in mark.says) for block in failed), (
        f"{mark.says} not in\n{shown}"
    )


def _flat(text: str) -> str:
    return " ".join(text.split())
