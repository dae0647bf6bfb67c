"""New projects from the template."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sinetstream_sdk
from sinetstream_sdk.describe import suggest

__all__ = ["QUESTIONS", "ScaffoldError", "new_project", "template_folder", "template_version"]

QUESTIONS = ("type_name", "distribution_name", "author", "roles", "kind", "licence")
"""The names of the six answers."""


class ScaffoldError(Exception):
    """No project can be made; the message is one line that says what to do."""


class _AnswerRefused(ScaffoldError):
    """The template refuses the answer to ``question``; ``instead`` would do, unless empty."""

    def __init__(self, message: str, question: str, instead: str) -> None:
        super().__init__(message)
        self.question = question
        self.instead = instead


def template_folder() -> Path:
    """Where the template is: in the installed SDK or, in a checkout, beside it.

    :raises ScaffoldError: it is in neither place
    """
    package = Path(sinetstream_sdk.__file__).parent
    for folder in (package / "template", package.parents[1] / "template"):
        if (folder / "cookiecutter.json").is_file():
            return folder
    raise ScaffoldError(
        "the template is not installed with the SDK; reinstall sinetstream-plugin-sdk"
    )


def template_version(template_dir: Path | None = None) -> str:
    """The version of a template, which is that of the SDK that it came with."""
    return str(_questionnaire(template_dir or template_folder())["_template_version"])


def new_project(
    answers: Mapping[str, str] | None = None,
    output_dir: Path | str = ".",
    *,
    template_dir: Path | None = None,
    ask: bool = False,
    tell: Callable[[str], object] = print,
) -> Path:
    """Make a project and give its folder, which is named as the distribution is.

    :param answers: by the names in :data:`QUESTIONS`; what is missing has a default
    :param output_dir: where the project's folder is made
    :param template_dir: a template other than the SDK's own
    :param ask: ask on the terminal, with ``answers`` as defaults, till no answer is refused; in
        place of a refused one the default is what would do
    :param tell: takes the line that says why an answer was refused, before it is asked again
    :raises ScaffoldError: an answer is refused, the folder exists, or cookiecutter is missing
    """
    template = template_dir or template_folder()
    given = dict(answers or {})
    _check_names(given, template)
    if ask:
        given = _asked(given, template, tell)
    else:
        given = _complete(given, template, ask=False)
        _check_values(given, template)
    target = Path(output_dir) / given["distribution_name"]
    if target.exists():
        raise ScaffoldError(
            f"{target} exists already; choose another distribution name or another folder"
        )
    return render(given, Path(output_dir), template)


def render(answers: Mapping[str, str], output_dir: Path, template: Path) -> Path:
    """Make a project without a question; cookiecutter's settings in the home folder have no part.

    :param answers: by the names in :data:`QUESTIONS`; others reach the template as they are
    :raises ScaffoldError: the template refuses the answers, or cookiecutter is missing
    """
    cookiecutter = _imported("cookiecutter.main").cookiecutter
    exceptions = _imported("cookiecutter.exceptions")
    with TemporaryDirectory() as folder:
        # Otherwise it would keep the answers of every run in the home folder.
        config = Path(folder) / "config.yml"
        places = {"replay_dir": folder, "cookiecutters_dir": folder}
        config.write_text(json.dumps(places), encoding="utf-8")
        try:
            made = cookiecutter(
                str(template),
                no_input=True,
                extra_context=dict(answers),
                output_dir=str(output_dir),
                config_file=str(config),
            )
        except (exceptions.CookiecutterException, ValueError) as error:
            raise ScaffoldError(f"the template cannot be used: {error}") from error
    return Path(made)


def _imported(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise ScaffoldError(
            f"{missing.name} is missing; pip install 'sinetstream-plugin-sdk[template]'"
        ) from missing


def _questionnaire(template: Path) -> dict[str, Any]:
    try:
        text = (template / "cookiecutter.json").read_text(encoding="utf-8")
        questions: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        raise ScaffoldError(f"there is no template in {template}: {error}") from error
    return questions


def _check_names(given: Mapping[str, str], template: Path) -> None:
    known = [name for name in _questionnaire(template) if not name.startswith("_")]
    for name in given:
        if name not in known:
            hint = suggest(name, known) or f"; there are {', '.join(known)}"
            raise ScaffoldError(f"the template does not ask for {name!r}{hint}")
    for name, choices in _questionnaire(template).items():
        if isinstance(choices, list) and name in given and given[name] not in choices:
            hint = suggest(given[name], choices) or f"; there are {', '.join(choices)}"
            raise ScaffoldError(f"{name}: there is no {given[name]!r}{hint}")


def _asked(given: dict[str, str], template: Path, tell: Callable[[str], object]) -> dict[str, str]:
    """The answers from the terminal, asked for till none is refused."""
    refused: ScaffoldError | None = None
    complete = False
    while True:
        try:
            _check_values(given, template)
        except _AnswerRefused as why:
            refused = why
            tell(str(why))
            given = _mended(given, why, template)
            complete = False
            continue
        if complete:
            return given
        try:
            given = _complete(given, template, ask=True)
        except ScaffoldError as nobody:
            raise (refused or nobody) from nobody
        complete = True


def _mended(given: dict[str, str], why: _AnswerRefused, template: Path) -> dict[str, str]:
    """The answers with what would do for the refused one, or without it."""
    known = [name for name in given if name != why.question]
    if why.question == "type_name":
        # What was worked out from the refused name goes with it.
        old = _complete({"type_name": given["type_name"]}, template, ask=False)
        known = [name for name in known if given[name] != old[name]]
    return {name: given[name] for name in known} | (
        {why.question: why.instead} if why.instead else {}
    )


def _complete(given: Mapping[str, str], template: Path, *, ask: bool) -> dict[str, str]:
    """The answers with what was missing, from the defaults or from the terminal."""
    generate = _imported("cookiecutter.generate")
    prompt = _imported("cookiecutter.prompt")
    context = generate.generate_context(
        context_file=str(template / "cookiecutter.json"), extra_context=dict(given)
    )
    try:
        values = prompt.prompt_for_config(context, no_input=not ask)
    except EOFError as error:
        raise ScaffoldError("there is nobody to ask; give the answers as options") from error
    return {name: str(value) for name, value in values.items() if not name.startswith("_")}


def _check_values(given: Mapping[str, str], template: Path) -> None:
    """Use the check of the template's own hook, which runs too late to be asked again."""
    hook = template / "hooks" / "pre_gen_project.py"
    if not hook.is_file():
        return
    names = runpy.run_path(str(hook), run_name="template_checks")
    try:
        names["check"](given)
    except names["Refused"] as refused:
        raise _AnswerRefused(str(refused), refused.question, refused.instead) from refused
