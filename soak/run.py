"""The loop of a soak, which knows of no broker: publish, restart, wait, judge.

An asynchronous writer publishes most of the messages, a synchronous one the rest beside it, and an
asynchronous reader receives them. Restarts fall where messages are under way: each begins once its
share of the messages is acknowledged, while both writers go on.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self

from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.failures import as_exception
from sinetstream_sdk.spi import (
    PluginAsyncMessageReader,
    PluginAsyncMessageWriter,
    PluginMessageWriter,
)
from soak.deliveries import Findings, NumberedDeliveries

__all__ = ["Plan", "Site", "soak"]

SYNC_SHARE = 20
"""One message in so many is published by the synchronous writer."""
OUTSTANDING = 1000
"""How many messages the asynchronous writer may have unacknowledged."""
SILENCE_S = 120.0
"""When nothing at all has happened for so long, nothing more is expected."""
QUIET_S = 3.0
"""How long a late copy of a message is waited for in the end."""


@dataclass(frozen=True)
class Plan:
    """How much there is to do."""

    guarantee: Consistency
    messages: int = 100_000
    restarts: int = 20
    size: int = 100
    """Bytes of a payload."""


class Site(ABC):
    """A running broker and the plugin on it; a context manager, which starts and stops it."""

    reader: ClassVar[type[PluginAsyncMessageReader]]
    writer: ClassVar[type[PluginMessageWriter]]
    async_writer: ClassVar[type[PluginAsyncMessageWriter]]

    @abstractmethod
    def describe(self) -> str:
        """Broker and version."""

    @abstractmethod
    def params(self, guarantee: Consistency, reads: bool) -> dict[str, Any]:
        """The parameters of a role, ``topic`` among them; patient enough to outlast a restart."""

    @abstractmethod
    def restart(self) -> None:
        """End the broker, start it again on its data, and return once it takes connections."""

    def partition(self, raw: Any) -> str:
        """The part of the topic that a message came from, within which order holds; by its name.

        An empty one tells that order is not to be judged.
        """
        return ""

    def ready(self) -> None:
        """Return once a reader that is open receives what is published from now on."""
        return

    @abstractmethod
    def __enter__(self) -> Self:
        """Start the broker."""

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""


def soak(
    site: Site, plan: Plan, seen: NumberedDeliveries, say: Callable[[str], object] = lambda _: None
) -> Findings:
    """Do what the plan says on a site that has been entered.

    :param seen: collects the history
    :param say: told about progress, a line at a time
    :raises SinetError: a role does not open or close
    :raises RuntimeError: a restart or the synchronous writer failed
    """
    with ExitStack() as stack:
        reader = site.reader(site.params(plan.guarantee, reads=True))
        reader.on_message = lambda payload, _, raw: seen.note(
            "delivered", name_of(payload, plan.size), site.partition(raw)
        )
        reader.on_failure = lambda error: seen.note("failure", "", str(error))
        reader.open()
        stack.enter_context(closing(reader))
        site.ready()
        params = site.params(plan.guarantee, reads=False)
        writer, async_writer = site.writer(params), site.async_writer(params)
        for each in (writer, async_writer):
            each.open()
            stack.enter_context(closing(each))
        beside = [
            Beside("restarts", lambda stop: _restart(site, plan, seen, say, stop)),
            Beside("synchronous writer", lambda stop: _publish_sync(writer, plan, seen, stop)),
        ]
        for one in beside:
            stack.callback(one.end)
            one.start()
        _publish_async(async_writer, plan, seen)
        for one in beside:
            one.finish(seen)
        _await_all(seen, plan, say)
    return seen.judge(plan.guarantee)


def payload_of(name: str, size: int) -> bytes:
    """A payload that tells its message's name."""
    return f"{name} ".encode().ljust(size, b".")


def name_of(payload: bytes, size: int) -> str:
    """The name in a payload; one that has been altered gives a name that nobody published."""
    name = payload.partition(b" ")[0].decode(errors="replace")
    return name if payload == payload_of(name, size) else f"altered {payload[:40]!r}"


