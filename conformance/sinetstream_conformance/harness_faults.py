"""What becomes of a mistake in a harness: it is said to be the harness's, never the plugin's.

The kit asks a harness through :class:`GuardedHarness` and in no other way. Whatever a method raises
there, or gives that cannot be used, becomes a :class:`HarnessError` that names the harness, its
method, the distribution that registers it, the place in its source, and what to do.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from types import TracebackType
from typing import Any

from sinetstream_conformance.brokers.process import NotInstalled
from sinetstream_conformance.capabilities import Capabilities
from sinetstream_conformance.deadline import describe_error, format_error, shorten
from sinetstream_conformance.harness import ENTRY_POINT_GROUP, Harness, NotOffered
from sinetstream_sdk.describe import Redactor
from sinetstream_sdk.roles import Role

_OPTIONAL = (
    "publish",
    "receive",
    "partition",
    "unreachable",
    "failing_sends",
    "stalled",
    "disconnected",
    "restart",
    "durable",
)
"""The methods that may be left out."""


class HarnessError(Exception):
    """A harness is at fault; nothing is said of the plugin by that.

    ``problem`` says what failed and where, ``mend`` what to do, ``trace`` is the harness's own
    traceback; secrets are taken out of all three before it leaves the kit.
    """

    def __init__(self, problem: str, *, mend: str, trace: str = "") -> None:
        super().__init__(f"{problem}. To do: {mend}")
        self.problem = problem
        self.mend = mend
        self.trace = trace

    def scrubbed(self, redactor: Redactor) -> HarnessError:
        """The same without secrets."""
        return HarnessError(
            redactor.scrub(self.problem),
            mend=redactor.scrub(self.mend),
            trace=redactor.scrub(self.trace),
        )


class GuardedHarness(Harness):
    """A harness as the kit asks it; every method raises :class:`HarnessError` for a fault.

    What a harness does not offer stays :class:`~sinetstream_conformance.harness.NotOffered`.

    :param plugin: the type name of the plugin that it is for
    :raises HarnessError: an attribute is of the wrong type
    """

    def __init__(self, harness: Harness, plugin: str) -> None:
        self._harness = harness
        self._plugin = plugin
        self._refused: dict[str, str] = {}
        """Why the harness does not offer a method, by the method's name."""
        self.capabilities = self._attribute("capabilities", Capabilities)
        self.expected_failures = self._attribute("expected_failures", Mapping)

    def expect_offer(self, method: str) -> None:
        """See that the harness has a method at all, before much is done that it is needed for.

        :raises NotOffered: it has only what every harness has, or has not offered it when asked
        """
        if method in self._refused:
            raise NotOffered(self._refused[method])
        if getattr(type(self._harness), method) is getattr(Harness, method):
            raise NotOffered(f"the harness has no {method}()")

    def not_offered(self, method: str, reason: NotOffered) -> None:
        """Remember why the harness does not offer a method."""
        self._refused[method] = str(reason)

    @property
    def given(self) -> Mapping[str, Any]:
        """The parameters that the user gave, which the harness itself is to see."""
        return self._harness.given

    @given.setter
    def given(self, given: Mapping[str, Any]) -> None:
        self._harness.given = given

    def start(self) -> None:
        """Bring the broker up.

        :raises HarnessError: it does not come up, or is not there
        """
        try:
            self._ask("start")
        except HarnessError as fault:
            if isinstance(fault.__context__, NotInstalled):
                raise HarnessError(
                    f"there is no broker to judge {self._plugin!r} on: {fault.__context__}",
                    mend="do as it says, or, if the harness allows that, name a broker of your own "
                    "with --sinetstream-param brokers=host:port",
                ) from None
            raise

    def stop(self) -> None:
        """Take the broker down."""
        self._ask("stop")

    def describe(self) -> str:
        """Which broker is used."""
        text: str = self._ask("describe", str)
        return text

    def params(self, role: Role) -> Mapping[str, Any]:
        """The parameters for ``role``."""
        params: Mapping[str, Any] = self._ask("params", Mapping, role)
        return params

    def topic(self) -> str:
        """A fresh topic."""
        topic: str = self._ask("topic", str)
        return topic

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message past the plugin."""
        self._ask("publish", None, topic, payload)

    def receive(self, topic: str, timeout_s: float) -> bytes | None:
        """Take a message past the plugin."""
        payload: bytes | None = self._ask("receive", (bytes, type(None)), topic, timeout_s)
        return payload

    def partition(self, raw: Any) -> Hashable:
        """Which part of its topic a message came from."""
        partition: Hashable = self._ask("partition", Hashable, raw)
        return partition

    def unreachable(self, role: Role) -> Mapping[str, Any]:
        """Parameters that lead nowhere."""
        nowhere: Mapping[str, Any] = self._ask("unreachable", Mapping, role)
        return nowhere

    def failing_sends(self) -> AbstractContextManager[Any]:
        """The context in which the broker refuses."""
        return _GuardedContext(self, "failing_sends", self._context("failing_sends"))

    def stalled(self) -> AbstractContextManager[Any]:
        """The context in which the broker does nothing."""
        return _GuardedContext(self, "stalled", self._context("stalled"))

    def disconnected(self) -> AbstractContextManager[Any]:
        """The context in which the broker cannot be reached."""
        return _GuardedContext(self, "disconnected", self._context("disconnected"))

    def restart(self) -> None:
        """Restart the broker."""
        self._ask("restart")

    def durable(self, role: Role) -> Mapping[str, Any]:
        """Parameters that keep messages for a reader that is away."""
        params: Mapping[str, Any] = self._ask("durable", Mapping, role)
        return params

    # -- faults ----------------------------------------------------------------------------------

    def fault(self, method: str, what: str, error: BaseException | None = None) -> HarnessError:
        """The error for a method that did ``what``, such as ``raised KeyError: 'port'``."""
        promised = _first_sentence(method)
        left_out = (
            "; or leave the method out, and the rules that need it are skipped"
            if method in _OPTIONAL
            else ""
        )
        place = self._place(method, error)
        return HarnessError(
            f"the harness is at fault, and not the plugin: {self._name}.{method}() {what} "
            f"({'; '.join(filter(None, [place, self._owner()]))})",
            mend=f"mend {self._name}.{method}(); what it has to do or give: {promised}{left_out}",
            trace="" if error is None else format_error(error),
        )

    @property
    def _name(self) -> str:
        return type(self._harness).__qualname__

    def _attribute(self, name: str, kind: type) -> Any:
        value = getattr(self._harness, name)
        if not isinstance(value, kind):
            raise HarnessError(
                f"the harness is at fault, and not the plugin: {self._name}.{name} is "
                f"{shorten(value)} ({self._owner()})",
                mend=f"give {name} a {kind.__name__} as its value",
            )
        return value

    def _ask(
        self, method: str, kind: type | tuple[type, ...] | None = None, *arguments: Any
    ) -> Any:
        try:
            value = getattr(self._harness, method)(*arguments)
        except (Exception, SystemExit) as error:
            if isinstance(error, NotOffered) and method in _OPTIONAL:
                self.not_offered(method, error)
                raise
            raise self.fault(method, f"raised {describe_error(error)}", error) from None
        if kind is not None and not isinstance(value, kind):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            wanted = " or ".join("None" if k is type(None) else k.__name__ for k in kinds)
            # What it gave may hold secrets that nobody could tell, so only its type is shown.
            raise self.fault(method, f"gave a {type(value).__name__}, where {wanted} is needed")
        return value

    def _context(self, method: str) -> AbstractContextManager[Any]:
        context = self._ask(method)
        if isinstance(context, AbstractContextManager):
            return context
        gave = f"gave a {type(context).__name__}, where a context manager is needed"
        if inspect.isgenerator(context):
            gave += " (decorate the method with @contextlib.contextmanager)"
        raise self.fault(method, gave)

    def _place(self, method: str, error: BaseException | None) -> str:
        """Where in the harness's own source it went wrong, or else where the method stands."""
        own = {_source(cls) for cls in type(self._harness).__mro__ if cls not in (Harness, object)}
        frames = traceback.extract_tb(error.__traceback__) if error is not None else []
        for frame in reversed(frames):
            if frame.filename in own:
                return f"{frame.filename}:{frame.lineno}"
        code = getattr(inspect.unwrap(getattr(type(self._harness), method)), "__code__", None)
        return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"

    def _owner(self) -> str:
        """The distribution that registers the harness for the plugin."""
        package = type(self._harness).__module__.partition(".")[0]
        for entry in entry_points(group=ENTRY_POINT_GROUP, name=self._plugin):
            if entry.module.partition(".")[0] == package and entry.dist is not None:
                return f"registered by {entry.dist.name} {entry.dist.version}"
        return f"from the module {type(self._harness).__module__}, which no distribution registers"


class _GuardedContext(AbstractContextManager[Any]):
    """A context of a harness; what the check raises inside passes through it, come what may."""

    def __init__(
        self, guard: GuardedHarness, method: str, context: AbstractContextManager[Any]
    ) -> None:
        self._guard, self._method, self._context = guard, method, context

    def __enter__(self) -> Any:
        try:
            return self._context.__enter__()
        except (Exception, SystemExit) as error:
            if isinstance(error, NotOffered):
                self._guard.not_offered(self._method, error)
                raise
            what = f"raised {describe_error(error)} on entering the context"
            raise self._guard.fault(self._method, what, error) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        except (Exception, SystemExit) as own:
            if own is error:
                raise
            what = f"raised {describe_error(own)} on leaving the context"
            raise self._guard.fault(self._method, what, own) from None


def _source(cls: type) -> str | None:
    try:
        return inspect.getsourcefile(cls)
    except (OSError, TypeError):
        return None  # a class without a file, such as one made in an interactive session


def _first_sentence(method: str) -> str:
    """What the method has to do, from its own documentation."""
    first = (inspect.getdoc(getattr(Harness, method)) or "").partition("\n")[0]
    return re.sub(r":\w+:`(\w+)`", r"\1()", first.rstrip("."))
