"""The errors of the library, under the names that the published ``sinetstream`` gives them.

Plugins built on this SDK also run under the published host, whose users write
``except sinetstream.InvalidArgumentError``. An ``except`` clause looks at the real classes of the
exception and at nothing else, so each error raised here *is* one of theirs, wherever theirs has
been imported: creating an error while ``sinetstream.error`` is loaded yields an instance of a class
derived from both. Where it is not loaded, nobody can catch its classes, and nothing is derived.
This module therefore never imports the published package.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Self

__all__ = [
    "AlreadyConnectedError",
    "AuthorizationError",
    "ConnectionError",
    "InvalidArgumentError",
    "InvalidConfigError",
    "InvalidMessageError",
    "NoConfigError",
    "NoServiceError",
    "PluginConflictError",
    "PluginLoadError",
    "PluginShapeError",
    "SinetError",
    "UnsupportedServiceTypeError",
]

_joined: dict[tuple[type, type], type] = {}
_joined_lock = threading.Lock()


def _published_twin(cls: type) -> type | None:
    """The published class that stands for ``cls``, if the published package is loaded."""
    module = sys.modules.get("sinetstream.error")
    if module is None:
        return None
    for ancestor in cls.__mro__:
        if ancestor.__module__ == __name__:
            twin = getattr(module, ancestor.__name__, None)
            if isinstance(twin, type) and issubclass(twin, Exception):
                return None if issubclass(cls, twin) else twin
    return None


def _join(cls: type, twin: type) -> type:
    with _joined_lock:
        joined = _joined.get((cls, twin))
        if joined is None:
            names = {
                "__module__": cls.__module__,
                "__qualname__": cls.__qualname__,
                "__doc__": cls.__doc__,
                "_origin": cls,
            }
            joined = _joined[cls, twin] = type(cls.__name__, (cls, twin), names)
        return joined


class SinetError(Exception):
    """Any error of this library; every other error here derives from it."""

    _origin: type[SinetError] | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        twin = _published_twin(cls)
        actual = cls if twin is None else _join(cls, twin)
        # Not Exception.__new__: an author's class may derive from OSError as well.
        return super().__new__(actual, *args)

    def __reduce__(self) -> tuple[Any, ...]:
        # A joined class has no importable name: pickle the one it came from.
        return (self._origin or type(self), self.args, self.__dict__ or None)


class InvalidArgumentError(SinetError):
    """A parameter is missing or its value is wrong.

    ``parameter`` is the name of that parameter, where there is one.
    """

    def __init__(self, *args: object, parameter: str | None = None) -> None:
        super().__init__(*args)
        self.parameter = parameter


class ConnectionError(SinetError):  # noqa: A001 - the published name
    """The broker cannot be reached, or the connection to it is gone."""


class AlreadyConnectedError(SinetError):
    """``open()`` was called on something that is open."""


class NoServiceError(SinetError):
    """The configuration has no service of that name."""


class NoConfigError(SinetError):
    """There is no configuration file, or it does not say which service is meant."""


class InvalidConfigError(SinetError):
    """The configuration file cannot be understood."""


class UnsupportedServiceTypeError(SinetError):
    """No plugin can be had for the messaging system that was asked for."""


class PluginLoadError(UnsupportedServiceTypeError):
    """The plugin is installed, but its entry point does not load; the cause is chained."""


class PluginShapeError(UnsupportedServiceTypeError):
    """The plugin loads, but its class lacks members of its role."""


class PluginConflictError(UnsupportedServiceTypeError):
    """More than one distribution offers a plugin of that name for that role."""


class InvalidMessageError(SinetError):
    """A message cannot be encoded or decoded."""


class AuthorizationError(SinetError):
    """The broker refused what was asked of it, for want of permission."""
