"""Finding the classes of value types and compressions by their names."""

from __future__ import annotations

from importlib.metadata import entry_points

from sinetstream_sdk.errors import InvalidArgumentError


def named_class(group: str, name: str, members: tuple[str, ...], parameter: str) -> type:
    """The class that an installed distribution registers as ``name`` in ``group``."""
    for point in entry_points(group=group, name=name):
        cls: type = point.load()
        return cls
    raise InvalidArgumentError(f"{parameter}: no {name!r}", parameter=parameter)