class Beside(threading.Thread):
    """Work beside the main loop, whose failure is raised where it is waited for."""

    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        super().__init__(name=f"soak {name}", daemon=True)
        self._work, self._stop_asked = work, threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            self._work(self._stop_asked)
        except BaseException as error:  # noqa: BLE001 - raised by finish()
            self.failure = as_exception(error, self.name)

    def finish(self, seen: NumberedDeliveries) -> None:
        """Wait for the end of the work, for as long as anything happens meanwhile."""
        while self.is_alive() and _alive(seen):
            self.join(1.0)
        if self.failure is not None or self.is_alive():
            why = self.failure or f"nothing has happened for {SILENCE_S:g} s"
            raise RuntimeError(f"{self.name}: {why}") from self.failure

    def end(self) -> None:
        """Have the work given up, and wait for it."""
        self._stop_asked.set()
        self.join(SILENCE_S)


def _alive(seen: NumberedDeliveries) -> bool:
    return time.monotonic() - seen.last_s < SILENCE_S


def _publish_async(writer: PluginAsyncMessageWriter, plan: Plan, seen: NumberedDeliveries) -> None:
    room = threading.Semaphore(OUTSTANDING)

    def fulfilled(name: str, _: object) -> None:
        seen.note("acknowledged", name)
        room.release()

    def rejected(name: str, error: object) -> None:
        seen.note("rejected", name, str(error))
        room.release()

    for number in range(plan.messages - plan.messages // SYNC_SHARE):
        name = f"async/{number}"
        if not _restarted(seen, plan, number) or not room.acquire(timeout=SILENCE_S):
            return
        seen.note("published", name)
        promise = writer.publish(payload_of(name, plan.size))
        promise.then(partial(fulfilled, name), partial(rejected, name))


def _restarted(seen: NumberedDeliveries, plan: Plan, number: int) -> bool:
    """Whether a message may go out: not while an earlier restart than the next one is due.

    Where a broker is never out of service they would all be through before the restarts are.
    """
    share = max(plan.messages // (plan.restarts + 1), 1)
    begun = min(number // share - 1, plan.restarts)
    if number % share or begun < 1:
        return True
    return seen.wait_for(lambda: seen.counts["restart"] >= 2 * begun - 1, SILENCE_S)


def _publish_sync(
    writer: PluginMessageWriter, plan: Plan, seen: NumberedDeliveries, stop: threading.Event
) -> None:
    """Keep pace with the asynchronous writer, so that every restart meets this one as well."""
    for number in range(plan.messages // SYNC_SHARE):
        name = f"sync/{number}"
        if not _reached(seen, "published", number * SYNC_SHARE, stop):
            return
        seen.note("published", name)
        try:
            writer.publish(payload_of(name, plan.size))
        except Exception as error:  # noqa: BLE001 - it is the outcome
            seen.note("rejected", name, str(error))
        else:
            seen.note("acknowledged", name)


def _restart(
    site: Site,
    plan: Plan,
    seen: NumberedDeliveries,
    say: Callable[[str], object],
    stop: threading.Event,
) -> None:
    began = time.monotonic()
    for number in range(1, plan.restarts + 1):
        due = number * plan.messages // (plan.restarts + 1)
        if not _reached(seen, "acknowledged", due, stop):
            return
        seen.note("restart", "", f"{number} begins")
        site.restart()
        seen.note("restart", "", f"{number} is over")
        acknowledged, at_s = seen.counts["acknowledged"], time.monotonic() - began
        say(f"restart {number} of {plan.restarts} at {acknowledged} acknowledged, {at_s:.1f} s")


def _reached(seen: NumberedDeliveries, kind: str, number: int, stop: threading.Event) -> bool:
    """Wait for so many events of a kind; False once ``stop`` is set."""
    while not stop.is_set():
        if seen.wait_for(lambda: seen.counts[kind] >= number, 0.2):
            return True
    return False


def _await_all(seen: NumberedDeliveries, plan: Plan, say: Callable[[str], object]) -> None:
    """Wait until every message has been settled and delivered, or nothing comes any more."""

    def settled() -> bool:
        return seen.counts["acknowledged"] + seen.counts["rejected"] >= plan.messages

    def complete() -> bool:
        return settled() and seen.distinct >= plan.messages

    while not seen.wait_for(complete, 1.0) and _alive(seen):
        pass
    say(f"{seen.distinct} of {plan.messages} messages delivered; waiting for late copies")
    seen.wait_for(lambda: False, QUIET_S)
