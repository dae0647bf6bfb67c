"""publish() of an MQTT MessageWriter that loses its connection, before and while it is called."""

from published import Call, conclude, fresh_topic, service
from relay import Relay
from sinetstream import MessageReader, MessageWriter

WITHIN_S = 12

topic = fresh_topic()
reader = MessageReader(**service("mqtt", topic=topic, receive_timeout_ms=10_000))
reader.open()
relay = Relay()
writer = MessageWriter(**service("mqtt", topic=topic))
writer.open()
relay.hold_answers()
waiting = Call(lambda: writer.publish(b"under way"))
waiting.ended(1)
relay.cut()
waiting.ended(WITHIN_S)
seen = [f"under way when the connection is lost: publish() {waiting.outcome} within {WITHIN_S} s"]
late = Call(lambda: writer.publish(b"too late"))
late.ended(5)
seen += [f"after that: publish() {late.outcome}"]
wrong = [call for call in (waiting, late) if "sinetstream.error" not in call.outcome]
relay.take_again()
seen += [f"connected again: the reader gets {[message.value for message in reader]}"]
conclude(bool(wrong), "\n".join(seen))
