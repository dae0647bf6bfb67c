"""The MQTT reader's iterator is no iterator: it has no __iter__."""

from published import Call, conclude, confver, fresh_topic, plugin_params
from sinetstreamplugin.mqtt import MqttReader

reader = MqttReader(confver(), plugin_params(topics=fresh_topic(), receive_timeout_ms=100))
reader.open()
call = Call(lambda: list(iter(reader)))
call.ended(10)
reader.close()
conclude("TypeError" in call.outcome, f"`for message in iter(reader)` {call.outcome}")
