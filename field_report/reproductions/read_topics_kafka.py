"""A kafka reader that is given `topic`, as the developer guide has it, and not `topics`."""

from published import Call, conclude, confver, plugin_params
from sinetstreamplugin.kafka import KafkaReader

call = Call(lambda: KafkaReader(confver(), plugin_params(topic="t")))
call.ended(10)
conclude("KeyError" in call.outcome, f"KafkaReader(...) {call.outcome}")
