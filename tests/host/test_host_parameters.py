"""Parameters that are wrong: each is named, with what was expected, and no secret is quoted."""

import math
from typing import Any

import pytest

from memory_broker import Broker
from sinetstream_sdk.errors import InvalidArgumentError, UnsupportedServiceTypeError
from sinetstream_sdk.host import MessageReader, MessageWriter
from sinetstream_sdk.host.codec import Decoder, Encoder

MEMORY: dict[str, Any] = {"type": "memory", "no_config": True}


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"topics": []}, "topics"),
        ({"topics": ""}, "topics"),
        ({"topics": [1]}, "topics"),
        ({"topics": 7}, "topics"),
        ({"consistency": "AT_LEST_ONCE"}, "consistency"),
        ({"consistency": 2}, "consistency"),
        ({"receive_timeout_ms": -1}, "receive_timeout_ms"),
        ({"receive_timeout_ms": math.nan}, "receive_timeout_ms"),
        ({"receive_timeout_ms": "5"}, "receive_timeout_ms"),
        ({"receive_timeout_ms": True}, "receive_timeout_ms"),
        ({"client_id": 3}, "client_id"),
        ({"type": None}, "type"),
        ({"value_type": 3}, "value_type"),
        ({"value_type": "txet"}, "value_type"),
        ({"value_deserializer": 3}, "value_deserializer"),
        ({"message_format": 1}, "message_format"),
        ({"message_format": "3"}, "message_format"),
        ({"user_data_only": "yes"}, "user_data_only"),
        ({"data_compression": 1}, "data_compression"),
        ({"data_encryption": "true"}, "data_encryption"),
        ({"data_compression": True, "compression": {"algorithm": "lz4"}}, "compression.algorithm"),
        ({"data_compression": True, "compression": {"gzip": {"lvl": 1}}}, "compression.gzip"),
        ({"limits": {"uncompresed_bytes": 1}}, "limits"),
        ({"limits": {"uncompressed_bytes": 0}}, "limits.uncompressed_bytes"),
        ({"limits": 3}, "limits"),
        ({"config": "on-a-server"}, "config"),
    ],
)
def test_wrong_parameter_is_named(broker: Broker, wrong: dict[str, Any], parameter: str) -> None:
    """InvalidArgumentError says which parameter it is, in its text and as an attribute."""
    with pytest.raises(InvalidArgumentError, match=parameter.partition(".")[0]) as caught:
        MessageReader(**{"topics": "t"} | MEMORY | wrong)
    assert caught.value.parameter == parameter
    assert broker.built == []


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"mode": "ECB"}, "crypto.mode"),
        ({"algorithm": "DES"}, "crypto.algorithm"),
        ({"padding": "zero"}, "crypto.padding"),
        ({"key_length": 100}, "crypto.key_length"),
        ({"password": None}, "crypto.password"),
        ({"password": 5}, "crypto.password"),
        ({"password": {"path": "/no/such/file"}}, "crypto.password.path"),
        ({"password": "秘密の言葉"}, "crypto.password"),
        ({"key": b"s3cret-of-14-b"}, "crypto.key"),
        ({"key": "k3y as text"}, "crypto.key"),
        ({"key": bytes(16)}, "crypto.password"),
        ({"_keys": {0: bytes(16)}}, "crypto._keys"),
        ({"_keys": []}, "crypto._keys"),
        ({"key_derivation": {"iteration": 0}}, "crypto.key_derivation.iteration"),
        ({"key_derivation": {"salt_bytes": "8"}}, "crypto.key_derivation.salt_bytes"),
        ({"key_derivation": {"prf": "HMAC-MD5"}}, "crypto.key_derivation.prf"),
        ({"key_derivation": {"algorithm": "scrypt"}}, "crypto.key_derivation.algorithm"),
        ({"key_derivation": 3}, "crypto.key_derivation"),
    ],
)
@pytest.mark.parametrize("side", [Encoder, Decoder])
def test_wrong_crypto_parameter_is_named(side: Any, wrong: dict[str, Any], parameter: str) -> None:
    """Both sides refuse it when they are built, and quote no secret."""
    crypto = {"algorithm": "AES", "mode": "GCM", "password": "pa55word", **wrong}
    with pytest.raises(InvalidArgumentError) as caught:
        side({"data_encryption": True, "crypto": crypto})
    assert caught.value.parameter == parameter
    for secret in ("pa55word", "s3cret", "秘密", "k3y as text"):
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value.__cause__)


def test_near_miss_is_suggested(broker: Broker) -> None:
    """An unknown type is named with what is there, and what was probably meant."""
    with pytest.raises(UnsupportedServiceTypeError, match="memory"):
        MessageReader(topics="t", type="memry", no_config=True)
    with pytest.raises(InvalidArgumentError, match="did you mean"):
        MessageWriter(topic="t", **MEMORY, consistency="AT_LEST_ONCE")
