"""Messages of one partition as a Kafka AsyncMessageReader hands them on."""

import random
import threading
import time
from itertools import pairwise

from published import conclude, fresh_topic, ready, service
from sinetstream import AsyncMessageReader, MessageWriter
from sinetstream.api import Message

topic = fresh_topic()
ready("kafka", topic)
lock = threading.Lock()
seen: list[tuple[int, int]] = []
running, most = 0, 0


def on_message(message: Message) -> None:
    """Note partition and offset, and work for a moment."""
    global running, most
    with lock:
        running += 1
        most = max(most, running)
    time.sleep(random.uniform(0, 0.003))
    with lock:
        running -= 1
        seen.append((message.raw.partition, message.raw.offset))


reader = AsyncMessageReader(**service("kafka", topic=topic))
reader.on_message = on_message
reader.open()
with MessageWriter(**service("kafka", topic=topic)) as writer:
    end = time.monotonic() + 30
    while len(seen) < 400 and time.monotonic() < end:
        writer.publish(b"hello")
time.sleep(1)
late = sum(
    a_offset > b_offset and a_part == b_part
    for (a_part, a_offset), (b_part, b_offset) in pairwise(sorted(seen, key=lambda one: one[0]))
)
conclude(
    late > 0 or most > 1,
    f"{late} of {len(seen)} messages came after a later one of their partition; "
    f"up to {most} callbacks ran at once",
)
