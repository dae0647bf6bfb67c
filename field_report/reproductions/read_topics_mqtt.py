"""An MQTT reader that is given `topic`, as the developer guide has it, subscribes to nothing."""

from contextlib import suppress

from published import conclude, confver, fresh_topic, plugin_params
from sinetstreamplugin.mqtt import MqttReader, MqttWriter

topic = fresh_topic()
reader = MqttReader(confver(), plugin_params(topic=topic, receive_timeout_ms=1000))
reader.open()
writer = MqttWriter(confver(), plugin_params(topic=topic))
writer.open()
seen = []
for _ in range(5):
    writer.publish(b"hello")
iterator = iter(reader)
with suppress(StopIteration):
    seen.append(next(iterator))
conclude(not seen, f"published 5 messages on {topic!r}; the reader of it sees {len(seen)}")
