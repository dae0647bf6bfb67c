"""Copying and merging nested parameters: mappings and lists are copied, anything else is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["TooLargeError", "merge_into", "plain_copy"]

MAX_DEPTH = 50
MAX_ITEMS = 100_000


class TooLargeError(ValueError):
    """The parameters are nested too deeply, contain themselves, or are too many."""


def plain_copy(params: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that shares no mapping and no list with ``params``.

    :raises TooLargeError: more than 50 levels or 100,000 values, as YAML's aliases can make
    """
    return _Copier().mapping(params, 0)


def merge_into(target: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Put the values of ``layer`` over those of ``target``, mappings member by member.

    Anything but a mapping replaces what was there. ``layer`` is not changed, but shared.
    """
    for name, value in layer.items():
        below = target.get(name)
        if isinstance(value, Mapping) and isinstance(below, dict):
            merge_into(below, value)
        else:
            target[name] = value


class _Copier:
    def __init__(self) -> None:
        self._left = MAX_ITEMS

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        return {key: self._any(item, depth + 1) for key, item in value.items()}

    def _any(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise TooLargeError(
                f"has more than {MAX_DEPTH} levels or {MAX_ITEMS} values, or contains itself"
            )
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        if isinstance(value, list):
            return [self._any(item, depth + 1) for item in value]
        return value
