"""Answers that are refused before anything is written, with a line that says what to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sinetstream_cli.scaffolding import ScaffoldError, new_project, render, template_folder

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "hyphen": ({"type_name": "my-broker"}, "'my_broker' would do"),
    "capitals": ({"type_name": "MyBroker"}, "'mybroker' would do"),
    "space": ({"type_name": "my broker"}, "'my_broker' would do"),
    "digit last": ({"type_name": "My-Broker-2"}, "'my_broker_2' would do"),
    "digit first": ({"type_name": "2fast"}, "letter first; 'my_2fast' would do"),
    "not ASCII": ({"type_name": "größer"}, "letter first; 'grosser' would do"),
    "nothing of it would do": ({"type_name": "東京"}, "type name '東京': write lower-case letters"),
    "keyword once it is mended": ({"type_name": "Class"}, "'my_class' would do"),
    "underscore first": ({"type_name": "_x"}, "'x' would do"),
    "two underscores": ({"type_name": "x__y"}, "'x_y' would do"),
    "no type name": ({"type_name": ""}, "type name '': write"),
    "path": ({"type_name": "../x"}, "type name '../x': write"),
    "too long": ({"type_name": "x" * 33}, f"at most 32 characters, please; '{'x' * 32}' would do"),
    "keyword": (
        {"type_name": "class"},
        "'class' is a keyword of Python; choose another, such as 'my_class'",
    ),
    "soft keyword": ({"type_name": "match"}, "'match' is a keyword of Python"),
    "standard library": ({"type_name": "queue"}, "'queue' is a module of the standard library"),
    "package of the SDK": ({"type_name": "sdk"}, "it would make sinetstream_sdk"),
    "class of the SDK": ({"type_name": "polling"}, "it would make PollingAsyncReader"),
    "distribution spelt otherwise": (
        {"distribution_name": "My_Plugin"},
        "distribution name 'My_Plugin': write lower-case letters and digits with single hyphens "
        "between them; 'my-plugin' would do",
    ),
    "distribution with a path": ({"distribution_name": "a/b"}, "'a-b' would do"),
    "no distribution": ({"distribution_name": "-"}, "distribution name '-': write"),
    "distribution taken": ({"distribution_name": "sinetstream"}, "'sinetstream' is taken"),
    "no author": ({"author": " "}, "author ' ': write a name on one line"),
    "author on two lines": ({"author": "a\nb"}, "write a name on one line"),
    "no roles": ({"roles": " , "}, "roles: name at least one of reader, writer,"),
    "misspelt role": ({"roles": "raeder"}, "there is no 'raeder'; did you mean 'reader'?"),
    "unknown role": ({"roles": "reader,x"}, "there is no 'x'; there are reader, writer,"),
}
CHOICES: dict[str, tuple[dict[str, str], str]] = {
    "unknown question": ({"typename": "x"}, "does not ask for 'typename'; did you mean"),
    "unknown kind": ({"kind": "netwrok"}, "kind: there is no 'netwrok'; did you mean 'network'?"),
    "unknown licence": ({"licence": "none"}, "licence: there is no 'none'; there are Apache-2.0"),
}


@pytest.mark.parametrize(
    ("answers", "words"), [*REFUSED.values(), *CHOICES.values()], ids=[*REFUSED, *CHOICES]
)
def test_the_command_refuses(tmp_path: Path, answers: dict[str, str], words: str) -> None:
    """The message is one line with the answer, and what would do or what there is."""
    with pytest.raises(ScaffoldError) as refused:
        new_project({"distribution_name": "x-y", **answers}, tmp_path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("answers", "words"), REFUSED.values(), ids=list(REFUSED))
def test_the_hook_refuses(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], answers: dict[str, str], words: str
) -> None:
    """Who uses cookiecutter itself gets the same line, and no file either."""
    with pytest.raises(ScaffoldError, match="cannot be used"):
        render({"distribution_name": "x-y", **answers}, tmp_path, template_folder())
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "sinetstream-sdk: " in line)
    assert words in line
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_cookiecutter_itself_refuses(tmp_path: Path) -> None:
    """The line comes first, the exit status is not 0, and the folder is gone."""
    command = [sys.executable, "-m", "cookiecutter", template_folder(), "--no-input"]
    ran = subprocess.run(
        [*command, "type_name=json"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert ran.stderr.startswith("sinetstream-sdk: type name 'json' is a module of the standard")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    """What stands there already is neither changed nor removed."""
    (tmp_path / "x-y").mkdir()
    (tmp_path / "x-y" / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(ScaffoldError, match="x-y exists already; choose another"):
        new_project({"distribution_name": "x-y"}, tmp_path)
    assert [path.name for path in (tmp_path / "x-y").iterdir()] == ["file"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution ``Acme_Bus`` that has the plugin ``acme``, here and for the hooks."""
    info = tmp_path / "site" / "Acme_Bus-1.0.dist-info"
    info.mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: Acme_Bus\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    entry = "[sinetstream.writer]\nacme = acme:Writer\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.setenv("PYTHONPATH", str(info.parent))


