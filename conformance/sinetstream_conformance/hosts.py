"""The host that a plugin is run through: this SDK's own, or the published package."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sinetstream_conformance.actors import ACTORS, Actor, AsyncReaderActor
from sinetstream_conformance.channels import (
    AsyncWriterOutbox,
    CallbackInbox,
    Inbox,
    Outbox,
    ReaderInbox,
    WriterOutbox,
)
from sinetstream_conformance.deadline import Result, describe_error
from sinetstream_conformance.harness import NotOffered
from sinetstream_conformance.library import is_library_error
from sinetstream_conformance.rule import READERS, WRITERS
from sinetstream_conformance.subject import merge
from sinetstream_conformance.verdict import NotDeclared, Unjudged
from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from sinetstream_conformance.stage import Stage

SERVICE = "conformance-service"
HOSTS = ("sdk", "published")


@dataclass(frozen=True)
class Host:
    """The four classes that users program against, and encoding without a broker."""

    name: str
    classes: Mapping[Role, Callable[..., Any]]
    encode: Callable[..., bytes]
    decode: Callable[..., Any]

    def refuses(self, params: Mapping[str, Any], data: bytes) -> bool:
        """Whether the host itself, with no plugin in between, refuses to decode ``data``."""
        try:
            self.decode(params, data)
        except Exception as error:
            if not is_library_error(error, "InvalidMessageError"):
                raise
            return True
        return False


def load_host(name: str) -> Host:
    """The host of this name: ``sdk`` or ``published``.

    :raises Unjudged: the published package is not installed
    """
    if name == "sdk":
        return _host(name, "sinetstream_sdk.host", "MessageEncoder", "MessageDecoder")
    from sinetstream_sdk.compat import published_available

    if not published_available():
        raise Unjudged("the published package is not installed: pip install 'sinetstream==1.10.*'")
    return _host(name, "sinetstream", "SINETStreamMessageEncoder", "SINETStreamMessageDecoder")


def _host(name: str, module_name: str, encoder: str, decoder: str) -> Host:
    module = importlib.import_module(module_name)

    def encode(params: Mapping[str, Any], value: Any) -> bytes:
        with _made(getattr(module, encoder), params) as made:
            data: bytes = made.encode(value)
            return data

    def decode(params: Mapping[str, Any], data: bytes) -> Any:
        with _made(getattr(module, decoder), params) as made:
            return made.decode(data)

    classes = {
        Role.READER: module.MessageReader,
        Role.WRITER: module.MessageWriter,
        Role.ASYNC_READER: module.AsyncMessageReader,
        Role.ASYNC_WRITER: module.AsyncMessageWriter,
    }
    return Host(name, classes, encode, decode)


def _made(cls: Callable[..., Any], params: Mapping[str, Any]) -> Any:
    """An encoder or decoder; the published ones are a service of a plugin, which may be missing.

    :raises NotDeclared: it is
    """
    try:
        return cls(**params)
    except Exception as error:
        if not is_library_error(error, "UnsupportedServiceTypeError"):
            raise
        raise NotDeclared(
            f"the published host encodes nothing by itself here ({error}): "
            "pip install 'sinetstream-iostream==1.10.*'"
        ) from error


class HostReaderInbox(ReaderInbox):
    """Receives messages from a ``MessageReader``; those that it refuses are kept apart."""

    def __init__(self, actor: Any) -> None:
        super().__init__(actor)
        self.refused: list[BaseException] = []

    def receive(self, result: Result) -> None:
        """Take what ``next()`` gave; a refused message is not the end of the reader."""
        if is_library_error(result.error, "InvalidMessageError"):
            self.refused.append(result.error)  # type: ignore[arg-type]
        else:
            super().receive(result)

    def accept(self, item: Any) -> None:
        """Take a message apart as the plugin's own tuple."""
        super().accept((item.value, item.topic, item))

    def explain(self) -> str:
        """What the host refused."""
        return _refusals(self.refused)


def _refusals(refused: list[BaseException]) -> str:
    if not refused:
        return ""
    return f"the host refused {len(refused)}, the first with {describe_error(refused[0])}"


class HostCallbackInbox(CallbackInbox):
    """Receives messages from an ``AsyncMessageReader``."""

    def __init__(self, actor: AsyncReaderActor) -> None:
        super().__init__(actor)
        self.failures = actor.failures

    def accept(self, item: Any) -> None:
        """Take a callback's message apart as the plugin's own tuple."""
        message = item[0]
        super().accept((message.value, message.topic, message))


