"""The guide's MessageReader program (§2.2.1), on messages that wait in the queue."""

# ruff: noqa: T201 - its output is what the test looks at

import json
import sys

from sinetstream import MessageReader, MessageWriter

how = json.loads(sys.argv[1])

with MessageWriter(**how) as writer:
    for text in ("one", "zwei", "三"):
        writer.publish(text)

with MessageReader(**how) as reader:
    for message in reader:
        print(f"value={message.value} topic={message.topic} stamped={message.timestamp > 0}")
