"""Parameters that were written for another plugin of the same messaging system.

They are read under either name, or refused with an error that says what to use in their place:

    ADVICE = {"message_retry": "is gone from paho-mqtt 2: leave it out"}

    refuse(own, ADVICE, known=("qos", "will", "will_set"))
    will = group(own, "will", "will_set")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sinetstream_sdk.describe import suggest
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params

__all__ = ["group", "refuse"]


def refuse(params: Params, advice: Mapping[str, str], known: Collection[str] = ()) -> None:
    """Refuse what ``advice`` speaks of and, given ``known`` names, what is nearly one of them.

    :param advice: by name, what follows it in the error: what it is and what to use instead
    :param known: the names that mean something here; without them no name is compared
    :raises InvalidArgumentError: a parameter is refused; None counts as absent
    """
    for name in map(str, params):
        if params.get(name) is None:
            continue
        why = advice.get(name, "")
        if not why and known and name not in known:
            hint = suggest(name, known, cutoff=0.8)
            why = f"is not known{hint}" if hint else ""
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
