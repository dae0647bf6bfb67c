"""publish() of an MQTT MessageWriter under AT_MOST_ONCE that is cut off while it sends."""

from published import Call, conclude, fresh_topic, service
from relay import Relay
from sinetstream import MessageReader, MessageWriter

BYTES = 32 * 1024 * 1024  # more than the system's buffers take
WITHIN_S = 8

topic = fresh_topic()
options = {"topic": topic, "consistency": "AT_MOST_ONCE"}
reader = MessageReader(**service("mqtt", **options, receive_timeout_ms=3000))
reader.open()
relay = Relay()
writer = MessageWriter(**service("mqtt", **options))
writer.open()
relay.hold_requests()
first = Call(lambda: writer.publish(bytes(BYTES)))
first.ended(1)
relay.cut_once()
first.ended(WITHIN_S)
second = Call(lambda: writer.publish(b"connected again"))
second.ended(5)
conclude(
    "sinetstream.error" not in first.outcome and "returned" not in first.outcome,
    f"cut off while it sends: publish() {first.outcome} within {WITHIN_S} s\n"
    f"after that, from another thread: publish() {second.outcome[:8]}, "
    f"and the reader gets {[message.value[:20] for message in reader]}",
)
