"""What a plugin's messaging system can do, as its author declares it to the kit.

The kit never fails a plugin for its model: what nobody declared is skipped, not failed. Every field
has a default, so that a plugin with no declaration at all can be judged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from sinetstream_sdk.consistency import Consistency


class Delivery(Enum):
    """Who gets a message when several readers are on its topic."""

    COMPETING = "competing"
    """One of them: they share a queue."""
    BROADCAST = "broadcast"
    """Each of them: publish/subscribe."""


class Order(Enum):
    """Among which messages of one writer the order of publishing is kept."""

    TOPIC = "topic"
    """All those on one topic."""
    PARTITION = "partition"
    """Those in the same part of a topic; ``Harness.partition()`` tells which that is."""


@dataclass(frozen=True)
class Capabilities:
    """Declared properties of a plugin; None means that nothing is said.

    Bounds are in seconds and are upper bounds: the kit waits as long as that only if it must.
    """

    delivery: Delivery | None = None
    """Whether readers of one topic compete for its messages or each get all of them."""
    retained: bool | None = None
    """True: messages published before ``open()`` are seen, as in a queue, a directory, or a log
    that is read from its beginning. False: they never are, as with plain publish/subscribe. Left
    out: it depends, or nobody knows, and READ-BACKLOG is skipped. It is about ``open()`` of the
    reader, and not about whether the system keeps messages once they were read.
    """
    ordered: Order | bool | None = None
    """Whether one writer's messages arrive in the order of publishing, and among which of them.

    True stands for ``Order.TOPIC``.
    """
    guide_constructor: bool | None = None
    """Whether the classes take ``(params)`` alone, as the guide has it."""
    largest_payload: int = 64 * 1024
    """The largest payload, in bytes, that the system is asked to carry."""
    consistencies: tuple[Consistency, ...] = (Consistency.AT_MOST_ONCE, Consistency.AT_LEAST_ONCE)
    """The guarantees that the plugin gives in full, without degrading them.

    One that it refuses must not stand here: AT_LEAST_ONCE is what the kit asks for where no
    guarantee is judged, and the strongest of the others where that is not declared.
    """
    ready_within_s: float = 5.0
    """How long after ``open()`` a subscription may take to be in effect."""
    delivered_within_s: float = 5.0
    """How long a message may take from ``publish()`` to a reader."""
    call_within_s: float = 10.0
    """How long one call (``open()``, ``close()``, ...) may take before it counts as hung."""
    recovered_within_s: float = 15.0
    """How long a plugin may take to work again once its broker can be reached, or to say that it
    does not."""
    timeout_slack_s: float = 0.25
    """How much later than ``receive_timeout_ms`` a reader may give up, on a quiet machine."""

    @property
    def acknowledges(self) -> bool:
        """Whether a guarantee is declared under which a writer knows that the broker has it."""
        return any(c is not Consistency.AT_MOST_ONCE for c in self.consistencies)

    @property
    def usual_consistency(self) -> Consistency:
        """The guarantee to ask for where none is judged: AT_LEAST_ONCE, or the nearest to it."""
        if not self.consistencies or Consistency.AT_LEAST_ONCE in self.consistencies:
            return Consistency.AT_LEAST_ONCE
        return max(self.consistencies, key=lambda consistency: consistency.value)

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> Capabilities:
        """Capabilities from plain values, as a YAML file or a command line has them.

        :raises ValueError: an unknown name or a value of the wrong kind
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(
                f"unknown capabilities {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        values = dict(values)
        if values.get("delivery") is not None:
            values["delivery"] = Delivery(values["delivery"])
        if isinstance(values.get("ordered"), str):
            values["ordered"] = Order(values["ordered"])
        if "consistencies" in values:
            names = values["consistencies"]
            names = [names] if isinstance(names, str) else names
            values["consistencies"] = tuple(Consistency[str(name)] for name in names)
        return cls(**values)
