"""The guide's AsyncMessageReader program (§2.2.3), with the other work being to publish."""

# ruff: noqa: T201 - its output is what the test looks at

import json
import sys
import threading

from sinetstream import AsyncMessageReader, MessageWriter

how = json.loads(sys.argv[1])
messages = ["one", "zwei", "三"]
all_shown = threading.Event()
shown = 0


def show_message(message):
    """Print one message."""
    global shown
    print(f"value={message.value}", flush=True)
    shown += 1
    if shown == len(messages):
        all_shown.set()


reader = AsyncMessageReader(**how)
reader.on_message = show_message
reader.open()

with MessageWriter(**how) as writer:
    for text in messages:
        writer.publish(text)
print("in time" if all_shown.wait(20) else "too late")

reader.close()
print("threads", threading.active_count())
