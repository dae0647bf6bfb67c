"""What the kit makes of lost connections where a correct plugin has its own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sinetstream_conformance import Verdict, check


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
