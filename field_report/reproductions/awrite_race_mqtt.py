"""Waiting with get() for promises of the mqtt plugin that another thread settles."""

import sys
import time
from collections import Counter

from published import conclude, confver, fresh_topic, plugin_params, ready
from sinetstreamplugin.mqtt import MqttAsyncWriter

SECONDS = 60

topic = fresh_topic()
ready("mqtt", topic)
sys.setswitchinterval(1e-6)  # threads take turns often, as on a busy machine
writer = MqttAsyncWriter(confver(), plugin_params(topic=topic))
writer.open()
wrong: Counter[str] = Counter()
tried = 0
end = time.monotonic() + SECONDS
while time.monotonic() < end and sum(wrong.values()) < 3:
    promise = writer.publish(b"hello")
    tried += 1
    try:
        value = promise.get(5)
    except Exception as error:  # noqa: BLE001 - whatever comes is what is shown
        if promise.is_pending:
            continue  # never settled: see awrite_settle
        wrong[f"raised {type(error).__name__} ({error})"] += 1
    else:
        if value is None:
            wrong["gave None"] += 1
told = "; ".join(f"{what} {often} times" for what, often in wrong.items()) or "was right"
conclude(bool(wrong), f"of {tried} messages, get() {told}")
