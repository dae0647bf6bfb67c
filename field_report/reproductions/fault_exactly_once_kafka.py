"""What a Kafka writer does when it is asked for EXACTLY_ONCE."""

from published import conclude, fresh_topic, ready, service
from sinetstream import MessageWriter

topic = fresh_topic()
ready("kafka", topic)
writer = MessageWriter(**service("kafka", topic=topic, consistency="EXACTLY_ONCE"))
with writer:
    writer.publish(b"hello")
    acks = writer._plugin._client.config["acks"]
conclude(
    acks != -1,
    f"open() and publish() raise nothing; the host still says {writer.consistency}; "
    f"kafka-python's producer works with acks={acks} and is not idempotent",
)
