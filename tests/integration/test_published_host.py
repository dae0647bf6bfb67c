"""The queue plugin under the published host, ``sinetstream`` 1.10, in an environment of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from environments import Venv

PROGRAMS = Path(__file__).parent / "programs"
TEXTS = ("one", "zwei", "三")

SERVICE: dict[str, Any] = {
    "type": "queue",
    "topic": "sensors",
    "value_type": "text",
    "receive_timeout_ms": 200,
}
CONFIGURATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "file-version-1": ({"queue-service": SERVICE}, {"service": "queue-service"}),
    "file-version-3": (
        {"header": {"version": 3}, "config": {"queue-service": SERVICE}},
        {"service": "queue-service"},
    ),
    "no-config": ({}, {"no_config": True, **SERVICE}),
}


@pytest.fixture(params=CONFIGURATIONS)
def how(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The arguments for the host's classes, with the configuration file that they ask for."""
    config, arguments = CONFIGURATIONS[request.param]
    if config:
        # JSON is YAML too, so the test needs no writer for it.
        (tmp_path / ".sinetstream_config.yml").write_text(json.dumps(config), encoding="utf-8")
    return json.dumps(arguments)


def run_program(venv: Venv, name: str, *arguments: str, cwd: Path) -> list[str]:
    """The lines that a program prints."""
    return venv.run(PROGRAMS / name, *arguments, cwd=cwd).ok().splitlines()


def test_message_reader(host_venv: Venv, tmp_path: Path, how: str) -> None:
    """Guide §2.2.1: the loop prints every value, and ends when the time is up."""
    lines = run_program(host_venv, "read.py", how, cwd=tmp_path)
    assert lines == [f"value={text} topic=sensors stamped=True" for text in TEXTS]


def test_message_writer(host_venv: Venv, tmp_path: Path, how: str) -> None:
    """Guide §2.2.2: the plugin's broker holds each message, as plain bytes."""
    lines = run_program(host_venv, "write.py", how, cwd=tmp_path)
    assert lines == [f"bytes sensors {text}" for text in TEXTS]


def test_async_message_reader(host_venv: Venv, tmp_path: Path, how: str) -> None:
    """Guide §2.2.3: the callback shows every message, and close() leaves no thread."""
    lines = run_program(host_venv, "async_read.py", how, cwd=tmp_path)
    assert lines == [*(f"value={text}" for text in TEXTS), "in time", "threads 1"]


def test_async_message_writer(host_venv: Venv, tmp_path: Path, how: str) -> None:
    """Guide §2.2.4: every promise is fulfilled by the end of the block, and no thread is left."""
    lines = run_program(host_venv, "async_write.py", how, cwd=tmp_path)
    assert lines == ["success"] * 3 + ["threads 1"] + [f"value={text}" for text in TEXTS]


@pytest.mark.parametrize(
    "first",
    [
        ("sinetstream_sdk.errors", "sinetstream_queue.plugin", "sinetstream"),
        ("sinetstream", "sinetstream_sdk.errors", "sinetstream_queue.plugin"),
    ],
    ids=["sdk-first", "published-first"],
)
def test_errors_are_the_published_ones(
    host_venv: Venv, tmp_path: Path, first: tuple[str, ...]
) -> None:
    """``except sinetstream.X`` catches what the plugin raises, whichever is imported first."""
    lines = run_program(host_venv, "errors.py", *first, cwd=tmp_path)
    roles = ("MessageReader", "MessageWriter", "AsyncMessageReader", "AsyncMessageWriter")
    for role, line in zip(roles, lines, strict=False):
        parameter = "topics" if "Reader" in role else "topic"
        assert line.startswith(f"{role} InvalidArgumentError {parameter} "), line
        assert f"parameter '{parameter}' must be " in line
    assert lines[4:] == [
        "writer ConnectionError True",
        "caught under the SDK's name as well True",
    ]


def test_promises_reach_the_user(host_venv: Venv, tmp_path: Path) -> None:
    """Each of the published writer's promises calls ``then`` or ``catch`` once, under racing."""
    lines = run_program(host_venv, "promises.py", cwd=tmp_path)
    assert lines == [
        str({"catch": 1, "fulfilled": 200, "rejected": 100, "then": 1}),
        "received 201 in order True",
        "published 302",
    ]


def test_metrics_and_info(host_venv: Venv, tmp_path: Path) -> None:
    """The host's calls for figures and information work in all four roles."""
    lines = run_program(host_venv, "figures.py", cwd=tmp_path)
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        str(["client_id", "metrics", "queue"])
    ] * 4


@pytest.mark.parametrize(
    "module",
    [
        "sinetstream_sdk",
        "sinetstream_sdk.spi",
        "sinetstream_sdk.errors",
        "sinetstream_queue.plugin",
    ],
)
def test_the_published_package_is_not_loaded(host_venv: Venv, tmp_path: Path, module: str) -> None:
    """Importing the SDK or a plugin built on it leaves the published package alone."""
    code = (
        f"import sys, {module}; assert '{module}' in sys.modules; "
        "print([name for name in sys.modules if name.split('.')[0] == 'sinetstream'])"
    )
    assert host_venv.run("-c", code, cwd=tmp_path).ok().strip() == "[]"
