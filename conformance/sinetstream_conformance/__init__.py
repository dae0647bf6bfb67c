"""Judge any installed SINETStream plugin against the plugin contract.

From a shell: ``pytest --sinetstream-plugin=NAME``. From a program: :func:`check`.

Names are imported when they are first asked for: pytest imports this package in every run, also
where nothing is to be judged.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinetstream_conformance.capabilities import Capabilities, Delivery
    from sinetstream_conformance.checking import check
    from sinetstream_conformance.declarations import BadDeclaration
    from sinetstream_conformance.harness import Harness, NotOffered
    from sinetstream_conformance.harness_faults import HarnessError
    from sinetstream_conformance.report import Report, Standing
    from sinetstream_conformance.subject import NoSuchPlugin
    from sinetstream_conformance.verdict import Level, Outcome, Verdict

__all__ = [
    "BadDeclaration",
    "Capabilities",
    "Delivery",
    "Harness",
    "HarnessError",
    "Level",
    "NoSuchPlugin",
    "NotOffered",
    "Outcome",
    "Report",
    "Standing",
    "Verdict",
    "check",
]

_HOMES = {
    "BadDeclaration": "declarations",
    "Capabilities": "capabilities",
    "Delivery": "capabilities",
    "Harness": "harness",
    "HarnessError": "harness_faults",
    "Level": "verdict",
    "NoSuchPlugin": "subject",
    "NotOffered": "harness",
    "Outcome": "verdict",
    "Report": "report",
    "Standing": "report",
    "Verdict": "verdict",
    "check": "checking",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
