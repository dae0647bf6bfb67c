"""The whole kit on the MQTT plugin, on each kind of broker."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from lacking import missing

from sinetstream_conformance.brokers.mosquitto import Mosquitto

WITHIN_S = 240.0


def judge(tmp_path: Path, *options: str) -> tuple[str, dict[str, object]]:
    """What a run of the kit prints, and its report; it must be conformant in all four roles."""
    target = tmp_path / "report.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            *("--sinetstream-plugin=mqtt", f"--sinetstream-report={target}", *options),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for role in ("reader", "writer", "async_reader", "async_writer"):
        assert f"mqtt {role:<13} CONFORMANT STRICT" in done.stdout
    (report,) = json.loads(target.read_text(encoding="utf-8"))
    return done.stdout, report


def test_on_the_embedded_broker(tmp_path: Path) -> None:
    """With nothing given the plugin is judged on amqtt, which needs no installation."""
    if find_spec("amqtt") is None:
        missing("amqtt is not installed: pip install 'sinetstream-plugin-mqtt[test]'")
    shown, _ = judge(tmp_path)
    assert "broker: amqtt " in shown
    assert " SKIP" not in shown


def test_on_mosquitto(mosquitto_installed: None, tmp_path: Path) -> None:
    """The harness of that name starts one."""
    shown, _ = judge(
        tmp_path, "--sinetstream-harness=sinetstream_mqtt.conformance:MosquittoHarness"
    )
    assert "broker: mosquitto " in shown
    assert " SKIP" not in shown


@pytest.mark.parametrize("protocol", ["MQTTv5"])
def test_on_a_broker_of_ones_own(
    shared_mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    """A broker that the user names is used, and what it cannot be made to do is skipped."""
    shown, _ = judge(
        tmp_path,
        f"--sinetstream-param=brokers={shared_mosquitto.address}",
        f"--sinetstream-param=type_spec.protocol={protocol}",
    )
    assert f"broker: the MQTT broker at {shared_mosquitto.address}" in shown
    assert "not the harness's to stall or stop" in shown
