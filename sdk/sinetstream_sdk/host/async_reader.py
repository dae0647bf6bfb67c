"""The asynchronous reader (guide §2.2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sinetstream_sdk.errors import InvalidMessageError
from sinetstream_sdk.host.message import Message
from sinetstream_sdk.host.receiving import Receiving
from sinetstream_sdk.roles import Role

__all__ = ["AsyncMessageReader"]

OnMessage = Callable[[Message], object]
OnFailure = Callable[..., object]


class AsyncMessageReader(Receiving):
    """Receives messages and passes them to callbacks.

    ::

        reader = AsyncMessageReader(service="sensors")
        reader.on_message = show
        reader.open()

    Whatever goes wrong with one message, delivery goes on: one that cannot be decoded, or whose
    callback raises, is reported to ``on_failure``, or logged where there is none.
    """

    role = Role.ASYNC_READER
    _on_message: OnMessage | None = None
    _on_failure: OnFailure | None = None

    @property
    def on_message(self) -> OnMessage | None:
        """Called with each :class:`Message`; it can be set and changed at any time."""
        return self._on_message

    @on_message.setter
    def on_message(self, on_message: OnMessage | None) -> None:
        self._on_message = on_message
        if self._plugin is not None:
            self._set_on_message(self._plugin)
            self._set_on_failure(self._plugin)

    @property
    def on_failure(self) -> OnFailure | None:
        """Called with the exception when something goes wrong.

        One that takes a second argument gets the traceback, or None, as the published host does it.
        """
        return self._on_failure

    @on_failure.setter
    def on_failure(self, on_failure: OnFailure | None) -> None:
        self._on_failure = on_failure
        if self._plugin is not None:
            self._set_on_failure(self._plugin)

    def _before_open(self) -> None:
        # Some plugins begin to read once they have either callback, so none is set for nothing.
        if self._on_message is not None:
            self._set_on_message(self._plugin)
        if self._on_message is not None or self._on_failure is not None:
            self._set_on_failure(self._plugin)

    def _set_on_failure(self, plugin: Any) -> None:
        try:
            plugin.on_failure = self._plugin_failed
        except AttributeError as error:
            # The official MQTT plugin has a property without a setter. What the host itself finds
            # wrong still reaches the user's callback.
            _log(error, "%r: its plugin takes no on_failure, so it cannot report anything", self)

    def _set_on_message(self, plugin: Any) -> None:
        """Give the plugin a callback that is bound to the user's, so that none is lost between.

        Without one the plugin gets none either: what it does with its messages then is its own.
        """
        on_message = self._on_message
        if on_message is None:
            plugin.on_message = None
            return

        def deliver(data: bytes, topic: str, raw: Any) -> None:
            try:
                message = self._message(data, topic, raw)
            except InvalidMessageError as error:
                self._report(error)
                return
            try:
                on_message(message)
            except Exception as error:  # noqa: BLE001 - a callback may raise anything; it is reported
                self._counters.error()
                self._report(error)

        plugin.on_message = deliver

    def _plugin_failed(self, error: Exception, traceback: Any = None) -> None:
        self._counters.error()
        self._report(self._translated(error, "receiving"), traceback)

    def _report(self, error: Exception, traceback: Any = None) -> None:
        on_failure = self._on_failure
        if on_failure is None:
            _log(error, "%r: nobody is told of this, for want of on_failure", self)
            return
        try:
            if _takes_two(on_failure):
                on_failure(error, traceback or error.__traceback__)
            else:
                on_failure(error)
        except Exception as raised:  # noqa: BLE001 - a callback may raise anything; it is logged
            _log(raised, "%r: on_failure raised", self)


def _log(error: BaseException, text: str, *details: object) -> None:
    import logging

    logging.getLogger(__name__).error(text, *details, exc_info=error)


def _takes_two(callback: OnFailure) -> bool:
    from inspect import Parameter, signature

    try:
        parameters = signature(callback).parameters.values()
    except (TypeError, ValueError):
        return False
    places = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters):
        return False
    return sum(parameter.kind in places for parameter in parameters) >= 2
