"""paho-mqtt in the loops that one would write without a plugin, at QoS 1."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.brokers.counting import WAIT_S, Arrivals, Measured

QOS = 1


class Contender:
    """The client with its own network thread; its limit of 20 messages in flight is left alone."""

    def __init__(self, broker: str) -> None:
        self._host, _, port = broker.rpartition(":")
        self._port = int(port)

    @contextmanager
    def _connected(self, client: mqtt.Client) -> Iterator[mqtt.Client]:
        client.connect(self._host, self._port)
        client.loop_start()
        try:
            yield client
        finally:
            client.disconnect()
            client.loop_stop()

    def writer(self, topic: str, payload: bytes, count: int) -> Measured:
        """``publish()``, then ``wait_for_publish()``."""
        with self._connected(mqtt.Client(CallbackAPIVersion.VERSION2)) as client:
            client.publish(topic, payload, QOS).wait_for_publish(WAIT_S)
            start = time.perf_counter()
            for _ in range(count):
                client.publish(topic, payload, QOS).wait_for_publish(WAIT_S)
            return Measured(count, time.perf_counter() - start)

    def async_writer(self, topic: str, payload: bytes, count: int, window: int) -> Measured:
        """``publish()`` as long as the window allows, and ``on_publish``."""
        told = Arrivals()
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.on_publish = told.one
        with self._connected(client):
            start = time.perf_counter()
            for number in range(count):
                if number - told.count >= window:
                    told.wait(number - window // 2)
                client.publish(topic, payload, QOS)
            told.wait(count)
            return told.since(start, count)

    def reader(self, topic: str, count: int, client_id: str) -> Measured:
        """``on_message`` fills a queue; a message is acknowledged once the loop is done with it."""
        waiting: Queue[mqtt.MQTTMessage] = Queue()
        client = self._reading(topic, client_id, manual_ack=True)
        client.on_message = lambda _, __, message: waiting.put(message)
        with self._connected(client):
            start = 0.0
            for _ in range(count):
                message = waiting.get(timeout=WAIT_S)
                start = start or time.perf_counter()
                client.ack(message.mid, message.qos)
            return Measured(count - 1, time.perf_counter() - start)

    def async_reader(self, topic: str, count: int, client_id: str) -> Measured:
        """``on_message`` does the work; the client acknowledges each message after it."""
        told = Arrivals(count)
        client = self._reading(topic, client_id)
        client.on_message = told.one
        with self._connected(client):
            told.wait(count)
        return told.between(count)

    def _reading(self, topic: str, client_id: str, manual_ack: bool = False) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=not client_id,
            manual_ack=manual_ack,
        )
        client.on_connect = lambda client, *_: client.subscribe(topic, QOS)
        return client


def keep_session(broker: str, client_id: str, topic: str) -> None:
    """Have the broker keep what comes to ``topic`` for this client."""
    host, _, port = broker.rpartition(":")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)
    subscribed = Arrivals()
    client.on_connect = lambda client, *_: client.subscribe(topic, QOS)
    client.on_subscribe = subscribed.one
    client.connect(host, int(port))
    client.loop_start()
    subscribed.wait(1)
    client.disconnect()
    client.loop_stop()
