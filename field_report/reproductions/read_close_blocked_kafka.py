"""close() of a kafka reader while another thread waits in next()."""

from published import Call, conclude, fresh_topic, ready, service
from sinetstream import MessageReader

topic = fresh_topic()
ready("kafka", topic)
reader = MessageReader(**service("kafka", topic=topic))
reader.open()
waiting = Call(lambda: next(iter(reader)))
assert not waiting.ended(3), waiting.outcome
closing = Call(reader.close)
closed, ended = closing.ended(10), waiting.ended(5)
right = ended and ("StopIteration" in waiting.outcome or "sinetstream.error" in waiting.outcome)
conclude(
    not (closed and right),
    f"close() {closing.outcome}; 5 s later next() on the other thread {waiting.outcome}",
)
