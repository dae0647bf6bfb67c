"""Registers every correct and every broken plugin as an entry point, without importing any.

A class decorated with ``@breaks("RULE-ID", role="reader", says=...)`` becomes the ``reader`` of a
plugin that is called after the class, with the classes of a correct plugin in its other roles.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import NamedTuple

from hatchling.metadata.plugin.interface import MetadataHookInterface

PACKAGE = "sinetstream_broken"
CONFORMANCE = "sinetstream.conformance"
ROLES = {
    "reader": "Reader",
    "writer": "Writer",
    "async_reader": "AsyncReader",
    "async_writer": "AsyncWriter",
}
ONE_ROLE = "one_role:OneRoleHarness"
WRITERS = ("writer", "async_writer")


class Correct(NamedTuple):
    """A correct plugin: its classes are called ``<prefix>Reader`` and so on."""

    module: str
    prefix: str
    harness: str
    roles: tuple[str, ...] = tuple(ROLES)
    rules: tuple[str, ...] = ()
    """The rules that it is judged by; all of them, if none is named. Slow ones would take long."""

    def points(self) -> dict[str, str]:
        """Its entry points by group."""
        points = {
            f"sinetstream.{role}": f"{PACKAGE}.{self.module}:{self.prefix}{ROLES[role]}"
            for role in self.roles
        }
        return points | {CONFORMANCE: f"{PACKAGE}.{self.harness}"}


CORRECT = {
    "memory": Correct("correct", "Memory", "correct:MemoryHarness"),
    "broadcast": Correct("correct", "Broadcast", "correct:BroadcastHarness"),
    "log": Correct("correct", "Log", "correct:LogHarness"),
    "late-subscriber": Correct("correct", "LateSubscriber", "correct:LateSubscriberHarness"),
    "partitioned": Correct("partitioned", "Partitioned", "partitioned:PartitionedHarness"),
    "growing": Correct("growing", "Growing", "growing:GrowingHarness"),
    "structural": Correct("structural", "Structural", "structural:StructuralHarness"),
    "tcp": Correct("tcp", "Tcp", "tcp:TcpHarness"),
    "batching": Correct("batching", "Batching", ONE_ROLE, ("async_writer",)),
    "locked": Correct("locked", "Locked", ONE_ROLE, ("async_writer",)),
    "full-queue": Correct("full_queue", "Rejecting", ONE_ROLE, ("async_writer",)),
    "full-queue-raising": Correct("full_queue", "Raising", ONE_ROLE, ("async_writer",)),
    "full-queue-later": Correct("full_queue", "RejectingLater", ONE_ROLE, ("async_writer",)),
    "at-most-once": Correct("at_most_once", "AtMostOnce", "at_most_once:AtMostOnceHarness"),
    "repeating": Correct("repeating", "Repeating", "repeating:RepeatingHarness"),
    "deduplicating": Correct(
        "repeating", "Deduplicating", "repeating:DeduplicatingHarness", ("reader", "writer")
    ),
    "lingering": Correct(
        "lingering",
        "Lingering",
        "lingering:LingeringHarness",
        ("reader", "async_writer"),
        ("READ-*",),
    ),
    "provisioned": Correct(
        "provisioned", "Provisioned", "provisioned:ProvisionedHarness", ("reader", "writer")
    ),
    "only-reader": Correct("correct", "Memory", ONE_ROLE, ("reader",)),
    "only-writer": Correct("correct", "Memory", ONE_ROLE, ("writer",)),
    "only-async-reader": Correct("correct", "Memory", ONE_ROLE, ("async_reader",)),
    "only-async-writer": Correct("correct", "Memory", ONE_ROLE, ("async_writer",)),
    "retrying": Correct(
        "retrying", "Retrying", "retrying:RetryingHarness", ("async_writer",), ("AWRITE-REJECT",)
    ),
    "slow": Correct("slow", "Slow", "slow:SlowHarness", WRITERS, ("*WRITE-COUNT",)),
    "slow-later": Correct(
        "slow", "Slow", "slow:SlowHarness", ("async_writer",), ("AWRITE-CLOSE", "AWRITE-[FRS]*")
    ),
}


def entry_points(source: Path) -> dict[str, dict[str, str]]:
    """Every group with its entry points.

    :raises ValueError: two classes would be the same plugin
    """
    plugins = {name: correct.points() for name, correct in CORRECT.items()}
    owners = dict.fromkeys(plugins, "a correct plugin")
    for mark in runpy.run_path(str(source / "marking.py"))["marks"](source):
        if owners.setdefault(mark.plugin, mark.reference) != mark.reference:
            raise ValueError(f"{mark.plugin} is both {owners[mark.plugin]} and {mark.reference}")
        points = plugins.setdefault(mark.plugin, CORRECT[mark.model].points())
        points[f"sinetstream.{mark.role}"] = f"{PACKAGE}.{mark.reference}"
    groups: dict[str, dict[str, str]] = {}
    for name, points in plugins.items():
        for group, value in points.items():
            groups.setdefault(group, {})[name] = value
    return groups


class EntryPoints(MetadataHookInterface):
    """Fills in the dynamic field ``entry-points``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, object]) -> None:
        """Put the groups into the metadata."""
        metadata["entry-points"] = entry_points(Path(self.root) / "src" / PACKAGE)
