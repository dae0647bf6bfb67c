"""The soak: what it makes of a history, and a small one on mosquitto."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from sinetstream_queue.plugin import QueueAsyncReader, QueueAsyncWriter, QueueWriter
from sinetstream_sdk.consistency import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE, Consistency
from soak.__main__ import main
from soak.deliveries import NumberedDeliveries
from soak.run import Plan, Site, name_of, payload_of, soak


def history(*events: str) -> NumberedDeliveries:
    """Events written as ``kind message``."""
    seen = NumberedDeliveries()
    for event in events:
        seen.note(*event.split())
    return seen


P, A, D = "published m", "acknowledged m", "delivered m"


@pytest.mark.parametrize(
    ("events", "wrong", "under"),
    [
        ((P, A, D), "", (AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE)),
        ((P, A), "lost", (AT_LEAST_ONCE, EXACTLY_ONCE)),
        ((P, A, D, D), "repeated", (AT_MOST_ONCE, EXACTLY_ONCE)),
        ((P, D), "unsettled", (AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE)),
        ((P, A, D, "delivered x"), "phantom", (AT_MOST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE)),
        ((P, "rejected m"), "rejected", (AT_LEAST_ONCE, EXACTLY_ONCE)),
        ((P, "rejected m", D), "rejected", (AT_LEAST_ONCE, EXACTLY_ONCE)),
    ],
)
def test_each_breach_is_found_under_the_guarantees_that_rule_it_out(
    events: tuple[str, ...], wrong: str, under: tuple[Consistency, ...]
) -> None:
    """Lost, repeated, phantom, rejected and unsettled messages are told apart, and named."""
    for guarantee in Consistency:
        found = history(*events).judge(guarantee)
        assert list(found.wrong) == ([wrong] if wrong and guarantee in under else [])
        assert not found.wrong or f"1 {wrong} (" in str(found)


def test_a_payload_tells_its_message_and_whether_it_is_whole() -> None:
    """One that has been altered gives a name that nobody published."""
    payload = payload_of("async/7", 100)
    assert (len(payload), name_of(payload, 100)) == (100, "async/7")
    assert name_of(payload[:-1], 100).startswith("altered")
    assert name_of(b"\xff" + payload[1:], 100).startswith("altered")


class FaultyWriter(QueueAsyncWriter):
    """Repeats one message and swallows another."""

    def publish(self, message: bytes) -> Any:
        if message.startswith(b"async/3 "):
            super().publish(message)
        if message.startswith(b"async/5 "):
            message = payload_of("async/4", len(message))
        return super().publish(message)


class InProcess(Site):
    """The queue plugin, of which nothing can break."""

    reader, writer, async_writer = QueueAsyncReader, QueueWriter, QueueAsyncWriter

    def __init__(self) -> None:
        self.restarts = 0

    def describe(self) -> str:
        return "queues"

    def params(self, guarantee: Consistency, reads: bool) -> dict[str, Any]:
        return {"topic": f"soak-{id(self)}"}

    def restart(self) -> None:
        self.restarts += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return


def test_the_loop_publishes_restarts_and_judges(tmp_path: Path) -> None:
    """Every message is published and delivered, and the whole history can be kept."""
    site, seen, said = InProcess(), NumberedDeliveries(), list[str]()
    found = soak(site, Plan(EXACTLY_ONCE, messages=400, restarts=3), seen, said.append)
    assert not found.wrong
    assert [found.counts[kind] for kind in ("published", "acknowledged", "delivered")] == [400] * 3
    assert site.restarts == 3
    assert "restart 3 of 3" in said[2]
    seen.save(tmp_path / "history")
    assert len((tmp_path / "history").read_text().splitlines()) == 3 * 400 + 2 * 3


def test_the_loop_finds_what_a_faulty_plugin_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost message and repeated ones are named."""
    monkeypatch.setattr("soak.run.SILENCE_S", 1.0)
    monkeypatch.setattr(InProcess, "async_writer", FaultyWriter)
    found = soak(InProcess(), Plan(EXACTLY_ONCE, messages=100, restarts=1), NumberedDeliveries())
    assert found.wrong == {"lost": ("async/5",), "repeated": ("async/3", "async/4")}


def test_a_restart_that_fails_ends_the_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is raised; the messages that are left are not waited for."""

    def failing(_: Site) -> None:
        raise OSError("the broker does not start")

    monkeypatch.setattr(InProcess, "restart", failing)
    with pytest.raises(RuntimeError, match="restarts: the broker does not start"):
        soak(InProcess(), Plan(EXACTLY_ONCE, messages=100, restarts=1), NumberedDeliveries())


@pytest.mark.parametrize("protocol", ["MQTTv311", "MQTTv5"])
def test_mosquitto_loses_and_repeats_nothing(
    mosquitto_installed: None, capsys: pytest.CaptureFixture[str], protocol: str
) -> None:
    """A small soak, as ``make soak`` runs a large one, under both guarantees."""
    options = ["--messages", "2000", "--restarts", "2", "--option", f"protocol={protocol}"]
    assert main(["mosquitto", *options]) == 0
    shown = capsys.readouterr().out
    assert "AT_LEAST_ONCE holds in" in shown
    assert "EXACTLY_ONCE holds in" in shown
    assert shown.count("2000 published; 2000 acknowledged;") == 2
