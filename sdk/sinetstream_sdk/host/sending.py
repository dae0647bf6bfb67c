"""What the two writers share: turning values into what a plugin publishes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sinetstream_sdk.errors import InvalidMessageError
from sinetstream_sdk.host.avro import timestamp_us
from sinetstream_sdk.host.codec import Encoder
from sinetstream_sdk.host.connection import Connection
from sinetstream_sdk.spi_values import PluginMessage

__all__ = ["Sending"]


class Sending(Connection):
    """A connection that takes values."""

    _publish: Callable[[bytes], Any] | None = None
    """The plugin's method, while it is connected; looked up once, not for every message."""

    def __init__(
        self,
        service: str | None = None,
        topic: str | None = None,
        config: str | None = None,
        config_file: str | None = None,
        no_config: bool = False,
        **keywords: Any,
    ) -> None:
        """Read the configuration and build the plugin; :meth:`open` connects.

        :param service: the service's name in the configuration file; not needed if there is one
        :param topic: the topic to send to
        :param config: not supported by this host
        :param config_file: the configuration file to read instead of the usual ones
        :param no_config: read no file; everything stands in the keywords
        :param keywords: parameters, over those of the file: ``consistency``, ``client_id``,
            ``value_type``, ``value_serializer``, ...
        :raises InvalidArgumentError: a parameter is wrong, to the host or to the plugin
        :raises NoConfigError: there is no configuration file, or no telling which service
        :raises NoServiceError: the file has no such service
        :raises InvalidConfigError: the file cannot be understood
        :raises UnsupportedServiceTypeError: there is no such plugin, or it cannot be used
        """
        super().__init__(service, topic, config, config_file, no_config, keywords)

    def _prepare(self) -> None:
        self._encode = Encoder(self._params).encode_sized

    def _opened(self, plugin: Any) -> None:
        self._publish = plugin.publish

    def _detach(self) -> None:
        self._publish = None

    @property
    def topic(self) -> str | None:
        """The topic that is sent to."""
        topic: str | None = self._params["topic"]
        return topic

    def _encoded(self, value: Any, timestamp: float | None) -> PluginMessage:
        """The message for ``value``, counted.

        :raises InvalidMessageError: ``value`` cannot be serialised
        """
        sent = time.time_ns() // 1000 if timestamp is None else timestamp_us(timestamp)
        try:
            data, compressed, size = self._encode(value, sent)
        except InvalidMessageError:
            self._counters.error()
            raise
        message = PluginMessage(data)
        message.timestamp = sent
        self._counters.count(len(data), compressed, size)
        return message
