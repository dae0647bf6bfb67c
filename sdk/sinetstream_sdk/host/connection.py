"""What the four classes of the host share: settings, a plugin, its life cycle and the figures."""

from __future__ import annotations

from enum import Enum
from threading import Lock
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self

from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.errors import AlreadyConnectedError, SinetError
from sinetstream_sdk.errors import ConnectionError as BrokerGone
from sinetstream_sdk.host.failures import as_ours
from sinetstream_sdk.host.inline import InlineFiles
from sinetstream_sdk.host.metrics import Counters, Metrics
from sinetstream_sdk.host.parameters import settle
from sinetstream_sdk.host.plugins import build_plugin, find_plugin, name_plugin
from sinetstream_sdk.host.tree import plain_copy
from sinetstream_sdk.host.valuetype import name_of
from sinetstream_sdk.roles import Role

__all__ = ["Connection"]


class _State(Enum):
    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"


class Connection:
    """One reader or writer of one service, over the plugin that its ``type`` names."""

    role: ClassVar[Role]

    def __init__(
        self,
        service: str | None,
        topic: object,
        config: str | None,
        config_file: str | None,
        no_config: bool,
        keywords: dict[str, Any],
    ) -> None:
        self._settings = settle(self.role, service, topic, config, config_file, no_config, keywords)
        self._params = self._settings.params
        self._plugin_class = find_plugin(self.role, self._params)
        self._prepare()
        self._files = InlineFiles()
        self._counters = Counters()
        self._lock = Lock()
        self._state = _State.CLOSED
        self._close_requested = False
        self._plugin: Any = None
        self._make_plugin()

    def _prepare(self) -> None:
        """Make what the parameters say of the messages themselves, before any plugin."""
        raise NotImplementedError

    # ---- life cycle

    def open(self) -> Self:
        """Connect.

        :raises AlreadyConnectedError: it is open, or on the way
        :raises ConnectionError: the broker cannot be reached
        """
        with self._lock:
            if self._state is not _State.CLOSED:
                raise AlreadyConnectedError(f"{self!r} cannot be opened again; close it first")
            self._state = _State.OPENING
            self._close_requested = False
        opened = False
        try:
            if self._plugin is None:
                self._make_plugin()
            self._before_open()
            self._call(self._plugin, "open", BrokerGone)
            self._opened(self._plugin)
            opened = True
        finally:
            with self._lock:
                self._state = _State.OPEN if opened else _State.CLOSED
                unwanted = self._close_requested
            if not opened:
                self._release()
        if unwanted:
            self.close()
            raise BrokerGone(f"{self!r} was closed while it was being opened")
        return self

    def close(self) -> None:
        """Disconnect, and remove the files of inline values. When it is closed, nothing happens."""
        with self._lock:
            if self._state is _State.OPENING:
                self._close_requested = True
            was_open = self._state is _State.OPEN
            if was_open:
                self._state = _State.CLOSING
            unused = self._state is _State.CLOSED
        if unused:
            self._release()
        if not was_open:
            return
        plugin = self._plugin
        self._detach()
        try:
            self._call(plugin, "close")
        finally:
            self._release()
            with self._lock:
                self._state = _State.CLOSED

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _before_open(self) -> None:
        """Set up what the plugin must have before it connects."""

    def _opened(self, plugin: Any) -> None:
        """Take note that the plugin is connected."""

    def _detach(self) -> None:
        """Forget what :meth:`_opened` or reading noted of the plugin, which is about to close."""

    def _make_plugin(self) -> None:
        params = plain_copy(self._params)
        self._files.materialise(params)
        try:
            self._plugin = build_plugin(
                self.role, self._plugin_class, self._settings.confver, params
            )
        except BaseException:
            self._files.remove()
            raise

    def _release(self) -> None:
        """Let go of the plugin: some cannot connect twice, so each connection gets a new one."""
        self._plugin = None
        self._detach()
        self._files.remove()

    # ---- what users may ask

    @property
    def service(self) -> str | None:
        """The name of the service, or None without a configuration file."""
        return self._settings.service

    @property
    def client_id(self) -> str:
        """The client's name to the broker."""
        client_id: str = self._params["client_id"]
        return client_id

    @property
    def consistency(self) -> Consistency:
        """The delivery guarantee that was asked for."""
        consistency: Consistency = self._params["consistency"]
        return consistency

    @property
    def value_type(self) -> str:
        """The name of the value type."""
        return name_of(self._params["value_type"])

    @property
    def metrics(self) -> Metrics:
        """The figures up to now, with the plugin's own as ``raw``."""
        plugin = self._plugin
        raw = None if plugin is None else self._call(plugin, "metrics")
        return self._counters.snapshot(raw)

    def reset_metrics(self, reset_raw: bool = False) -> None:
        """Start the figures anew.

        :param reset_raw: the plugin's own too
        """
        self._counters.reset()
        plugin = self._plugin
        if reset_raw and hasattr(plugin, "reset_metrics"):
            self._call(plugin, "reset_metrics")

    def info(self, name: str = "", **options: Any) -> Any:
        """Figures by their dotted name: ``client_id``, ``metrics``, or the plugin's under its type.

        :returns: None for an unknown name; everything, as a dict, for an empty one
        """
        first, *rest = [part for part in name.split(".") if part] or [""]
        if first == "client_id":
            return self.client_id
        if first == "metrics":
            return self.metrics
        of_plugin, plugin = None, self._plugin
        if first in ("", self._params["type"]) and hasattr(plugin, "info"):
            of_plugin = self._call(plugin, "info", SinetError, rest, options)
        if first:
            return of_plugin
        return {
            "client_id": self.client_id,
            "metrics": self.metrics,
            self._params["type"]: of_plugin,
        }

    def __repr__(self) -> str:
        service = f" service={self.service!r}" if self.service is not None else ""
        return f"<{type(self).__name__}{service} type={self._params['type']!r} {self._state.value}>"

    # ---- for the roles

    def _opened_plugin(self) -> Any:
        """The plugin, while it is connected.

        :raises ConnectionError: it is not
        """
        plugin = self._plugin
        if plugin is None or self._state is not _State.OPEN:
            raise BrokerGone(f"{self!r} is not open; call open(), or use it in a with block")
        return plugin

    def _call(
        self, plugin: Any, name: str, otherwise: type[SinetError] = SinetError, *arguments: Any
    ) -> Any:
        try:
            return getattr(plugin, name)(*arguments)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self._raise(error, f"{name}()", otherwise)

    def _raise(
        self, error: Exception, what: str, otherwise: type[SinetError] = SinetError
    ) -> NoReturn:
        """Raise ``error``, which came out of the plugin, as one of this library's."""
        ours = self._translated(error, what, otherwise)
        raise ours from ours.__cause__

    def _translated(
        self, error: Exception, what: str, otherwise: type[SinetError] = SinetError
    ) -> SinetError:
        if isinstance(error, SinetError):
            return error
        plugin = f"{what} of {name_plugin(self.role, self._params)} failed"
        return as_ours(error, plugin, self._params, otherwise)
