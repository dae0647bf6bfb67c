"""What the two readers share: turning what a plugin delivers into messages."""

from __future__ import annotations

from typing import Any

from sinetstream_sdk.errors import InvalidMessageError
from sinetstream_sdk.host.codec import Decoder
from sinetstream_sdk.host.connection import Connection
from sinetstream_sdk.host.message import Message

__all__ = ["Receiving"]


class Receiving(Connection):
    """A connection that yields messages."""

    def __init__(
        self,
        service: str | None = None,
        topics: str | list[str] | None = None,
        config: str | None = None,
        config_file: str | None = None,
        no_config: bool = False,
        **keywords: Any,
    ) -> None:
        """Read the configuration and build the plugin; :meth:`open` connects.

        :param service: the service's name in the configuration file; not needed if there is one
        :param topics: the topic or topics to read
        :param config: not supported by this host
        :param config_file: the configuration file to read instead of the usual ones
        :param no_config: read no file; everything stands in the keywords
        :param keywords: parameters, over those of the file: ``consistency``, ``client_id``,
            ``value_type``, ``value_deserializer``, ``receive_timeout_ms``, ...
        :raises InvalidArgumentError: a parameter is wrong, to the host or to the plugin
        :raises NoConfigError: there is no configuration file, or no telling which service
        :raises NoServiceError: the file has no such service
        :raises InvalidConfigError: the file cannot be understood
        :raises UnsupportedServiceTypeError: there is no such plugin, or it cannot be used
        """
        super().__init__(service, topics, config, config_file, no_config, keywords)

    def _prepare(self) -> None:
        self._decode = Decoder(self._params).decode_sized

    @property
    def topics(self) -> str | list[str] | None:
        """The topic or topics that are read, as they were given."""
        topics: str | list[str] | None = self._params["topics"]
        return list(topics) if isinstance(topics, list) else topics

    @property
    def receive_timeout_ms(self) -> float:
        """How long to wait for one message, in milliseconds; infinity for ever."""
        timeout: float = self._params["receive_timeout_ms"]
        return timeout

    def _message(self, data: Any, topic: str, raw: Any) -> Message:
        """The message in ``data``.

        :raises InvalidMessageError: it cannot be decoded
        """
        try:
            value, timestamp, compressed, size = self._decode(data)
        except InvalidMessageError:
            self._counters.error()
            raise
        self._counters.count(len(data), compressed, size)
        return Message(value, topic, timestamp, raw)
