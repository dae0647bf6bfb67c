"""What a kafka AsyncMessageReader says when its connection is lost for good."""

import time
from contextlib import suppress

from published import conclude, fresh_topic, ready, service
from relay import Relay
from sinetstream import AsyncMessageReader

WITHIN_S = 20

topic = fresh_topic()
ready("kafka", topic)
relay = Relay()
told: list[object] = []
reader = AsyncMessageReader(**service("kafka", topic=topic))
reader.on_message = print
with suppress(AttributeError):  # which is another finding
    reader.on_failure = lambda error, **more: told.append(error)
reader.open()
time.sleep(2)
relay.cut()
time.sleep(WITHIN_S)
conclude(not told, f"{WITHIN_S} s after the connection was lost, on_failure was told: {told}")
