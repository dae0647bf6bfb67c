"""Judge any installed SINETStream plugin against the plugin contract.

From a shell: ``pytest --sinetstream-plugin=NAME``. From a program: :func:`check`.
"""

from __future__ import annotations

from sinetstream_conformance.capabilities import Capabilities, Delivery
from sinetstream_conformance.checking import check
from sinetstream_conformance.declarations import BadDeclaration
from sinetstream_conformance.harness import Harness, NotOffered
from sinetstream_conformance.report import Report, Standing
from sinetstream_conformance.subject import NoSuchPlugin
from sinetstream_conformance.verdict import Level, Outcome, Verdict

__all__ = [
    "BadDeclaration",
    "Capabilities",
    "Delivery",
    "Harness",
    "Level",
    "NoSuchPlugin",
    "NotOffered",
    "Outcome",
    "Report",
    "Standing",
    "Verdict",
    "check",
]
