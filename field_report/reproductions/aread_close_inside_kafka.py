"""close() of a Kafka AsyncMessageReader from its own callback."""

import time

from published import conclude, fresh_topic, ready, service
from sinetstream import AsyncMessageReader, MessageWriter
from sinetstream.api import Message

topic = fresh_topic()
ready("kafka", topic)
told: list[str] = []


def on_message(message: Message) -> None:
    """Close the reader, as a program does that has seen what it waited for."""
    call = "close() inside on_message"
    try:
        reader.close()
        told.append(f"{call} returned")
    except Exception as error:  # noqa: BLE001 - whatever comes is what is shown
        told.append(f"{call} raised {type(error).__name__}: {error}")


reader = AsyncMessageReader(**service("kafka", topic=topic))
reader.on_message = on_message
reader.open()
with MessageWriter(**service("kafka", topic=topic)) as writer:
    end = time.monotonic() + 30
    while not told and time.monotonic() < end:
        writer.publish(b"hello")
        time.sleep(0.2)
said = told[0] if told else "close() inside on_message does not return within 30 s"
conclude(not told or "raised" in said, said)
