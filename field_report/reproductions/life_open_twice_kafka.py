"""A second open() of the Kafka asynchronous reader, whose first connection stays."""

import gc
import threading
import time
from pathlib import Path

from published import Call, conclude, confver, fresh_topic, plugin_params, ready
from sinetstreamplugin.kafka import KafkaAsyncReader


def sockets() -> int:
    """How many sockets this process has."""
    links = (entry.readlink() for entry in list(Path("/proc/self/fd").iterdir()) if entry.exists())
    return sum(str(link).startswith("socket:") for link in links)


gc.disable()  # what is merely unreachable keeps its connection until the collector comes by
topic = fresh_topic()
ready("kafka", topic)
time.sleep(1)
left = []
for opens in (1, 2):
    before, threads = sockets(), threading.active_count()
    reader = KafkaAsyncReader(confver(), plugin_params(topics=topic))
    reader.on_message = print
    for _ in range(opens):
        reader.open()
        time.sleep(2)
    closing = Call(reader.close)
    if not closing.ended(10):
        conclude(True, f"after {opens} open(), close() {closing.outcome} within 10 s")
    time.sleep(3)
    left.append((sockets() - before, threading.active_count() - threads))
conclude(
    left[1] > left[0],
    f"(sockets, threads) left after close(): {left[0]} opened once, {left[1]} opened twice",
)
