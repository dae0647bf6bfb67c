"""Promises that are pending when an MQTT AsyncMessageWriter is closed."""

import time

from published import conclude, fresh_topic, service
from sinetstream import AsyncMessageWriter

MESSAGES = 500

writer = AsyncMessageWriter(**service("mqtt", topic=fresh_topic()))
writer.open()
promises = [writer.publish(b"%d" % number) for number in range(MESSAGES)]
writer.close()
time.sleep(3)
pending = sum(promise.is_pending for promise in promises)
conclude(pending > 0, f"{pending} of {MESSAGES} promises are pending 3 s after close() returned")
