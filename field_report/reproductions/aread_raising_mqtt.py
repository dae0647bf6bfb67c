"""A callback of a mqtt AsyncMessageReader that raises once."""

import sys
import time
from contextlib import suppress

from published import UNTRIED, conclude, fresh_topic, ready, service
from sinetstream import AsyncMessageReader, MessageWriter
from sinetstream.api import Message

topic = fresh_topic()
ready("mqtt", topic)
seen, failures = [], []


def on_message(message: Message) -> None:
    """Raise for the message that says so."""
    seen.append(message.value)
    if message.value == b"raise":
        raise ValueError("raised by on_message")


reader = AsyncMessageReader(**service("mqtt", topic=topic))
reader.on_message = on_message
with suppress(AttributeError):  # see aread_on_failure_mqtt.py
    reader.on_failure = lambda error, traceback=None: failures.append(error)
reader.open()
with MessageWriter(**service("mqtt", topic=topic)) as writer:
    end = time.monotonic() + 20
    while not seen and time.monotonic() < end:
        writer.publish(b"is anybody there")
        time.sleep(0.2)
    if not seen:
        sys.exit(UNTRIED)
    writer.publish(b"raise")
    time.sleep(2)
    for _ in range(3):
        writer.publish(b"afterwards")
    time.sleep(3)
conclude(
    not failures or b"afterwards" not in seen,
    f"of 3 messages after the one whose callback raised, {seen.count(b'afterwards')} arrived; "
    f"on_failure was called {len(failures)} times",
)
