"""Sockets that closed MQTT writers still hold."""

import gc
from pathlib import Path

from published import conclude, confver, plugin_params
from sinetstreamplugin.mqtt import MqttWriter


def sockets() -> int:
    """How many sockets this process has."""
    links = (entry.readlink() for entry in list(Path("/proc/self/fd").iterdir()) if entry.exists())
    return sum(str(link).startswith("socket:") for link in links)


gc.disable()
before = sockets()
closed = []
for _ in range(20):
    writer = MqttWriter(confver(), plugin_params(topic="t"))
    writer.open()
    writer.close()
    closed.append(writer)
held = sockets() - before
closed.clear()
writer = None
gc.collect()
left = sockets() - before
conclude(
    held > 0,
    f"20 closed writers hold {held} sockets; {left} are left once the objects are thrown away",
)
