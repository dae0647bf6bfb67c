"""Stand in for the published package ``sinetstream`` where it is not installed.

A plugin that is written as the guide has it imports ``sinetstream`` and ``sinetstream.spi``. After
:func:`install` those names lead to this SDK, so the plugin loads and runs without the published
package. Where that is installed, nothing is done, and the plugin gets the real one.

    from sinetstream_sdk import compat

    compat.install()

Nobody's imports change unless somebody calls :func:`install`; the conformance kit does, for the
plugin under test, and says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["active", "install", "published_available", "shim", "uninstall"]

_PACKAGE = "sinetstream"

_ERRORS = (
    "SinetError",
    "NoServiceError",
    "NoConfigError",
    "InvalidArgumentError",
    "ConnectionError",
    "AlreadyConnectedError",
    "UnsupportedServiceTypeError",
    "InvalidMessageError",
    "AuthorizationError",
    "InvalidConfigError",
)
_CLASSES = "MessageReader MessageWriter AsyncMessageReader AsyncMessageWriter Message Metrics"
_API = {name: ("sinetstream_sdk.host", name) for name in [*_CLASSES.split(), "DEFAULT_CLIENT_ID"]}
_GUARANTEES = {
    name: ("sinetstream_sdk.consistency", name)
    for name in ("Consistency", "AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE")
}
_VALUE_TYPES = {name: ("sinetstream_sdk.host", name) for name in ("TEXT", "BYTE_ARRAY")}
_CODEC = {
    "SINETStreamMessageEncoder": ("sinetstream_sdk.host", "MessageEncoder"),
    "SINETStreamMessageDecoder": ("sinetstream_sdk.host", "MessageDecoder"),
}
_ERROR_NAMES = {name: ("sinetstream_sdk.errors", name) for name in _ERRORS}
_ROLES = "PluginMessageReader PluginMessageWriter PluginAsyncMessageReader PluginAsyncMessageWriter"
_SPI = {name: ("sinetstream_sdk.spi", name) for name in _ROLES.split()} | {
    name: ("sinetstream_sdk.spi_values", name)
    for name in ("PluginValueType", "PluginCompression", "PluginMessage")
}

_MODULES: dict[str, dict[str, tuple[str, str]]] = {
    _PACKAGE: _API | _GUARANTEES | _VALUE_TYPES | _CODEC | _ERROR_NAMES,
    f"{_PACKAGE}.api": _API | _GUARANTEES | _ERROR_NAMES,
    f"{_PACKAGE}.codec": _CODEC,
    f"{_PACKAGE}.error": _ERROR_NAMES,
    f"{_PACKAGE}.spi": _SPI,
    f"{_PACKAGE}.value_type": _VALUE_TYPES,
}
"""The modules of the published package that a plugin may import, and where each name leads."""


class _Finder(MetaPathFinder, Loader):
    """Finds the modules above."""

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _MODULES:
            return None
        return ModuleSpec(fullname, self, origin=__name__, is_package=fullname == _PACKAGE)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        names = _MODULES[module.__name__]
        module.__doc__ = f"Stands in for {module.__name__}; see {__name__}."
        module.__dict__["__all__"] = sorted(names)
        module.__dict__["__getattr__"] = _resolver(module, names)


def _resolver(module: ModuleType, names: dict[str, tuple[str, str]]) -> Callable[[str], Any]:
    def resolve(name: str) -> Any:
        if name not in names:
            raise AttributeError(
                f"{module.__name__!r}, for which sinetstream_sdk stands in, has no {name!r} here; "
                "install the published package if the plugin needs it"
            )
        home, original = names[name]
        value = getattr(import_module(home), original)
        setattr(module, name, value)
        return value

    return resolve


_finder = _Finder()


def published_available() -> bool:
    """Whether the published package is installed, or has been imported."""
    loaded = sys.modules.get(_PACKAGE)
    if loaded is not None and not _ours(loaded):
        return True
    specs = (f.find_spec(_PACKAGE, None) for f in sys.meta_path if f is not _finder)
    # A mere folder of that name, without an __init__, has no origin.
    return any(spec is not None and spec.origin is not None for spec in specs)


def active() -> bool:
    """Whether ``import sinetstream`` leads here."""
    return _finder in sys.meta_path and not published_available()


def install() -> bool:
    """Stand in for the published package, unless it is there.

    :returns: whether ``import sinetstream`` leads here now
    """
    if published_available():
        return False
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)  # ahead of folders that only have the name
    return True


def uninstall() -> None:
    """Take back :func:`install`; plugins that were loaded meanwhile keep what they imported."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in _MODULES:
        if _ours(sys.modules.get(name)):
            del sys.modules[name]


@contextmanager
def shim() -> Iterator[bool]:
    """Stand in for the published package as long as the context lasts."""
    was_active = active()
    try:
        yield install()
    finally:
        if not was_active:
            uninstall()


def _ours(module: ModuleType | None) -> bool:
    return getattr(getattr(module, "__spec__", None), "loader", None) is _finder
