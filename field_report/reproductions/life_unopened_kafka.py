"""A kafka writer and a kafka reader that nobody opened."""

from published import Call, conclude, fresh_topic, service
from sinetstream import AsyncMessageWriter, MessageReader, MessageWriter

topic = fresh_topic()
calls = {}
for cls in (MessageWriter, AsyncMessageWriter):
    writer = cls(**service("kafka", topic=topic))
    calls[f"{cls.__name__}.publish()"] = Call(lambda writer=writer: writer.publish(b"hello"))
reader = MessageReader(**service("kafka", topic=topic))
calls["next() of a MessageReader"] = Call(lambda: next(iter(reader)))
wrong = []
for name, call in calls.items():
    call.ended(5)
    if "sinetstream.error" not in call.outcome and "StopIteration" not in call.outcome:
        wrong.append(f"{name} {call.outcome}")
conclude(bool(wrong), "\n".join(wrong))
