"""The guide's AsyncMessageWriter program (§2.2.4), read back afterwards."""

# ruff: noqa: T201 - its output is what the test looks at

import json
import sys
import threading

from sinetstream import AsyncMessageWriter, MessageReader

how = json.loads(sys.argv[1])
messages = ["one", "zwei", "三"]


def on_publish(_):
    """Print that a message is out."""
    print("success", flush=True)


with AsyncMessageWriter(**how) as writer:
    for message in messages:
        writer.publish(message).then(on_publish)

print("threads", threading.active_count())
with MessageReader(**how) as reader:
    for message in reader:
        print(f"value={message.value}")
