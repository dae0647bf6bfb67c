"""The promise of a message that is under way when an MQTT AsyncMessageWriter is cut off."""

import time

from published import conclude, fresh_topic, service
from relay import Relay
from sinetstream import AsyncMessageWriter

WITHIN_S = 20

relay = Relay()
writer = AsyncMessageWriter(**service("mqtt", topic=fresh_topic()))
writer.open()
relay.hold_answers()
promise = writer.publish(b"under way when the connection is lost")
relay.cut()
time.sleep(WITHIN_S)
conclude(
    promise.is_pending,
    f"{WITHIN_S} s after the connection was lost, and none can be had, the promise is "
    f"{'pending' if promise.is_pending else 'settled'}",
)
