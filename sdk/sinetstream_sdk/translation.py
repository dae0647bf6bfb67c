"""Parameters that were written for another plugin of the same messaging system.

They are read by a table, which a file of TOML may hold, or refused with an error that says what to
use in their place:

    TABLE = {
        "keepalive": {"at": ["connect.keepalive", "keepalive"], "as": "integer", "default": 60},
        "password": {"at": "username_pw.password", "as": "secret"},
    }
    ADVICE = {"message_retry": "is gone from paho-mqtt 2: leave it out"}
    ALSO = {"username_pw": "username_pw_set"}

    refuse(own, ADVICE, known=names(TABLE, ALSO), also=ALSO)
    settings = read(own, TABLE, ALSO)

or, where the client takes a dict of properties, put into that by a shorter table:

    translate(own, {"linger_ms": ("linger.ms", "count")})
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from typing import Any

from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

__all__ = ["group", "load", "names", "read", "refuse", "translate"]


def load(package: str, name: str) -> dict[str, Any]:
    """The tables in a TOML file that lies in a package."""
    return tomllib.loads(files(package).joinpath(name).read_text(encoding="utf-8"))


def read(
    params: Params, table: Mapping[str, Mapping[str, Any]], also: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The values that a table speaks of, by the names that it gives to them.

    A row has ``at``, where the value stands: a name, or a name in a group as in ``will.topic``, or
    a list of those, of which the first that is given counts. ``as`` is the method of
    :class:`Params` that reads it, "string" if absent; ``default`` and the rest are its arguments.

    :param also: other names of groups
    :raises InvalidArgumentError: a value is wrong, or a group is given under both of its names
    """
    found = {}
    for target, row in table.items():
        views = [_place(params, place, also or {}) for place in _places(row)]
        view, name = next((v for v in views if v[0].get(v[1]) is not None), views[-1])
        limits = {key: row[key] for key in row if key not in ("at", "as", "default")}
        found[target] = getattr(view, row.get("as", "string"))(
            name, default=row.get("default"), **limits
        )
    return found


def names(
    table: Mapping[str, Mapping[str, Any]], also: Mapping[str, str] | None = None
) -> set[str]:
    """The names of the parameters and groups that :func:`read` looks at."""
    found = {place.partition(".")[0] for row in table.values() for place in _places(row)}
    return found | {other for name, other in (also or {}).items() if name in found}


def _places(row: Mapping[str, Any]) -> list[str]:
    return [row["at"]] if isinstance(row["at"], str) else row["at"]


def _place(params: Params, place: str, also: Mapping[str, str]) -> tuple[Params, str]:
    """Where a value stands: the group, or all parameters, and its name there."""
    *holders, name = place.split(".")
    for holder in holders:
        params = group(params, *dict.fromkeys((holder, also.get(holder, holder))))
    return params, name


def refuse(
    params: Params,
    advice: Mapping[str, str],
    known: Collection[str] = (),
    also: Mapping[str, str] | None = None,
    *,
    strict: bool = False,
) -> None:
    """Refuse what ``advice`` speaks of and, given ``known`` names, what is nearly one of them.

    :param advice: by name, what follows it in the error: what it is and what to use instead. A
        name in a group is written ``tls.keyStore``
    :param known: the names that mean something here; without them no name is compared
    :param also: other names of groups
    :param strict: refuse whatever is not among ``known``, though nothing there is like it
    :raises InvalidArgumentError: a parameter is refused; None counts as absent
    """
    first_names = {other: name for name, other in (also or {}).items()}
    for name in map(str, params):
        if params.get(name) is None:
            continue
        why = advice.get(name, "")
        if not why and known and name not in known:
            hint = suggest(name, known) if strict else suggest(name, known, cutoff=0.8)
            why = f"is not known{hint}" if hint or strict else ""
        if why:
            full = params.full_name(name)
            raise InvalidArgumentError(f"parameter {full!r} {why}", parameter=full)
        start = f"{first_names.get(name, name)}."
        inner = {key.removeprefix(start): advice[key] for key in advice if key.startswith(start)}
        if inner and isinstance(params[name], Mapping):
            refuse(params.mapping(name), inner)


def group(params: Params, *names: str) -> Params:
    """The mapping under whichever of ``names`` is given; an empty one without any.

    :raises InvalidArgumentError: it is no mapping, or two of the names are given
    """
    given = [name for name in names if params.get(name) is not None]
    if len(given) > 1:
        raise params.invalid(given[1], f"absent where {given[0]!r} is given: they mean the same")
    return params.mapping(given[0]) if given else Params({})


def translate(params: Params, table: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The client's properties for those parameters that ``table`` has, where they are given.

    :param table: by name, the property and the kind of value: "count" (an int of at least 0),
        "bytes" (the same, for a property in KiB), "switch", "text", "secret" or, where the values
        are few, a mapping from each to the property's
    :raises InvalidArgumentError: a value is wrong
    """
    return {
        target: _translated(params, name, kind)
        for name, (target, kind) in table.items()
        if params.get(name) is not None
    }


def _translated(params: Params, name: str, kind: str | Mapping[str, Any]) -> Any:
    if isinstance(kind, Mapping):
        value = params[name]
        spelt = str(value).lower() if isinstance(value, bool) else str(value)
        if spelt not in kind:
            raise params.invalid(name, f"one of {', '.join(kind)}", suggest(spelt, kind))
        return kind[spelt]
    if kind == "bytes":
        return max(params.integer(name, minimum=0) // 1024, 1)
    if kind == "count":
        return params.integer(name, minimum=0)
    if kind == "switch":
        return params.boolean(name)
    return params.secret(name) if kind == "secret" else params.string(name)
