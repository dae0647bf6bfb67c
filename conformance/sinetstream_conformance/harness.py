"""How a plugin tells the kit what it needs: a broker to start, parameters, capabilities.

Derive from :class:`Harness`, override what applies, and hand it to the kit in one of three ways:

- an entry point in the group ``sinetstream.conformance`` under the plugin's name;
- a fixture named ``sinetstream_harness`` in your ``conftest.py``;
- the option ``--sinetstream-harness module:object``.

The object may be an instance, a class or a function without arguments that makes one. With none of
them the defaults below hold: nothing to start, no parameters, nothing declared.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from sinetstream_conformance.capabilities import Capabilities
from sinetstream_sdk.roles import Role

ENTRY_POINT_GROUP = "sinetstream.conformance"


class NotOffered(Exception):
    """The harness does not offer what was asked of it; the rules that need it are skipped."""


class Harness:
    """The kit's side of a messaging system under test; every method has a usable default."""

    capabilities: Capabilities = Capabilities()
    """What the messaging system can do."""

    expected_failures: Mapping[str, str] = {}
    """Rules known to fail, each with the reason: they are reported as XFAIL."""

    given: Mapping[str, Any] = {}
    """The parameters that the user gave for this run; set by the kit before :meth:`start`.

    They go before those of :meth:`params`, whatever these say. A harness that starts a broker looks
    here whether the user has named one.
    """

    def start(self) -> None:
        """Bring the broker up; called once, before the first check."""

    def stop(self) -> None:
        """Take the broker down; called once, after the last check, also when checks failed."""

    def describe(self) -> str:
        """One line for the report that says which broker was used."""
        return "no broker of its own"

    def params(self, role: Role) -> Mapping[str, Any]:
        """The parameters that the plugin needs for ``role``; topics are the kit's business."""
        return {}

    def topic(self) -> str:
        """A name for a topic that nobody has used yet."""
        return f"conformance-{uuid.uuid4().hex[:12]}"

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message past the plugin. Needed only to judge a plugin that cannot write."""
        raise NotOffered("the harness has no publish(topic, payload)")

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        """Take a message past the plugin. Needed only to judge a plugin that cannot read.

        The first call with a topic must begin to listen there and may return None at once.
        """
        raise NotOffered("the harness has no receive(topic, timeout_s)")

    def partition(self, raw: Any) -> Hashable:
        """Which part of its topic a message came from; asked where ``ordered`` says PARTITION.

        :param raw: the messaging system's own message, the third value that a reader gives
        """
        raise NotOffered("the harness has no partition(raw)")

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        """Parameters that point to where no broker listens, laid over :meth:`params`."""
        raise NotOffered("the harness has no unreachable(role)")

    def failing_sends(self) -> AbstractContextManager[Any]:
        """A context in which the broker refuses every message."""
        raise NotOffered("the harness has no failing_sends()")

    def stalled(self) -> AbstractContextManager[Any]:
        """A context in which the broker neither takes nor refuses anything."""
        raise NotOffered("the harness has no stalled()")

    def disconnected(self) -> AbstractContextManager[Any]:
        """A context in which the broker cannot be reached.

        Connections are cut when it begins, and new ones refused until it ends. It may be entered
        while :meth:`stalled` lasts, and outlasts it, so that messages are under way when they are
        cut; a harness that cannot do that raises ``NotOffered`` then. Messages that the broker
        has taken need not outlast it.
        """
        raise NotOffered("the harness has no disconnected()")

    def restart(self) -> None:
        """Restart the broker on the same data; it takes connections again when this returns."""
        raise NotOffered("the harness has no restart()")

    def durable(self, role: Role) -> Mapping[str, Any]:
        """Parameters, laid over :meth:`params`, that keep messages for a reader that is away.

        What is published between losing its connection and having it again then reaches it. Asked
        once per check; whatever name the broker is to know the reader by must be a new one.
        """
        raise NotOffered("the harness has no durable(role)")
