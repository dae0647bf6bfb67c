"""Refuses answers that no project can be made of, each with one line that says what to write.

cookiecutter renders this file and runs it with an interpreter of its own before it writes the first
file, so nothing but the standard library is imported. ``sinetstream-sdk new`` imports it as it
stands here: what depends on the answers is all in the last lines.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points

ROLES = ("reader", "writer", "async_reader", "async_writer")
LONGEST_TYPE_NAME = 32
# With what the template puts before or after them, these would be names of the SDK's own.
SDK_NAMES = {
    "sdk": "sinetstream_sdk",
    "conformance": "sinetstream_conformance",
    "cli": "sinetstream_cli",
    "polling": "PollingAsyncReader",
    "publishing": "PublishingAsyncWriter",
    "plugin_message": "PluginMessageReader",
}
SDK_DISTRIBUTIONS = ("sinetstream", "sinetstream-plugin-sdk")

_TYPE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_DISTRIBUTION_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Refused(Exception):
    """An answer that no project can be made of; the message is one line."""


def check(answers: Mapping[str, str]) -> None:
    """Refuse what no project can be made of.

    :raises Refused: with the first thing that is wrong
    """
    check_type_name(answers["type_name"])
    check_distribution_name(answers["distribution_name"])
    check_author(answers["author"])
    roles_in(answers["roles"])
    if answers.get("__is_new", "yes"):  # an update renders a project that may well be installed
        check_not_installed(answers["type_name"], answers["distribution_name"])


def check_type_name(name: str) -> None:
    """Refuse a type name that is no plain identifier, or means something else already."""
    if _TYPE_NAME.fullmatch(name) is None:
        likely = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")
        hint = f"; {likely!r} would do" if _TYPE_NAME.fullmatch(likely) else ""
        raise Refused(
            f"type name {name!r}: write lower-case letters, digits and single underscores, "
            f"a letter first{hint}"
        )
    if len(name) > LONGEST_TYPE_NAME:
        raise Refused(f"type name {name!r}: at most {LONGEST_TYPE_NAME} characters, please")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise Refused(f"type name {name!r} is a keyword of Python; choose another, {_other(name)}")
    if name in sys.stdlib_module_names:
        raise Refused(
            f"type name {name!r} is a module of the standard library; "
            f"choose another, {_other(name)}"
        )
    if name in SDK_NAMES:
        raise Refused(
            f"type name {name!r}: it would make {SDK_NAMES[name]}, a name of the SDK's own; "
            f"choose another, {_other(name)}"
        )


def _other(name: str) -> str:
    return f"such as {f'my_{name}'!r}"


def check_distribution_name(name: str) -> None:
    """Refuse a name that packaging tools would refuse, or would spell otherwise."""
    if _DISTRIBUTION_NAME.fullmatch(name) is None:
        likely = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        hint = f"; {likely!r} would do" if likely else ""
        raise Refused(
            f"distribution name {name!r}: write lower-case letters and digits with single hyphens "
            f"between them{hint}"
        )
    if name in SDK_DISTRIBUTIONS:
        raise Refused(f"distribution name {name!r} is taken; choose another, {_other(name)}")


def check_author(author: str) -> None:
    """Refuse an empty name, and characters that end a line of the metadata."""
    if not author.strip() or not author.isprintable():
        raise Refused(f"author {author!r}: write a name on one line")


def roles_in(text: str) -> tuple[str, ...]:
    """The roles that an answer names, in their usual order.

    :raises Refused: it names none, or something that is no role
    """
    asked = text.lower().replace("-", "_").replace(",", " ").split()
    if not asked:
        raise Refused(f"roles: name at least one of {', '.join(ROLES)}, or write all")
    for word in asked:
        if word not in (*ROLES, "all"):
            close = get_close_matches(word, ROLES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(ROLES)}"
            raise Refused(f"roles: there is no {word!r}; {hint}")
    return ROLES if "all" in asked else tuple(role for role in ROLES if role in asked)


def check_not_installed(type_name: str, distribution_name: str) -> None:
    """Refuse a type name that another distribution of this environment has already."""
    for role in ROLES:
        for entry in entry_points(group=f"sinetstream.{role}", name=type_name):
            owner = "" if entry.dist is None else entry.dist.metadata["Name"] or ""
            if re.sub(r"[-_.]+", "-", owner).lower() != distribution_name:
                raise Refused(
                    f"type name {type_name!r}: a plugin of that name is installed here, from "
                    f"{owner or 'an unknown distribution'}; choose another, {_other(type_name)}, "
                    "or uninstall that one"
                )


if __name__ == "__main__":
    try:
        check(json.loads(r"""{{ cookiecutter | tojson }}"""))
    except Refused as refused:
        sys.exit(f"sinetstream-sdk: {refused}")
