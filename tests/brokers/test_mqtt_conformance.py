"""The whole kit on the MQTT plugin, on each kind of broker."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from judged import judge
from lacking import missing
from sinetstream_conformance.brokers.mosquitto import Mosquitto

GUARANTEES = {"FAULT-AT-LEAST-ONCE", "FAULT-EXACTLY-ONCE", "FAULT-AT-MOST-ONCE"}


def test_on_the_embedded_broker(tmp_path: Path) -> None:
    """With nothing given the plugin is judged on amqtt, which needs no installation."""
    if find_spec("amqtt") is None:
        missing("amqtt is not installed: pip install 'sinetstream-plugin-mqtt[test]'")
    shown, skipped = judge("mqtt", tmp_path)
    assert "broker: amqtt " in shown
    assert skipped == GUARANTEES
    assert "amqtt keeps nothing over a restart" in shown


def test_on_mosquitto(mosquitto_installed: None, tmp_path: Path) -> None:
    """The harness of that name starts one, and every rule is judged."""
    harness = "--sinetstream-harness=sinetstream_mqtt.conformance:MosquittoHarness"
    shown, skipped = judge("mqtt", tmp_path, harness)
    assert "broker: mosquitto " in shown
    assert not skipped


def test_on_a_broker_of_ones_own(shared_mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A broker that the user names is used, and what it cannot be made to do is skipped."""
    shown, skipped = judge(
        "mqtt",
        tmp_path,
        f"--sinetstream-param=brokers={shared_mosquitto.address}",
        "--sinetstream-param=type_spec.protocol=MQTTv5",
    )
    assert f"broker: the MQTT broker at {shared_mosquitto.address}" in shown
    assert "not the harness's to stall or stop" in shown
    assert skipped > GUARANTEES
