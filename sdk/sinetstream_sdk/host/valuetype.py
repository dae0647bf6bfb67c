"""Value types: how values become bytes and back. ``byte_array`` and ``text`` are built in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sinetstream_sdk.errors import InvalidArgumentError

__all__ = ["BYTE_ARRAY", "TEXT", "deserializer", "name_of", "serializer"]

BYTE_ARRAY = "byte_array"
TEXT = "text"
GROUP = "sinetstream.value_type"

Serializer = Callable[[Any], bytes]
Deserializer = Callable[[bytes], Any]


def name_of(value_type: object) -> str:
    """The name of a value type, which may be given as a name, a mapping or an object with one.

    :raises InvalidArgumentError: it has none
    """
    name = value_type
    if isinstance(value_type, Mapping):
        name = value_type.get("name")
    elif not isinstance(value_type, str):
        name = getattr(value_type, "name", None)
    if not isinstance(name, str):
        raise InvalidArgumentError(
            "value_type must be a name, such as text, or a mapping with 'name' and 'args'; a "
            f"{type(value_type).__name__} was given",
            parameter="value_type",
        )
    return name


def serializer(params: Mapping[str, Any]) -> Serializer | None:
    """What turns the values of a service into bytes; None where they are bytes already.

    :raises InvalidArgumentError: an unknown value type, or one that refuses its ``args``
    """
    found: Serializer | None = _find(params, "serializer", str.encode)
    return found


def deserializer(params: Mapping[str, Any]) -> Deserializer | None:
    """What turns bytes into the values of a service; None where they stay bytes.

    :raises InvalidArgumentError: an unknown value type, or one that refuses its ``args``
    """
    found: Deserializer | None = _find(params, "deserializer", bytes.decode)
    return found


def _find(params: Mapping[str, Any], member: str, text: Callable[[Any], Any]) -> Any:
    own = params.get(f"value_{member}")
    if own is not None:
        if not callable(own):
            raise InvalidArgumentError(
                f"value_{member} must be a function; a {type(own).__name__} was given",
                parameter=f"value_{member}",
            )
        return own
    value_type = params.get("value_type", BYTE_ARRAY)
    name = name_of(value_type)
    if name in (BYTE_ARRAY, TEXT):
        return text if name == TEXT else None
    from sinetstream_sdk.host.lookup import named_class

    cls = named_class(GROUP, name, ("serializer", "deserializer"), "value_type")
    args = _args(value_type)
    try:
        return getattr(cls(**args), member)
    except Exception as error:
        raise InvalidArgumentError(
            f"value_type: {name!r} cannot be built with the arguments {sorted(args)}: "
            f"{type(error).__name__}: {error}",
            parameter="value_type",
        ) from error


def _args(value_type: object) -> Mapping[str, Any]:
    if isinstance(value_type, Mapping):
        args = value_type.get("args")
    else:
        args = getattr(value_type, "args", None)
    if args is None:
        return {}
    if not isinstance(args, Mapping) or not all(isinstance(name, str) for name in args):
        raise InvalidArgumentError(
            f"value_type.args must be a mapping of names; a {type(args).__name__} was given",
            parameter="value_type",
        )
    return args
