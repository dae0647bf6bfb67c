"""The four programs of guide §2.2, run as they stand in ``docs/programs``."""

import runpy
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = Path(__file__).parents[2] / "docs" / "programs"
MESSAGES = ["one", "二", ""]


@pytest.fixture(autouse=True)
def in_the_programs_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sinetstream_queue", reason="the queue plugin is not installed")
    monkeypatch.chdir(PROGRAMS)


def run(name: str, **given: Any) -> None:
    runpy.run_path(str(PROGRAMS / f"{name}.py"), init_globals=given)


def values(messages: list[str]) -> list[str]:
    return [f"value={message}" for message in messages]


def test_reader_prints_what_the_writer_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """MessageWriter and MessageReader (§2.2.1, §2.2.2)."""
    run("writer", messages=MESSAGES)
    run("reader")
    assert capsys.readouterr().out.splitlines() == values(MESSAGES)


def test_async_reader_shows_what_the_async_writer_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """AsyncMessageWriter and AsyncMessageReader (§2.2.3, §2.2.4)."""
    run("async_writer", messages=MESSAGES)
    assert capsys.readouterr().out.splitlines() == ["success"] * len(MESSAGES)
    shown: list[str] = []

    def until_all_are_shown() -> None:
        deadline = time.monotonic() + 10
        while len(shown) < len(MESSAGES) and time.monotonic() < deadline:
            time.sleep(0.005)
            shown.extend(capsys.readouterr().out.splitlines())

    run("async_reader", other_work=until_all_are_shown)
    assert shown == values(MESSAGES)


@pytest.mark.parametrize("name", ["reader", "writer", "async_reader", "async_writer"])
def test_program_ends_with_the_services_error_without_its_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the programs print does come from the file in their folder."""
    from sinetstream_sdk.errors import NoConfigError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NoConfigError, match=r"\.sinetstream_config\.yml"):
        run(name, messages=[], other_work=lambda: None)
