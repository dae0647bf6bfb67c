"""A message of an MQTT writer under EXACTLY_ONCE whose last acknowledgement is lost."""

from published import Call, conclude, fresh_topic, service
from relay import Relay
from sinetstream import MessageReader, MessageWriter

PUBREC_BYTES = 4

topic = fresh_topic()
options = {"topic": topic, "consistency": "EXACTLY_ONCE"}
reader = MessageReader(**service("mqtt", **options, receive_timeout_ms=5000))
reader.open()
relay = Relay()
writer = MessageWriter(**service("mqtt", **options))
writer.open()
relay.hold_answers(after=PUBREC_BYTES)
call = Call(lambda: writer.publish(b"hello"))
first = next(iter(reader)).value  # mosquitto has had PUBREL; its PUBCOMP does not pass
relay.cut_once()
call.ended(30)
copies = [first, *(message.value for message in reader)]
conclude(
    len(copies) > 1, f"one publish(), which {call.outcome.split()[0]}; the reader got {copies}"
)
