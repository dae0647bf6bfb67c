"""A click group whose errors are one line that says what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from sinetstream_sdk.describe import suggest

OK, FINDINGS, MISUSE, BROKEN = 0, 1, 2, 3

EXIT_CODES = """\b
Exit codes:
  0  done, and nothing is wrong
  1  done, and something is wrong: a rule is broken, a plugin does not load
  2  not done: the command was given something that it cannot work with
  3  not finished: the harness, the kit or the run itself broke down
"""


class Misuse(click.ClickException):
    """The command cannot be carried out as asked; the message says what to do instead."""

    exit_code = MISUSE


class OneLineGroup(click.Group):
    """Reports misuse on one line of stderr and knows commands that are nearly spelt right."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first.

        :raises Misuse: there is none of that name
        """
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            hint = suggest(name, known) or f"; there are {', '.join(known)}"
            raise Misuse(f"there is no command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command that the arguments name, and end the process with its exit code."""
        try:
            status = super().main(args, prog_name, **{**extra, "standalone_mode": False})
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "sinetstream-sdk"
            fail(f"{_closed(error.format_message())} See: {path} --help", MISUSE)
        except click.ClickException as error:
            fail(error.format_message(), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            fail("interrupted", BROKEN)
        sys.exit(status if isinstance(status, int) else OK)


def fail(message: str, status: int) -> NoReturn:
    """Write one line to stderr and end the process."""
    click.echo(f"sinetstream-sdk: {' '.join(message.split())}", err=True)
    sys.exit(status)


def _closed(sentence: str) -> str:
    """``sentence`` with the full stop that some of click's messages lack."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."
