"""Building a plugin: its class, its constructor's form, and the parameters as it expects them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.host.failures import as_ours

if TYPE_CHECKING:
    from sinetstream_sdk.configversion import ConfVer
    from sinetstream_sdk.roles import Role

__all__ = ["build_plugin", "find_plugin", "name_plugin", "takes_confver"]


def find_plugin(role: Role, params: Mapping[str, Any]) -> type:
    """The class that the parameter ``type`` names.

    Where several distributions offer it, the parameter ``type_distribution`` picks one.

    :raises UnsupportedServiceTypeError: there is none, or it cannot be used
    """
    from sinetstream_sdk.registry import default_registry

    return default_registry().get(
        role, params["type"], distribution=params.get("type_distribution")
    )


def name_plugin(role: Role, params: Mapping[str, Any]) -> str:
    """The plugin as errors name it, with the distribution that it comes from."""
    from sinetstream_sdk.registry import default_registry

    wanted = params.get("type_distribution")
    origins = [
        record.origin
        for record in default_registry().records(role, params["type"])
        if wanted in (None, record.distribution)
    ]
    return f"the {role} plugin {params['type']!r}" + (f" of {origins[0]}" if origins else "")


def takes_confver(cls: type) -> bool:
    """Whether the class is built with ``(confver, params)`` rather than ``(params)`` alone.

    Where both would do, the published host's form is taken.
    """
    from inspect import Parameter, signature

    try:
        parameters = signature(cls).parameters.values()
    except (TypeError, ValueError):
        return True  # a class of C code does not tell; the published form is the usual one
    if any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters):
        return True
    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    places = [parameter for parameter in parameters if parameter.kind in positional]
    if len(places) < 2:
        return False
    optional = places[1].default is not Parameter.empty
    return not (optional and places[0].name == "params")


def build_plugin(role: Role, cls: type, confver: ConfVer, params: dict[str, Any]) -> Any:
    """An instance of the plugin's class; ``params`` are its own to keep.

    :raises InvalidArgumentError: the plugin refuses the parameters; its error is the cause
    """
    if _stems_from_published(cls):
        params["consistency"] = _published_member(params["consistency"])
    arguments = (confver, params) if takes_confver(cls) else (params,)
    try:
        return cls(*arguments)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        what = f"{name_plugin(role, params)} ({cls.__module__}.{cls.__qualname__})"
        ours = as_ours(
            error, f"{what} cannot be built with these parameters", params, InvalidArgumentError
        )
        raise ours from ours.__cause__


def _published_member(ours: Any) -> Any:
    """The published package's own member, with which its plugins compare."""
    theirs = getattr(sys.modules.get("sinetstream.api"), "Consistency", None)
    name = ours.name if isinstance(ours, Consistency) else None
    return ours if theirs is None or name is None else theirs[name]


def _stems_from_published(cls: type) -> bool:
    """Whether the class, or one it derives from, is written against the published package."""
    if "sinetstream.api" not in sys.modules:
        return False
    for ancestor in cls.__mro__:
        if _is_published(ancestor.__module__):
            return True
        module = sys.modules.get(ancestor.__module__)
        for value in vars(module).values() if module is not None else ():
            if _is_published(getattr(value, "__module__", None) or getattr(value, "__name__", "")):
                return True
    return False


def _is_published(module: object) -> bool:
    return isinstance(module, str) and (
        module == "sinetstream" or module.startswith("sinetstream.")
    )
