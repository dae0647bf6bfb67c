"""Finding the classes of value types and compressions by their names."""

from __future__ import annotations

from functools import cache

from sinetstream_sdk.errors import InvalidArgumentError, UnsupportedServiceTypeError
from sinetstream_sdk.registry import Registry

GROUPS = ("sinetstream.value_type", "sinetstream.compression")


@cache
def small_registry() -> Registry:
    """The plugins that are value types and compressions."""
    return Registry(GROUPS)


def named_class(group: str, name: str, members: tuple[str, ...], parameter: str) -> type:
    """The class that an installed distribution registers as ``name`` in ``group``.

    :param members: what the class must have
    :param parameter: the name of the parameter that asks for it
    :raises InvalidArgumentError: there is none, it does not load, or it lacks a member
    """
    try:
        cls = small_registry().get(group, name)
    except UnsupportedServiceTypeError as error:
        raise InvalidArgumentError(f"{parameter}: {error}", parameter=parameter) from error
    lacking = [member for member in members if not hasattr(cls, member)]
    if lacking:
        raise InvalidArgumentError(
            f"{parameter}: the class of {name!r}, {cls.__module__}.{cls.__qualname__}, lacks "
            f"{', '.join(lacking)}",
            parameter=parameter,
        )
    return cls
