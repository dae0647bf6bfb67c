"""Rules of the contract that the kit does not judge yet."""

from __future__ import annotations

from collections.abc import Mapping

LATER: Mapping[str, tuple[str, str]] = {
    "FAULT-READ": (
        "SHOULD",
        "a reader that loses its connection recovers, or raises an error of this library; it never "
        "hangs past receive_timeout_ms",
    ),
    "FAULT-WRITE": (
        "SHOULD",
        "a writer that loses its connection recovers, or raises within a bound",
    ),
    "FAULT-AREAD": ("SHOULD", "on_failure is called when the connection is lost for good"),
    "FAULT-AWRITE": (
        "SHOULD",
        "promises of messages that cannot be sent are rejected within a bound",
    ),
    "FAULT-AT-LEAST-ONCE": (
        "CAN",
        "under AT_LEAST_ONCE no acknowledged message is lost over a restart of the broker",
    ),
    "FAULT-EXACTLY-ONCE": (
        "CAN",
        "under EXACTLY_ONCE none is lost and none is seen twice; a plugin that cannot give that "
        "says so",
    ),
    "FAULT-AT-MOST-ONCE": ("CAN", "under AT_MOST_ONCE none is seen twice"),
}
"""By id: how binding, and the rule in one sentence."""
