"""What mosquitto remembers of QoS 2 over a restart, seen by a client that speaks bare MQTT."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from contextlib import closing

import pytest

from sinetstream_conformance.brokers.mosquitto import Mosquitto

CONNECT, PUBLISH, PUBREC, PUBREL, SUBSCRIBE = 0x10, 0x34, 0x50, 0x62, 0x82
MESSAGES = 30


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


class BareClient:
    """Sends and receives packets of less than 128 bytes; its session is kept by the broker."""

    def __init__(self, broker: Mosquitto, name: bytes) -> None:
        self._socket = socket.create_connection((broker.host, broker.port), timeout=10.0)
        self._buffer = b""
        self.close = self._socket.close
        self.send(CONNECT, text(b"MQTT") + b"\x04\x00\x00\x3c" + text(name))
        assert self.receive() is not None

    def send(self, kind: int, body: bytes) -> None:
        self._socket.sendall(bytes([kind, len(body)]) + body)

    def receive(self) -> bytes | None:
        """The next packet; None when nothing has come for a second."""
        while len(self._buffer) < 2 or len(self._buffer) < 2 + self._buffer[1]:
            try:
                self._buffer += self._socket.recv(4096)
            except TimeoutError:
                return None
        end = 2 + self._buffer[1]
        packet, self._buffer = self._buffer[:end], self._buffer[end:]
        return packet


def publish(broker: Mosquitto) -> None:
    with closing(BareClient(broker, b"writer")) as writer:
        for number in range(1, MESSAGES + 1):
            mid = struct.pack(">H", number)
            writer.send(PUBLISH, text(b"t") + mid + b"payload")
            assert writer.receive() is not None
            writer.send(PUBREL, mid)
            assert writer.receive() is not None


@pytest.mark.parametrize(
    ("settings", "repeated"),
    [
        ({}, 0),
        ({"max_inflight_messages": "0"}, MESSAGES),
        ({"max_inflight_messages": "65535"}, MESSAGES),
    ],
)
def test_mosquitto_repeats_qos_2_where_it_has_no_limit(
    mosquitto_installed: None, settings: dict[str, str], repeated: int
) -> None:
    """With the kit's setting it knows what was received; without a limit mosquitto 2.0 does not."""
    with Mosquitto(settings=settings) as broker:
        with closing(BareClient(broker, b"reader")) as reader:
            reader.send(SUBSCRIBE, b"\0\1" + text(b"t") + b"\2")
            assert reader.receive() is not None
            publish(broker)
            released = 0
            while released < MESSAGES and (packet := reader.receive()):
                if packet[0] == PUBREL:
                    released += 1
                else:
                    reader.send(PUBREC, packet[5:7])
            assert released == MESSAGES
        broker.restart()
        with closing(BareClient(broker, b"reader")) as reader:
            again: Counter[int] = Counter()
            while again.total() < MESSAGES and (packet := reader.receive()):
                again[packet[0] & 0xF0] += 1
        if not Mosquitto.version().startswith("2.0.") and repeated:
            pytest.skip("what mosquitto 2.0 does wrong is known of no other version")
        assert again == Counter({PUBREL & 0xF0: MESSAGES - repeated, PUBLISH & 0xF0: repeated})
