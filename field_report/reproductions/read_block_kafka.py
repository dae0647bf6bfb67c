"""Without receive_timeout_ms the kafka reader cannot be constructed."""

from published import Call, conclude, confver, plugin_params
from sinetstreamplugin.kafka import KafkaReader

params = plugin_params(topics="t")
del params["receive_timeout_ms"]
call = Call(lambda: KafkaReader(confver(), params))
call.ended(10)
conclude("KeyError" in call.outcome, f"KafkaReader(...) {call.outcome}")
