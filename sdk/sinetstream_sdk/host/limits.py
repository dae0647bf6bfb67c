"""How much of the reader's memory and time messages from outside may take.

A user may set each with the parameter ``limits``, a mapping of the names below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sinetstream_sdk.errors import InvalidArgumentError


class Limits(NamedTuple):
    """The bounds that a reader keeps; the defaults suit a broker that strangers can write to."""

    uncompressed_bytes: int = 64 * 1024 * 1024
    """The largest payload that decompression may yield."""

    derived_keys: int = 1024
    """How many keys derived from the password are remembered, one for each writer's salt."""

    derivation_burst_s: float = 2.0
    """How much processor time deriving keys for new salts may take at once, in seconds."""

    derivation_share: float = 0.1
    """What share of the time it may take from then on."""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Limits:
        """The limits that the merged parameters ask for.

        :raises InvalidArgumentError: an unknown name, or a value that is no positive number
        """
        given = params.get("limits")
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            raise InvalidArgumentError(
                f"limits must be a mapping; a {type(given).__name__} was given",
                parameter="limits",
            )
        for name, value in given.items():
            _check(name, value, cls._field_defaults)
        return cls(**given)


def _check(name: object, value: object, defaults: Mapping[str, object]) -> None:
    if not isinstance(name, str) or name not in defaults:
        from sinetstream_sdk.describe import suggest

        hint = suggest(str(name), defaults)
        raise InvalidArgumentError(
            f"limits: unknown name {name!r}; known: {', '.join(defaults)}{hint}",
            parameter="limits",
        )
    whole = isinstance(defaults[name], int)
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value < 1e18:
        raise InvalidArgumentError(
            f"limits.{name} must be a positive {'whole ' if whole else ''}number; "
            f"{value!r} was given",
            parameter=f"limits.{name}",
        )
