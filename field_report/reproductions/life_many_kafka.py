"""Opening and closing a Kafka AsyncMessageReader again and again."""

from published import Call, conclude, fresh_topic, ready, service
from sinetstream import AsyncMessageReader

ROUNDS = 200

topic = fresh_topic()
ready("kafka", topic)
for number in range(ROUNDS):
    reader = AsyncMessageReader(**service("kafka", topic=topic))
    reader.on_message = print
    reader.open()
    closing = Call(reader.close)
    if not closing.ended(20):
        conclude(True, f"in round {number + 1} close() {closing.outcome} within 20 s")
    if "raised" in closing.outcome:
        conclude(True, f"in round {number + 1} close() {closing.outcome}")
conclude(False, f"close() returned in each of {ROUNDS} rounds")
