"""publish() of a Kafka MessageWriter whose connection is lost for good."""

from published import Call, conclude, fresh_topic, ready, service
from relay import Relay
from sinetstream import MessageWriter

topic = fresh_topic()
ready("kafka", topic)
relay = Relay()
writer = MessageWriter(**service("kafka", topic=topic, type_spec={"request_timeout_ms": 3000}))
writer.open()
writer.publish(b"hello")
relay.cut()
call = Call(lambda: writer.publish(b"hello"))
call.ended(30)
conclude("sinetstream.error" not in call.outcome, f"publish() {call.outcome}")
