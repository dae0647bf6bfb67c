"""The interface between the host and a plugin: one base class for each of the four roles.

A plugin sees bytes and plain values only. Value types, time stamps and encryption belong to the
host and never reach this side.

Inheriting is optional (guide §4.2.2): ``issubclass(cls, PluginMessageReader)`` is true of every
class that has the members of the role. Inheriting gives a constructor that takes both forms in
use, the guide's ``(params)`` and the published host's ``(confver, params)``, typed access to the
parameters as ``self.params``, and ``metrics()``, ``reset_metrics()`` and ``info()`` for plugins
that have nothing to tell.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from sinetstream_sdk.configversion import ConfVer, infer_version
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.params import Params
from sinetstream_sdk.roles import Role
from sinetstream_sdk.spi_values import PluginCompression, PluginMessage, PluginValueType

if TYPE_CHECKING:
    from promise import Promise

__all__ = [
    "BASES",
    "OnFailure",
    "OnMessage",
    "Plugin",
    "PluginAsyncMessageReader",
    "PluginAsyncMessageWriter",
    "PluginCompression",
    "PluginMessage",
    "PluginMessageReader",
    "PluginMessageWriter",
    "PluginValueType",
    "missing_members",
]

OnMessage = Callable[[bytes, str, Any], object]
"""Called with the payload, the name of its topic and the messaging system's own message."""

OnFailure = Callable[[Exception], object]
"""Called with the exception that says what went wrong."""


def _split_arguments(
    owner: type, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[ConfVer, Mapping[str, Any]]:
    """Tell the two constructor forms apart; positional and keyword arguments are both fine."""
    names = ("params",) if len(args) + len(kwargs) == 1 else ("confver", "params")
    given = dict(zip(names, args, strict=False)) | kwargs
    if len(args) + len(kwargs) not in (1, 2) or set(given) != set(names):
        raise TypeError(
            f"{owner.__name__}() takes (params) or (confver, params); it was called with "
            f"{len(args)} positional arguments and the keywords {sorted(kwargs) or 'none'}"
        )
    params = given["params"]
    if not isinstance(params, Mapping):
        raise InvalidArgumentError(
            f"{owner.__name__}: params must be a dict of the merged parameters; "
            f"a {type(params).__name__} was given",
            parameter="params",
        )
    confver = given.get("confver")
    return (infer_version(params) if confver is None else confver), params


class Plugin(metaclass=ABCMeta):
    """What the four roles have in common."""

    role: ClassVar[Role]
    """The role that a class derived from one of the four bases plays."""

    required: ClassVar[tuple[str, ...]] = ()
    """The members that the guide asks of the role."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take ``(params)`` or ``(confver, params)``; nothing is connected before :meth:`open`.

        :raises InvalidArgumentError: ``params`` is not a mapping
        """
        confver, params = _split_arguments(type(self), args, kwargs)
        self.confver: ConfVer = confver
        self.params = Params(params, confver)

    @abstractmethod
    def open(self) -> None:
        """Connect to the broker.

        :raises ConnectionError: the broker cannot be reached
        """

    @abstractmethod
    def close(self) -> None:
        """Disconnect. Calling it again, or before :meth:`open`, does nothing."""

    def metrics(self) -> Any:
        """The plugin's own figures, or None where it has none."""
        return None

    def reset_metrics(self) -> None:
        """Start the plugin's own figures anew."""
        return

    def info(self, path: Any, options: Any) -> Any:
        """Answer the published host's ``info(name)``; None where there is nothing to say."""
        return None

    @classmethod
    def __subclasshook__(cls, subclass: type) -> Any:
        if "required" not in cls.__dict__ or cls is Plugin or missing_members(cls, subclass):
            return NotImplemented
        return True


class PluginMessageReader(Plugin):
    """Receives messages synchronously (guide §3.2.1)."""

    role = Role.READER
    required = ("open", "close", "__iter__", "metrics", "reset_metrics")

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[bytes, str, Any]]:
        """An iterator over ``(payload, topic, raw message)``.

        Its ``__next__`` waits for ``receive_timeout_ms`` (for ever without one) and then raises
        ``StopIteration``. Write the iterator as a class, or as a generator that *returns*: a
        ``raise StopIteration`` inside a generator becomes ``RuntimeError`` (PEP 479).
        """


class PluginMessageWriter(Plugin):
    """Sends messages synchronously (guide §3.2.2)."""

    role = Role.WRITER
    required = ("open", "close", "publish", "metrics")

    @abstractmethod
    def publish(self, message: bytes) -> None:
        """Hand one message to the broker; a subclass of ``bytes`` is a message too."""


class PluginAsyncMessageReader(Plugin):
    """Receives messages and passes them to callbacks (guide §3.2.3)."""

    role = Role.ASYNC_READER
    required = ("open", "close", "metrics", "on_message", "on_failure")

    @property
    @abstractmethod
    def on_message(self) -> OnMessage | None:
        """What is called with each message; it can be set and changed at any time."""

    @on_message.setter
    @abstractmethod
    def on_message(self, on_message: OnMessage | None) -> None: ...

    @property
    @abstractmethod
    def on_failure(self) -> OnFailure | None:
        """What is called with the exception when something goes wrong."""

    @on_failure.setter
    @abstractmethod
    def on_failure(self, on_failure: OnFailure | None) -> None: ...


class PluginAsyncMessageWriter(Plugin):
    """Sends messages without waiting for the broker (guide §3.2.4)."""

    role = Role.ASYNC_WRITER
    required = ("open", "close", "publish", "metrics")

    @abstractmethod
    def publish(self, message: bytes) -> Promise[Any]:
        """Return at once with a promise that settles when the broker has the message, or not."""


BASES: Mapping[Role, type[Plugin]] = {
    Role.READER: PluginMessageReader,  # type: ignore[type-abstract]
    Role.WRITER: PluginMessageWriter,  # type: ignore[type-abstract]
    Role.ASYNC_READER: PluginAsyncMessageReader,  # type: ignore[type-abstract]
    Role.ASYNC_WRITER: PluginAsyncMessageWriter,  # type: ignore[type-abstract]
}
"""The base class of each role."""


def missing_members(base: type[Plugin], cls: type) -> tuple[str, ...]:
    """The members of the role ``base`` that ``cls`` lacks.

    One that is set to None, or inherited from a base class and still abstract, counts as lacking.
    """
    abstract: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
    return tuple(name for name in base.required if name in abstract or _lookup(cls, name) is None)


def _lookup(cls: type, name: str) -> object:
    """What ``cls`` has under ``name``, without running a descriptor or a metaclass."""
    for ancestor in cls.__mro__:
        if name in ancestor.__dict__:
            return ancestor.__dict__[name]
    return None
