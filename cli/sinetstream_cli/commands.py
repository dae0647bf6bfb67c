"""The commands of ``sinetstream-sdk``; what each does is imported when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sinetstream_cli.oneline import EXIT_CODES, FINDINGS, OK, Misuse, OneLineGroup
from sinetstream_sdk import __version__

_KIT_OPTIONS = (
    ("rule", "ID[,ID]", "Judge these rules only; LIFE-* stands for several."),
    ("role", "ROLE[,ROLE]", "Judge these roles only."),
    ("param", "KEY=VALUE", "One parameter for the plugin; dots nest."),
    ("params", "FILE.yml", "YAML file with parameters for the plugin."),
    ("harness", "MODULE:OBJECT", "Harness to use in place of the plugin's own."),
    ("host", None, "The host that the HOST rules run the plugin through."),
    ("level", None, "'must' lets failures of SHOULD rules through."),
    ("xfail", "ID[,ID]=REASON", "Expect these rules to fail, for this reason."),
    ("seed", "N", "Repeat the run that printed this seed."),
    ("distribution", "NAME", "Which distribution to judge where several claim the name."),
    ("report", "FILE.json", "Write the whole report to this file, too."),
)


@click.group(
    cls=OneLineGroup,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="sinetstream-sdk")
def cli() -> None:
    """Write, check and look after plugins for SINETStream.

    \b
    Example, from nothing to a plugin that is judged:
      sinetstream-sdk new mybroker --defaults
      cd sinetstream-plugin-mybroker && pip install -e '.[test]' && pytest
    """


@cli.command(epilog=EXIT_CODES, short_help="Begin a plugin from the template.")
@click.argument("type_name", required=False)
@click.option("--distribution-name", metavar="NAME", help="What users give to pip install.")
@click.option("--author", metavar="NAME", help="For the metadata and the licence.")
@click.option("--roles", metavar="ROLE[,ROLE]", help="all, or some of the four roles.")
@click.option("--kind", metavar="KIND", help="in-process, network or wrap.")
@click.option("--licence", metavar="NAME", help="Apache-2.0, MIT, BSD-3-Clause or Proprietary.")
@click.option("--into", metavar="FOLDER", default=".", help="Where the project's folder is made.")
@click.option("--defaults", is_flag=True, help="Ask nothing; take defaults for what is not given.")
def new(into: str, defaults: bool, **answers: str | None) -> int:
    """Begin a plugin from the template; TYPE_NAME is what users will write as 'type:'.

    Without --defaults up to six questions are asked, each with a default. The kind says what the
    messages travel through: 'wrap' a client library that there is already, 'network' a broker whose
    protocol the project speaks itself, 'in-process' whatever has neither server nor library: this
    process, a directory, a pipe, a device. Where reading blocks and cannot be woken, as with many
    devices, 'wrap' has the loop for it.

    \b
    Examples:
      sinetstream-sdk new
      sinetstream-sdk new mybroker --kind wrap --roles reader,writer --defaults
    """
    from sinetstream_cli.scaffolding import ScaffoldError, new_project

    given = {name: value for name, value in answers.items() if value is not None}
    try:
        made = new_project(given, into, ask=not defaults, tell=click.echo)
    except ScaffoldError as refused:
        raise Misuse(str(refused)) from refused
    click.echo(f"made {made}")
    click.echo(f"next: cd {made} && pip install -e '.[test]' && pytest")
    return OK


@cli.command(epilog=EXIT_CODES, short_help="Bring a project up to date with the template.")
@click.argument("folder", default=".")
@click.option("--force", is_flag=True, help="Go on although git has uncommitted changes there.")
def update(folder: str, force: bool) -> int:
    """Bring a project that 'new' made, in FOLDER or here, up to date with the template.

    What you have changed stays; where you and the template changed the same place, both stand there
    between markers, and the exit code is 1. Commit your changes first.

    \b
    Example:
      sinetstream-sdk update && git diff
    """
    from sinetstream_cli.updating import UpdateError, update_project

    try:
        report = update_project(folder, force=force)
    except UpdateError as refused:
        raise Misuse(str(refused)) from refused
    for line in report.lines():
        click.echo(line)
    return report.status


@cli.command(epilog=EXIT_CODES, short_help="List the installed plugins, and say which load.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of a table.")
def plugins(as_json: bool) -> int:
    """List the installed plugins of all four groups, and say which load.

    Each plugin is loaded, which imports its code. Exit code 1 tells that one does not load.

    \b
    Example:
      sinetstream-sdk plugins --json
    """
    from sinetstream_cli.listing import installed_plugins, table

    found, problems = installed_plugins()
    if as_json:
        import json

        values = {
            "plugins": [plugin.to_dict() for plugin in found],
            "problems": [
                {"distribution": problem.distribution, "error": problem.error}
                for problem in problems
            ],
        }
        click.echo(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        click.echo(table(found, problems))
    return FINDINGS if problems or any(plugin.broken for plugin in found) else OK


@cli.command(epilog=EXIT_CODES, short_help="Say what is broken in this environment.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of text.")
def doctor(as_json: bool) -> int:
    """Look for what is broken in this environment, and say how to mend it.

    Python, the SDK and its extras, the published sinetstream, entry points that do not load or
    stand in a misspelt group, names that two distributions claim, harnesses. Exit code 1 tells
    that something is to be mended.

    \b
    Example:
      sinetstream-sdk doctor
    """
    from sinetstream_cli.diagnosis import Kind, diagnose

    findings = diagnose()
    broken = sum(finding.kind is Kind.MEND for finding in findings)
    if as_json:
        import json

        click.echo(
            json.dumps([finding.to_dict() for finding in findings], indent=2, ensure_ascii=False)
        )
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo("nothing is broken" if not broken else f"to be mended: {broken}")
    return FINDINGS if broken else OK


@cli.command(
    epilog=EXIT_CODES,
    short_help="Judge an installed plugin by the contract.",
    context_settings={"ignore_unknown_options": True},
    options_metavar="[OPTIONS]",
)
@click.argument("name")
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def check(name: str, pytest_options: tuple[str, ...], **kit: Sequence[str]) -> int:
    """Judge the installed plugin NAME by the contract; 'all' stands for every plugin.

    This is pytest --sinetstream-plugin=NAME under a shorter name: what this command does not know
    is passed on to pytest. Exit code 1 tells that a rule is broken.

    \b
    Examples:
      sinetstream-sdk check queue
      sinetstream-sdk check queue,mqtt --level=must --report=verdict.json
      sinetstream-sdk check queue --rule='LIFE-*' --role=reader -x -v
    """
    from sinetstream_cli.judging import judge

    names = [part.strip() for part in name.split(",") if part.strip()]
    if not names:
        raise Misuse("name the plugin to judge; 'sinetstream-sdk plugins' lists those installed")
    return judge(names, {key: values for key, values in kit.items() if values}, pytest_options)


_TYPES: dict[str, Any] = {
    "host": click.Choice(["sdk", "published"]),
    "level": click.Choice(["must", "should"]),
    "seed": click.INT,
}

for _option, _metavar, _help in _KIT_OPTIONS:
    check.params.append(
        click.Option(
            [f"--{_option}"],
            multiple=True,
            metavar=_metavar,
            help=_help,
            type=_TYPES.get(_option, click.STRING),
        )
    )


@cli.command(epilog=EXIT_CODES, short_help="Explain rules of the contract.")
@click.argument("rules", metavar="[RULE]...", nargs=-1)
def explain(rules: tuple[str, ...]) -> int:
    """Explain rules of the contract; without RULE, list them all.

    The rule, where it comes from, how a plugin keeps it and how it breaks it, and the mend. A
    capability or a method of a harness, such as 'retained' or 'unreachable', is explained as well.

    \b
    Examples:
      sinetstream-sdk explain READ-TIMEOUT
      sinetstream-sdk explain 'AREAD-*'
      sinetstream-sdk explain retained
    """
    try:
        from sinetstream_cli import explaining
    except ModuleNotFoundError as missing:
        raise Misuse(
            f"the conformance kit lacks {missing.name}; "
            "pip install 'sinetstream-plugin-sdk[conformance]'"
        ) from missing
    try:
        click.echo(explaining.explain(rules) if rules else explaining.overview())
    except KeyError as unknown:
        problem = str(unknown.args[0])
        stop = "" if problem.endswith("?") else "."
        raise Misuse(f"{problem}{stop} All rules: sinetstream-sdk explain") from unknown
    return OK
