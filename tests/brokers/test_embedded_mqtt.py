"""The broker of MQTT that needs no installation."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pytest
from mqtt_roles import WITHIN_S, fresh, given, opened

from sinetstream_mqtt.conformance import Amqtt
from sinetstream_mqtt.plugin import MqttAsyncWriter, MqttReader

MESSAGES = 20
SLOW = """
import asyncio, sys
from sinetstream_mqtt import embedded

class Slow(embedded.amqtt.Broker):
    async def _handle_message_delivery(self, *args):
        await asyncio.sleep(0.02)
        return await super()._handle_message_delivery(*args)

embedded.amqtt.Broker = Slow
asyncio.run(embedded.serve(int(sys.argv[1])))
"""


class SlowAmqtt(Amqtt):
    """One that passes messages on as slowly as on a busy machine."""

    def command(self) -> Sequence[str]:
        return (sys.executable, "-c", SLOW, str(self.port))


@pytest.fixture
def slow_amqtt() -> Iterator[Amqtt]:
    pytest.importorskip("amqtt", reason="pip install 'sinetstream-plugin-mqtt[test]'")
    broker = SlowAmqtt()
    broker.start()
    yield broker
    broker.close()


def test_what_is_acknowledged_is_passed_on_though_its_sender_is_gone(slow_amqtt: Amqtt) -> None:
    """A client may leave as soon as it has its acknowledgements."""
    params = given(slow_amqtt.address, fresh())
    with opened(MqttReader, params) as reader:
        with opened(MqttAsyncWriter, params) as writer:
            for promise in [writer.publish(b"%d" % number) for number in range(MESSAGES)]:
                promise.get(WITHIN_S)
        messages = iter(reader)
        assert [int(next(messages)[0]) for _ in range(MESSAGES)] == list(range(MESSAGES))
