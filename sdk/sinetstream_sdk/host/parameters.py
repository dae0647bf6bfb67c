"""The parameters of a reader or writer: keywords over the configuration file over defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sinetstream_sdk.consistency import AT_MOST_ONCE, Consistency
from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.host.tree import TooLargeError, merge_into, plain_copy
from sinetstream_sdk.host.valuetype import BYTE_ARRAY, name_of
from sinetstream_sdk.roles import Role

if TYPE_CHECKING:
    from sinetstream_sdk.configversion import ConfigVersion

__all__ = ["Settings", "settle"]

DEFAULT_CLIENT_ID: str | None = None
"""The client id that makes the host draw one."""

DEFAULTS: Mapping[str, Any] = {
    "consistency": AT_MOST_ONCE,
    "client_id": DEFAULT_CLIENT_ID,
    "value_type": {"name": BYTE_ARRAY},
    "compression": {"algorithm": "gzip"},
    "data_compression": False,
    "crypto": {
        "key_length": 128,
        "padding": None,
        "key_derivation": {
            "algorithm": "pbkdf2",
            "salt_bytes": 8,
            "iteration": 10000,
            "prf": "HMAC-SHA256",
        },
    },
    "data_encryption": False,
}


class Settings:
    """Everything that a reader or writer is told, merged and checked. Its repr tells no value."""

    def __init__(self, service: str | None, confver: ConfigVersion, params: dict[str, Any]) -> None:
        self.service = service
        self.confver = confver
        self.params = params


def settle(
    role: Role,
    service: str | None,
    topic: object,
    config: str | None,
    config_file: str | None,
    no_config: bool,
    keywords: Mapping[str, Any],
) -> Settings:
    """Merge what the caller, the file and the defaults say.

    :param topic: the topic or topics given to the constructor
    :param keywords: every other keyword, named like the file's parameters
    :raises InvalidArgumentError: a value is wrong
    :raises NoConfigError: there is no configuration file, or no telling which service
    :raises NoServiceError: the file has no such service
    :raises InvalidConfigError: the file cannot be understood
    """
    if config is not None:
        raise InvalidArgumentError(
            "config= names a configuration on a server, which this host does not ask; write a "
            "file, or use the published host",
            parameter="config",
        )
    from sinetstream_sdk.configversion import ConfigVersion

    params = plain_copy(DEFAULTS)
    confver = ConfigVersion(3)
    if no_config:
        service = None
    else:
        from sinetstream_sdk.host.config import load_service

        found = load_service(service, config_file)
        service, confver = found.name, found.confver
        merge_into(params, found.params)
    try:
        merge_into(params, plain_copy(keywords))
    except TooLargeError as error:
        raise InvalidArgumentError(f"what was given as keywords {error}") from None
    if role.reads:
        _set_topics(params, topic)
        params["receive_timeout_ms"] = _timeout(params.get("receive_timeout_ms"))
    else:
        params["topic"] = _one_topic(params, topic)
    _normalise(params)
    return Settings(service, confver, params)


def _normalise(params: dict[str, Any]) -> None:
    params["consistency"] = _consistency(params.get("consistency"))
    params["client_id"] = _client_id(params.get("client_id"))
    if params.get("value_type") is None:
        params["value_type"] = {"name": BYTE_ARRAY}
    name_of(params["value_type"])
    crypto = params.get("crypto")
    if isinstance(crypto, dict) and isinstance(crypto.get("password"), str):
        crypto["password"] = {"value": crypto["password"]}
    if not isinstance(params.get("type"), str) or not params["type"]:
        raise _wrong("type", "the name of a messaging system, such as mqtt", params.get("type"))


def _wrong(name: str, expected: str, came: object) -> InvalidArgumentError:
    from sinetstream_sdk.describe import describe

    what = "it is missing" if came is None else f"{describe(name, came)} was given"
    return InvalidArgumentError(f"{name} must be {expected}; {what}", parameter=name)


def _consistency(value: object) -> Consistency:
    if value is None:
        return AT_MOST_ONCE
    # The published enumeration has the same names.
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if isinstance(name, str) and name in Consistency.__members__:
        return Consistency[name]
    from sinetstream_sdk.describe import describe, suggest

    known = list(Consistency.__members__)
    hint = suggest(name, known) if isinstance(name, str) else ""
    raise InvalidArgumentError(
        f"consistency must be one of {', '.join(known)}; {describe('consistency', value)} was "
        f"given{hint}",
        parameter="consistency",
    )


def _client_id(value: object) -> str:
    if value is None or value == "":
        from uuid import uuid4

        return f"sinetstream-{uuid4()}"
    if not isinstance(value, str):
        raise _wrong("client_id", "a string", value)
    return value


def _timeout(value: object) -> float:
    if value is None:
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise _wrong("receive_timeout_ms", "a number of milliseconds, 0 or more", value)
    return value


def _one_topic(params: Mapping[str, Any], given: object) -> str | None:
    topic = params.get("topic") if given is None else given
    if isinstance(topic, list):
        if len(topic) != 1:
            raise _wrong("topic", "one topic, as a string", topic)
        topic = topic[0]
    if topic is None:
        return None  # some messaging systems have none; the others' plugins refuse it
    if not isinstance(topic, str) or not topic:
        raise _wrong("topic", "one topic, as a string", topic)
    return topic


def _set_topics(params: dict[str, Any], given: object) -> None:
    """Set ``topics`` as the published host does, and ``topic``, which the guide's readers ask."""
    topics = given
    for name in ("topics", "topic"):
        if topics is None:
            topics = params.get(name)
    params["topics"] = topics
    if topics is None:
        return
    names = topics if isinstance(topics, list) else [topics]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise _wrong("topics", "a topic or a list of topics, as strings", topics)
    params.pop("topic", None)
    if len(names) == 1:
        params["topic"] = names[0]
