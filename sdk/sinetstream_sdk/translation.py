"""Parameters that were written for another plugin of the same messaging system.

They are read under either name, or refused with an error that says what to use in their place:

    ADVICE = {"message_retry": "is gone from paho-mqtt 2: leave it out"}

    refuse(own, ADVICE, known=("qos", "will", "will_set"))
    will = group(own, "will", "will_set")

or, where the client takes a dict of properties, put into that by a table:

    translate(own, {"linger_ms": ("linger.ms", "count")})
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

__all__ = ["group", "refuse", "translate"]


def refuse(
    params: Params,
    advice: Mapping[str, str],
    known: Collection[str] = (),
    *,
    strict: bool = False,
) -> None:
    """Refuse what ``advice`` speaks of and, given ``known`` names, what is nearly one of them.

    :param advice: by name, what follows it in the error: what it is and what to use instead
    :param known: the names that mean something here; without them no name is compared
    :param strict: refuse whatever is not among ``known``, though nothing there is like it
    :raises InvalidArgumentError: a parameter is refused; None counts as absent
    """
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
