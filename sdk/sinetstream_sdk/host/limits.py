"""How much of the reader's memory and time messages from outside may take.

A user may set each with the parameter ``limits``, a mapping of the names below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from sinetstream_sdk.errors import InvalidArgumentError


@dataclass(frozen=True)
class Limits:
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
        defaults = {field.name: field.default for field in fields(cls)}
        for name, value in given.items():
            cls._check(name, value, defaults)
        return cls(**given)

    @staticmethod
    def _check(name: object, value: object, defaults: Mapping[str, object]) -> None:
        if name not in defaults:
            close = get_close_matches(str(name), defaults, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(defaults)}"
            raise InvalidArgumentError(f"limits: unknown name {name!r}; {hint}", parameter="limits")
        whole = isinstance(defaults[name], int)  # type: ignore[index]
        kinds = (int,) if whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool) or not 0 < value < 1e18:
            raise InvalidArgumentError(
                f"limits.{name} must be a positive {'whole ' if whole else ''}number; "
                f"{value!r} was given",
                parameter=f"limits.{name}",
            )
