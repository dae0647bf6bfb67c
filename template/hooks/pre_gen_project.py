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
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import NoReturn

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
OTHERWISE = "; choose another, such as INSTEAD"
SDK_DISTRIBUTIONS = ("sinetstream", "sinetstream-plugin-sdk")

_TYPE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_DISTRIBUTION_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Refused(Exception):
    """An answer that no project can be made of; the message is one line.

    ``question`` is the name of the question, ``instead`` an answer that would do; empty if none.
    """

    def __init__(self, message: str, question: str, instead: str = "") -> None:
        super().__init__(message)
        self.question = question
        self.instead = instead


def check(answers: Mapping[str, str]) -> None:
    """Refuse what no project can be made of; questions without an answer are left out.

    :raises Refused: with the first thing that is wrong
    """
    for question, look in CHECKS.items():
        if question in answers:
            look(answers[question])
    names = [answers.get(question, "") for question in ("type_name", "distribution_name")]
    # An update renders a project that may well be installed.
    if all(names) and answers.get("__is_new", "yes"):
        check_not_installed(*names)


def check_type_name(name: str) -> None:
    """Refuse a type name that is no plain identifier, or means something else already."""
    if _TYPE_NAME.fullmatch(name) is None:
        refuse_type_name(
            name,
            ": write lower-case letters, digits and single underscores, a letter first",
        )
    if len(name) > LONGEST_TYPE_NAME:
        refuse_type_name(name, f": at most {LONGEST_TYPE_NAME} characters, please")
    if taken := _taken(name):
        refuse_type_name(name, taken, OTHERWISE)


def refuse_type_name(name: str, why: str, hint: str = "; INSTEAD would do") -> NoReturn:
    """Refuse it, with a hint if there is a name that was probably meant."""
    instead = likely_type_name(name)
    hint = hint.replace("INSTEAD", repr(instead)) if instead else ""
    raise Refused(f"type name {name!r}{why}{hint}", "type_name", instead)


def likely_type_name(name: str) -> str:
    """The name that would do and is nearest to one that does not; empty if there is none."""
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    likely = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    likely = likely[:LONGEST_TYPE_NAME].rstrip("_")
    if likely[:1].isdigit() or likely == name or _taken(likely):
        likely = f"my_{likely}"
    likely = likely[:LONGEST_TYPE_NAME].rstrip("_")
    would_do = _TYPE_NAME.fullmatch(likely) and not _taken(likely) and likely != name
    return likely if would_do else ""


def _taken(name: str) -> str:
    """What else the name means; empty if nothing."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return " is a keyword of Python"
    if name in sys.stdlib_module_names:
        return " is a module of the standard library"
    if name in SDK_NAMES:
        return f": it would make {SDK_NAMES[name]}, a name of the SDK's own"
    return ""


def check_distribution_name(name: str) -> None:
    """Refuse a name that packaging tools would refuse, or would spell otherwise."""
    if _DISTRIBUTION_NAME.fullmatch(name) is None:
        likely = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        hint = f"; {likely!r} would do" if likely else ""
        raise Refused(
            f"distribution name {name!r}: write lower-case letters and digits with single hyphens "
            f"between them{hint}",
            "distribution_name",
            likely,
        )
    if name in SDK_DISTRIBUTIONS:
        other = f"my-{name}"
        raise Refused(
            f"distribution name {name!r} is taken; choose another, such as {other!r}",
            "distribution_name",
            other,
        )


def check_author(author: str) -> None:
    """Refuse an empty name, and characters that end a line of the metadata."""
    if not author.strip() or not author.isprintable():
        raise Refused(f"author {author!r}: write a name on one line", "author")


def roles_in(text: str) -> tuple[str, ...]:
    """The roles that an answer names, in their usual order.

    :raises Refused: it names none, or something that is no role
    """
    asked = text.lower().replace("-", "_").replace(",", " ").split()
    if not asked:
        raise Refused(f"roles: name at least one of {', '.join(ROLES)}, or write all", "roles")
    for word in asked:
        if word not in (*ROLES, "all"):
            close = get_close_matches(word, ROLES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(ROLES)}"
            instead = ",".join(close[0] if close and other == word else other for other in asked)
            raise Refused(f"roles: there is no {word!r}; {hint}", "roles", instead if close else "")
    return ROLES if "all" in asked else tuple(role for role in ROLES if role in asked)


def check_not_installed(type_name: str, distribution_name: str) -> None:
    """Refuse a type name that another distribution of this environment has already."""
    for role in ROLES:
        for entry in entry_points(group=f"sinetstream.{role}", name=type_name):
            owner = "" if entry.dist is None else entry.dist.metadata["Name"] or ""
            if re.sub(r"[-_.]+", "-", owner).lower() != distribution_name:
                refuse_type_name(
                    type_name,
                    ": a plugin of that name is installed here, from "
                    f"{owner or 'an unknown distribution'}",
                    f"{OTHERWISE}, or uninstall that one",
                )


CHECKS = {
    "type_name": check_type_name,
    "distribution_name": check_distribution_name,
    "author": check_author,
    "roles": roles_in,
}


if __name__ == "__main__":
    try:
        check(json.loads(r"""{{ cookiecutter | tojson }}"""))
    except Refused as refused:
        sys.exit(f"sinetstream-sdk: {refused}")