@pytest.mark.usefixtures("installed")
def test_an_installed_plugin_is_not_shadowed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A name that a plugin has here is refused, whatever roles that plugin has."""
    answers = {"type_name": "acme", "distribution_name": "other", "roles": "reader"}
    words = "type name 'acme': a plugin of that name is installed here, from Acme_Bus"
    with pytest.raises(ScaffoldError, match=words):
        new_project(answers, tmp_path / "made")
    with pytest.raises(ScaffoldError, match="cannot be used"):
        render(answers, tmp_path / "made", template_folder())
    assert words in capfd.readouterr().err
    assert not list((tmp_path / "made").glob("*/*"))


@pytest.mark.usefixtures("installed")
def test_a_distribution_may_have_its_own_name(tmp_path: Path) -> None:
    """Who makes a plugin anew, under the same distribution name, is not refused."""
    answers = {"type_name": "acme", "distribution_name": "acme-bus"}
    assert (new_project(answers, tmp_path / "made") / "pyproject.toml").is_file()


def asked(monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    """Type these answers, and keep what the questions were asked with."""
    answers, questions = iter(typed), list[str]()

    def answer(_console: object, question: object = "", **_: object) -> str:
        questions.append(str(question))
        return next(answers)

    monkeypatch.setattr("rich.console.Console.input", answer)
    return questions


def test_a_refused_name_is_asked_for_with_one_that_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name on the command line is refused before the first question, whose default it mends."""
    questions = asked(monkeypatch, *[""] * 6)
    told: list[str] = []
    made = new_project({"type_name": "My broker"}, tmp_path, ask=True, tell=told.append)
    (problem,) = told
    assert "'my_broker' would do" in problem
    assert "(my_broker)" in questions[0]
    assert "My broker" not in "".join(questions)
    assert made.name == "sinetstream-plugin-my-broker"


def test_what_follows_from_a_refused_name_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time the distribution name follows the new type name, and the rest is kept."""
    first = ["match", "", "Ann", "reader", "", ""]
    questions = asked(monkeypatch, *first, *[""] * 6)
    made = new_project(None, tmp_path, ask=True, tell=lambda line: None)
    assert "(my_match)" in questions[6]
    assert "(sinetstream-plugin-my-match)" in questions[7]
    assert "(Ann)" in questions[8]
    assert made.name == "sinetstream-plugin-my-match"


def test_asking_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the terminal a refused answer is told of, and asked again with the rest as defaults."""
    typed = iter(["my-broker", "", "Ann", "reader", "", "", "my_broker", "x-y", "", "", "", ""])
    monkeypatch.setattr("rich.console.Console.input", lambda *_, **__: next(typed))
    told: list[str] = []
    made = new_project(None, tmp_path, ask=True, tell=told.append)
    (problem,) = told
    assert "'my_broker' would do" in problem
    text = (made / "pyproject.toml").read_text(encoding="utf-8")
    assert made.name == "x-y"
    assert 'my_broker = "sinetstream_my_broker.plugin:MyBrokerReader"' in text
    assert 'name = "Ann"' in text
    assert "sinetstream.writer" not in text