class _Decoded(Inbox):
    """Receives past a plugin that cannot read, and decodes as a reader would."""

    def __init__(self, stage: Stage, topic: str, decode: Callable[[bytes], Any]) -> None:
        super().__init__(stage)
        self._topic, self._decode = topic, decode
        self.refused: list[BaseException] = []
        self._ask(0.0)

    def pump(self, done: Callable[[], bool], within_s: float) -> bool:
        """Ask the harness until ``done()`` or the time is up."""
        return self.stage.wait_until(lambda: done() or (self._ask(0.05) and done()), within_s)

    def explain(self) -> str:
        """What the host refused."""
        return _refusals(self.refused)

    def _ask(self, timeout_s: float) -> bool:
        try:
            data = self.stage.harness.receive(self._topic, timeout_s)
        except NotOffered as reason:
            raise Unjudged(f"the plugin has no reader, and {reason}") from None
        if data is not None:
            try:
                message = self._decode(data)
            except Exception as error:
                if not is_library_error(error, "InvalidMessageError"):
                    raise
                self.refused.append(error)
            else:
                self.accept((message.value, self._topic, message))
        return True


class _Encoded:
    """Sends past a plugin that cannot write, encoded as a writer would."""

    def __init__(self, stage: Stage, topic: str, encode: Callable[[Any], bytes]) -> None:
        self._stage, self._topic, self._encode = stage, topic, encode

    def send(self, payload: Any) -> None:
        """Send one value."""
        try:
            self._stage.harness.publish(self._topic, self._encode(payload))
        except NotOffered as reason:
            raise Unjudged(f"the plugin has no writer, and {reason}") from None

    def explain(self) -> str:
        """Nothing more is known."""
        return ""


class HostDesk:
    """Makes the host's objects for one check, from a configuration file of its own."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.host = load_host(stage.session.host)
        self._folder = Path(stage.enter(tempfile.TemporaryDirectory()))
        self._files = 0

    def build(self, role: Role, topic: str, given: Mapping[str, Any]) -> Actor:
        """An object of the host for ``role``, whose service is read from a file.

        The caller judges whether it could be made; what it cannot hold in a file, such as an open
        stream, is passed as a keyword.
        """
        stage = self._stage
        stage.class_for(role)
        params = merge(merge(stage.harness.params(role), stage.session.params), given)
        plain = {key: value for key, value in params.items() if _writable(value)}
        rest = {key: value for key, value in params.items() if key not in plain}
        file = self._write({"type": stage.subject.name, "topic": topic, **plain})
        cls = self.host.classes[role]
        result = stage.caller.run(
            f"{self._class_name(role)}(service=...)",
            lambda: cls(service=SERVICE, config_file=str(file), **rest),
            stage.capabilities.call_within_s,
        )
        actor = ACTORS[role](stage, role, stage.require(result, role).value)
        stage.adopt(actor)
        return actor

    def _class_name(self, role: Role) -> str:
        return getattr(self.host.classes[role], "__name__", str(role))

    def _write(self, service: Mapping[str, Any]) -> Path:
        import yaml

        self._files += 1
        file = self._folder / f"service-{self._files}.yml"
        content = {"header": {"version": 3}, "config": {SERVICE: dict(service)}}
        # The parameters may hold secrets; the folder goes when the check ends.
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        return file

    def opened(self, actor: Actor) -> Any:
        """Open what was made; a failure is the role's if that is the one under test."""
        self._stage.require(actor.open(), actor.role)
        return actor

    def inbox(self, topic: str, **given: Any) -> Inbox:
        """Receive values from ``topic``, through the role under test if that one reads."""
        stage = self._stage
        role = stage.one_of(READERS)
        if role is None:
            return _Decoded(stage, topic, lambda data: self.host.decode(given, data))
        if role is Role.READER:
            given = {"receive_timeout_ms": 100, **given}
            return HostReaderInbox(self.opened(self.build(role, topic, given)))
        actor = self.build(role, topic, given)
        assert isinstance(actor, AsyncReaderActor)
        stage.attach(actor)
        return HostCallbackInbox(self.opened(actor))

    def refusals(self, inbox: Inbox) -> list[BaseException]:
        """The errors with which messages were refused."""
        if isinstance(inbox, HostCallbackInbox):
            told = [call.arguments[0] for call in inbox.failures.calls if call.arguments]
            return [error for error in told if is_library_error(error, "InvalidMessageError")]
        assert isinstance(inbox, (HostReaderInbox, _Decoded))
        return inbox.refused

    def outbox(self, topic: str, **given: Any) -> Outbox:
        """Send values to ``topic``, through the role under test if that one writes."""
        stage = self._stage
        role = stage.one_of(WRITERS)
        if role is None:
            return _Encoded(stage, topic, lambda value: self.host.encode(given, value))
        actor: Any = self.opened(self.build(role, topic, given))
        return AsyncWriterOutbox(actor) if role is Role.ASYNC_WRITER else WriterOutbox(actor)


def _writable(value: Any) -> bool:
    """Whether YAML can hold the value and give it back."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _writable(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_writable(item) for item in value)
    return isinstance(value, (str, bytes, int, float, bool, type(None)))
