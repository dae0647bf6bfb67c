"""An MQTT AsyncMessageReader whose on_failure is set."""

from published import Call, conclude, fresh_topic, service
from sinetstream import AsyncMessageReader

reader = AsyncMessageReader(**service("mqtt", topic=fresh_topic()))
call = Call(lambda: setattr(reader, "on_failure", print))
call.ended(5)
conclude("AttributeError" in call.outcome, f"reader.on_failure = print {call.outcome}")
