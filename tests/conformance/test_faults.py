"""What the kit makes of lost connections where a correct plugin has its own ways."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sinetstream_conformance import Verdict, check
from sinetstream_conformance.proxy import FaultProxy
from sinetstream_sdk.roles import Role


def test_a_queue_may_give_everything_to_the_reader_that_was_first(
    plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that the kit has left unread gets no messages in the place of the one it reads."""
    from sinetstream_broken.broker import Broker, Subscription

    take_next = Broker._next

    def take_next_if_first(self: Any, subscription: Subscription) -> Any:
        rivals = (one for one in self._subscriptions if set(one.topics) & set(subscription.topics))
        return take_next(self, subscription) if next(rivals) is subscription else None

    monkeypatch.setattr(Broker, "_next", take_next_if_first)
    report = check("memory", rules=["FAULT-WRITE"], roles=["writer"], seed=1)
    assert {outcome.verdict for outcome in report.outcomes} == {Verdict.PASS}, str(report)


def test_stall_and_cut_may_come_from_one_proxy(plugins: Path) -> None:
    """Its first ``heal()`` ends both; the messages held back are lost, and nobody is blamed."""
    from sinetstream_broken.tcp import TcpHarness

    class ProxyHarness(TcpHarness):
        lost = 0

        def start(self) -> None:
            super().start()
            self.proxy = FaultProxy(("127.0.0.1", self.port))
            self.proxy.start()

        def stop(self) -> None:
            self.proxy.stop()
            super().stop()

        def params(self, role: Role) -> Mapping[str, Any]:
            return {"host": self.proxy.host, "port": self.proxy.port}

        @contextmanager
        def stalled(self) -> Iterator[None]:
            self.proxy.stall()
            passed = dict(self.proxy.passed)
            yield
            assert self.proxy.passed == passed
            assert not self.proxy.connections
            type(self).lost += 1
            self.proxy.heal()

        def disconnected(self) -> AbstractContextManager[Any]:
            return self.proxy.severed()

    report = check(
        "tcp",
        harness=ProxyHarness,
        rules=["FAULT-WRITE", "FAULT-AWRITE"],
        roles=["writer", "async_writer"],
        seed=1,
    )
    judged = [outcome for outcome in report.outcomes if outcome.case == "under-way"]
    assert [outcome.verdict for outcome in judged] == [Verdict.PASS, Verdict.PASS], str(report)
    assert not any("nothing was under way" in note for one in judged for note in one.notes)
    assert ProxyHarness.lost == 2


def test_a_writer_that_waits_for_no_answer_is_not_blamed(
    plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where publish() returns though the broker does nothing, only a guarantee can be broken."""
    from sinetstream_broken.correct import MemoryWriter

    send = MemoryWriter.send

    def hand_over(self: Any, message: bytes) -> None:
        if not self.broker.stalled:
            send(self, message)

    monkeypatch.setattr(MemoryWriter, "send", hand_over)
    rules = ["FAULT-WRITE", "FAULT-AT-MOST-ONCE", "FAULT-AT-LEAST-ONCE"]
    report = check("memory", rules=rules, roles=["writer"], seed=1)
    by_name = {f"{outcome.rule}[{outcome.case}]": outcome for outcome in report.outcomes}
    lost = by_name.pop("FAULT-AT-LEAST-ONCE[cut]")
    assert lost.verdict is Verdict.FAIL, str(report)
    assert "lost (" in lost.observed
    assert {outcome.verdict for outcome in by_name.values()} == {Verdict.PASS}, str(report)
    assert "nothing was under way" in str(by_name["FAULT-WRITE[under-way]"].notes)


def test_a_broker_that_keeps_nothing_over_a_cut_is_not_held_against_the_plugin(
    plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged is let arrive before the cut, however slow the reader is."""
    from sinetstream_broken.correct import MEMORY, MemoryHarness, MemoryReader

    take = MemoryReader.take

    def take_slowly(self: Any, subscription: Any) -> Any:
        time.sleep(0.05)
        return take(self, subscription)

    monkeypatch.setattr(MemoryReader, "take", take_slowly)

    class ForgetfulHarness(MemoryHarness):
        @contextmanager
        def disconnected(self) -> Iterator[None]:
            with super().disconnected():
                MEMORY._kept.clear()
                yield

    report = check(
        "memory",
        harness=ForgetfulHarness,
        rules=["FAULT-AT-LEAST-ONCE"],
        roles=["writer", "async_writer"],
        seed=1,
    )
    judged = [outcome.verdict for outcome in report.outcomes if outcome.case == "cut"]
    assert judged == [Verdict.PASS] * 2, str(report)
