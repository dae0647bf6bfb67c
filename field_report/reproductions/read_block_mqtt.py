"""Without receive_timeout_ms the mqtt reader cannot be constructed."""

from published import Call, conclude, confver, plugin_params
from sinetstreamplugin.mqtt import MqttReader

params = plugin_params(topics="t")
del params["receive_timeout_ms"]
call = Call(lambda: MqttReader(confver(), params))
call.ended(10)
conclude("KeyError" in call.outcome, f"MqttReader(...) {call.outcome}")
