"""Typed, read-only access to the parameters that a plugin is given.

Every method names the parameter, what was expected and what came when it refuses a value, and
raises :class:`~sinetstream_sdk.errors.InvalidArgumentError`. Secrets do not appear in messages. A
parameter that is None counts as absent throughout.

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._topic = self.params.topic()
        self._brokers = self.params.brokers(default_port=1883)
        self._qos = self.params.specific().integer("qos", 0, minimum=0, maximum=2)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from threading import TIMEOUT_MAX
from typing import Any, Final, TypeVar, overload

from sinetstream_sdk.brokers import Broker, parse_broker
from sinetstream_sdk.configversion import ConfVer, infer_version
from sinetstream_sdk.consistency import AT_MOST_ONCE, Consistency
from sinetstream_sdk.describe import describe, redact, suggest
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.tls import Tls, read_tls

__all__ = ["REQUIRED", "Broker", "Params", "Tls"]


class _Required(Enum):
    REQUIRED = "REQUIRED"


REQUIRED: Final = _Required.REQUIRED
"""The default of a parameter that has none."""

D = TypeVar("D")


class Params(Mapping[str, Any]):
    """A read-only view of the merged parameters; the caller's dict is never changed.

    :param params: the dict that the host passed
    :param confver: the version of the configuration, which tells where type-specific parameters
        stand; without one it is inferred
    :param path: the names above this view, for error messages
    :raises InvalidArgumentError: ``params`` is not a mapping
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        confver: ConfVer | None = None,
        *,
        path: tuple[str, ...] = (),
    ) -> None:
        if not isinstance(params, Mapping):
            raise InvalidArgumentError(
                f"params must be a dict of the merged parameters; a {type(params).__name__} was "
                f"given",
                parameter="params",
            )
        self._params = params
        self._confver = infer_version(params) if confver is None else confver
        self._path = path
        self._common: Params | None = None

    def __getitem__(self, name: str) -> Any:
        return self._params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({redact(self._params, '.'.join(self._path))})"

    # ---- what the host hands to every plugin

    def topic(self) -> str:
        """The topic that a writer sends to (guide: ``params['topic']``).

        A list of exactly one topic will do, since the published host's configuration allows it.
        """
        found = self._topics("topic")
        if len(found) > 1:
            raise self.invalid("topic", "a single topic")
        return found[0]

    def topics(self) -> tuple[str, ...]:
        """The topics that a reader receives from: ``topics``, or ``topic`` where that is absent."""
        return self._topics("topics" if self.get("topics") is not None else "topic")

    def _topics(self, name: str) -> tuple[str, ...]:
        expected = "a topic (a str that is not empty) or a list of topics"
        value = self._required(name, expected)
        found = (value,) if isinstance(value, str) else value
        if not isinstance(found, list | tuple) or not found:
            raise self.invalid(name, expected)
        for item in found:
            if not isinstance(item, str) or not item:
                raise self.invalid(name, expected)
        return tuple(found)

    def brokers(self, default_port: int, default: str | None = None) -> tuple[Broker, ...]:
        """The addresses in ``brokers``: a list of ``host:port``, or a str with commas between them.

        :param default_port: for an address that names none
        :param default: what to read in place of a missing parameter
        """
        expected = "host:port, or a list of those"
        value = default if self.get("brokers") is None else self["brokers"]
        if value is None:
            raise self._missing("brokers", expected)
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not items:
            raise self.invalid("brokers", expected)
        found = []
        for item in items:
            if not isinstance(item, str):
                raise self.invalid("brokers", expected)
            try:
                found.append(parse_broker(item, default_port))
            except ValueError as error:
                raise self._refusal("brokers", expected, item, f": {error}") from None
        return tuple(found)

    def client_id(self) -> str | None:
        """The name to give to the broker; None where the user left it to the plugin."""
        return self.string("client_id", None) or None

    def consistency(self, default: Consistency = AT_MOST_ONCE) -> Consistency:
        """The delivery guarantee asked for: a name, or a member of this or the host's enum."""
        value = self.get("consistency")
        if value is None:
            return default
        name = value.name if isinstance(value, Enum) else value
        known = [member.name for member in Consistency]
        if isinstance(name, str) and name in known:
            return Consistency[name]
        hint = suggest(name, known) if isinstance(name, str) else ""
        raise self.invalid("consistency", f"one of {', '.join(known)}", hint)

    def receive_timeout_ms(self) -> float:
        """How long a reader waits for a message, in milliseconds; infinity where it has no limit.

        Guide §3.2.1.
        """
        return self.number("receive_timeout_ms", math.inf, minimum=0)

    def receive_timeout_s(self) -> float | None:
        """How long a reader waits for a message, in seconds; None where it has no limit.

        This is the form that ``queue.get`` and its like take. A time longer than they can wait,
        some 290 years, counts as no limit.
        """
        seconds = self.receive_timeout_ms() / 1000
        return seconds if seconds < TIMEOUT_MAX else None

    def tls(self, name: str = "tls") -> Tls | None:
        """How to encrypt the connection; None where the parameter is false or absent.

        :param name: what the parameter is called, as some messaging systems have their own
        """
        return read_tls(self, name)

    def specific(self) -> Params:
        """The parameters that only this messaging system knows.

        They are nested under ``type_spec`` in version 3 of the configuration and stand among the
        common ones in earlier versions, where this is the same view.
        """
        if not self._confver.type_spec():
            return self
        absent = Params({}, self._confver, path=(*self._path, "type_spec"))
        specific = self.mapping("type_spec", absent)
        specific._common = self
        return specific

    # ---- values of one type

    @overload
    def string(self, name: str) -> str: ...
    @overload
    def string(self, name: str, default: D) -> str | D: ...
    def string(self, name: str, default: object = REQUIRED) -> object:
        """The str under ``name``, which may be empty."""
        value = self._value(name, "a str", default)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.invalid(name, "a str")
        return value

    @overload
    def secret(self, name: str) -> str: ...
    @overload
    def secret(self, name: str, default: D) -> str | D: ...
    def secret(self, name: str, default: object = REQUIRED) -> object:
        """The password, token or the like under ``name``; errors do not show it.

        Bytes are read as UTF-8, for that is how the published host hands over a value that is
        encrypted in the configuration file.
        """
        expected = "a str, or bytes in UTF-8"
        value = self._value(name, expected, default)
        if value is None:
            return default
        if isinstance(value, bytes):
            with suppress(UnicodeDecodeError):
                return value.decode()
        if not isinstance(value, str):
            full = self.full_name(name)
            came = describe("secret", value)
            raise InvalidArgumentError(
                f"parameter {full!r} must be {expected}; got {came}", parameter=full
            )
        return value

    @overload
    def integer(
        self, name: str, *, minimum: int | None = None, maximum: int | None = None
    ) -> int: ...
    @overload
    def integer(
        self, name: str, default: D, *, minimum: int | None = None, maximum: int | None = None
    ) -> int | D: ...
    def integer(
        self,
        name: str,
        default: object = REQUIRED,
        *,
        minimum: int | None = None,
        maximum: int | None = None,
    ) -> object:
        """The int under ``name``, within the bounds, both of which are allowed values."""
        expected = "an integer" + _bounds(minimum, maximum)
        value = self._value(name, expected, default)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.invalid(name, expected)
        if not _within(value, minimum, maximum):
            raise self.invalid(name, expected)
        return value

    @overload
    def number(
        self, name: str, *, minimum: float | None = None, maximum: float | None = None
    ) -> float: ...
    @overload
    def number(
        self, name: str, default: D, *, minimum: float | None = None, maximum: float | None = None
    ) -> float | D: ...
    def number(
        self,
        name: str,
        default: object = REQUIRED,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> object:
        """The int or float under ``name`` as a float; infinity is a number, NaN is not."""
        expected = "a number" + _bounds(minimum, maximum)
        value = self._value(name, expected, default)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
            raise self.invalid(name, expected)
        if not _within(value, minimum, maximum):
            raise self.invalid(name, expected)
        try:
            return float(value)
        except OverflowError:
            raise self.invalid(name, f"{expected} that a float can hold") from None

    @overload
    def boolean(self, name: str) -> bool: ...
    @overload
    def boolean(self, name: str, default: D) -> bool | D: ...
    def boolean(self, name: str, default: object = REQUIRED) -> object:
        """The bool under ``name``; numbers and words will not do."""
        value = self._value(name, "true or false", default)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.invalid(name, "true or false")
        return value

    @overload
    def choice(self, name: str, options: Sequence[str]) -> str: ...
    @overload
    def choice(self, name: str, options: Sequence[str], default: D) -> str | D: ...
    def choice(self, name: str, options: Sequence[str], default: object = REQUIRED) -> object:
        """The str under ``name``, which is one of ``options``."""
        expected = f"one of {', '.join(options)}"
        value = self._value(name, expected, default)
        if value is None:
            return default
        if not isinstance(value, str) or value not in options:
            hint = suggest(value, options) if isinstance(value, str) else ""
            raise self.invalid(name, expected, hint)
        return value

    @overload
    def mapping(self, name: str) -> Params: ...
    @overload
    def mapping(self, name: str, default: D) -> Params | D: ...
    def mapping(self, name: str, default: object = REQUIRED) -> object:
        """The mapping under ``name``, as a view whose errors say ``NAME.INNER``."""
        value = self._value(name, "a mapping", default)
        if value is None:
            return default
        if not isinstance(value, Mapping):
            raise self.invalid(name, "a mapping")
        return Params(value, self._confver, path=(*self._path, name))

    @overload
    def strings(self, name: str) -> tuple[str, ...]: ...
    @overload
    def strings(self, name: str, default: D) -> tuple[str, ...] | D: ...
    def strings(self, name: str, default: object = REQUIRED) -> object:
        """The list of str under ``name``; a single str counts as a list of one."""
        expected = "a str or a list of str"
        value = self._value(name, expected, default)
        if value is None:
            return default
        found = (value,) if isinstance(value, str) else value
        if not isinstance(found, list | tuple) or not all(isinstance(item, str) for item in found):
            raise self.invalid(name, expected)
        return tuple(found)

    # ---- errors

    def full_name(self, name: str) -> str:
        """``name`` behind the names above this view, as in ``type_spec.qos``."""
        return ".".join((*self._path, name))

    def invalid(self, name: str, expected: str, hint: str = "") -> InvalidArgumentError:
        """The error to raise when the value under ``name`` is refused.

        :param expected: what would have been right, as in "a topic without wildcards"
        :param hint: what ends the message, beginning with its own punctuation
        """
        return self._refusal(name, expected, self.get(name), hint)

    def _refusal(self, name: str, expected: str, value: object, hint: str) -> InvalidArgumentError:
        full = self.full_name(name)
        return InvalidArgumentError(
            f"parameter {full!r} must be {expected}; got {describe(full, value)}{hint}",
            parameter=full,
        )

    def _value(self, name: str, expected: str, default: object) -> Any:
        return self._required(name, expected) if default is REQUIRED else self.get(name)

    def _required(self, name: str, expected: str) -> Any:
        value = self.get(name)
        if value is None:
            raise self._missing(name, expected)
        return value

    def _missing(self, name: str, expected: str) -> InvalidArgumentError:
        full = self.full_name(name)
        state = "is None" if name in self else "is missing"
        hint = self._elsewhere(name) or suggest(name, self._given())
        return InvalidArgumentError(
            f"parameter {full!r} {state}; expected {expected}{hint}", parameter=full
        )

    def _given(self) -> list[str]:
        return [name for name, value in self.items() if value is not None]

    def _elsewhere(self, name: str) -> str:
        """Whether the parameter stands on the wrong side of ``type_spec``."""
        if self._common is not None and self._common.get(name) is not None:
            return f"; {name!r} stands at the top level, move it under 'type_spec'"
        nested = self.get("type_spec")
        if isinstance(nested, Mapping) and nested.get(name) is not None:
            return f"; 'type_spec.{name}' is given, move it to the top level"
        return ""


def _within(value: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" from {minimum} to {maximum}"
    if minimum is not None:
        return f" of at least {minimum}"
    return "" if maximum is None else f" of at most {maximum}"
