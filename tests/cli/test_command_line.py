"""What holds for every command: help, exit codes, one line for misuse, a quick start."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from cli_program import Run
from click.testing import CliRunner

from sinetstream_cli import commands
from sinetstream_cli.commands import cli

HEAVY = (
    "pytest",
    "hypothesis",
    "psutil",
    "cookiecutter",
    "promise",
    "yaml",
    "jinja2",
    "importlib.metadata",
    "sinetstream_conformance",
    "sinetstream_sdk.registry",
)
COMMANDS = sorted(cli.commands)


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """What a command needs is imported when it runs, so that help is there at once."""
    code = (
        "import sys\n"
        "from sinetstream_cli.commands import cli\n"
        "try: cli(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('LOADED', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    shown, _, loaded = done.stdout.partition("LOADED")
    assert "Usage:" in shown
    assert set(HEAVY) & set(loaded.split()) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_and_the_exit_codes(name: str) -> None:
    """The example is a line that begins with the command itself."""
    status, shown, _ = invoke(name, "--help")
    assert status == 0
    assert f"    sinetstream-sdk {name}" in shown
    for number in range(4):
        assert f"  {number}  " in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_in_help_are_commands_that_are_understood(name: str) -> None:
    """Each example parses: its options exist."""
    import shlex

    _, shown, _ = invoke(name, "--help")
    lines = [line.strip() for line in shown.splitlines()]
    for line in (line for line in lines if line.startswith(f"sinetstream-sdk {name}")):
        command = cli.commands[name]
        words = shlex.split(line.partition(" && ")[0])[2:]
        command.make_context(name, words, resilient_parsing=False)


def test_the_group_s_help_names_every_command() -> None:
    """With a word on each that is not cut off."""
    status, shown, _ = invoke("--help")
    assert status == 0
    for name in COMMANDS:
        (line,) = (line for line in shown.splitlines() if line.startswith(f"  {name} "))
        assert not line.endswith("...")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc", "queue"], "did you mean 'check'?"),
        (["x"], "there are check, doctor, explain"),
        (["plugins", "--jsn"], "--json"),
        (["check"], "NAME"),
        (["check", ""], "sinetstream-sdk plugins"),
        (["check", "queue", "--level=may"], "should"),
        (["check", "queue", "--seed=soon"], "integer"),
        (["explain", "READ-TIMEOT"], "did you mean READ-TIMEOUT"),
        (["explain", "QQQ"], "sinetstream-sdk explain"),
        (["doctor", "queue"], "--help"),
    ],
    ids=str,
)
def test_misuse_is_told_on_one_line(arguments: list[str], words: str) -> None:
    """Exit code 2, nothing on stdout, and one line that says what to do."""
    status, shown, error = invoke(*arguments)
    assert status == 2
    assert shown == ""
    assert len(error.splitlines()) == 1, error
    assert error.startswith("sinetstream-sdk: ")
    assert words in error


def test_without_click_the_script_says_what_to_install(run: Run, installed: object) -> None:
    """The script is there with every form of the distribution, click is not."""
    code = (
        "import sys; sys.modules['click'] = None\nfrom sinetstream_cli.main import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "pip install 'sinetstream-plugin-sdk[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_that_of_the_sdk() -> None:
    """There is one version for all three packages."""
    from sinetstream_sdk import __version__

    assert invoke("--version") == (0, f"sinetstream-sdk, version {__version__}\n", "")


def test_the_installed_script_starts(run: Run) -> None:
    """The entry point of the distribution names something that runs."""
    from importlib.metadata import entry_points

    (point,) = entry_points(group="console_scripts", name="sinetstream-sdk")
    assert callable(point.load())
    assert run("--help").returncode == 0


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command with one line and exit code 3."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sinetstream_cli.diagnosis.diagnose", interrupt)
    status, _, error = invoke("doctor")
    assert (status, error.strip()) == (3, "sinetstream-sdk: interrupted")


def test_check_knows_every_option_of_the_kit() -> None:
    """An option that the kit gains is one that the command gains."""
    declared = []

    class Parser:
        def getgroup(self, *_: str) -> Parser:
            return self

        def addoption(self, name: str, **_: object) -> None:
            declared.append(name.removeprefix("--sinetstream-"))

    from sinetstream_conformance.pytest_plugin import pytest_addoption

    parser: object = Parser()
    pytest_addoption(parser)  # type: ignore[arg-type]
    known = [option for option, _, _ in commands._KIT_OPTIONS]
    assert sorted([*known, "plugin"]) == sorted(declared)
    assert all(isinstance(param, click.Parameter) for param in commands.check.params)
