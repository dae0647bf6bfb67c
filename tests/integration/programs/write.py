"""The guide's MessageWriter program (§2.2.2), with a look at what the broker then holds."""

# ruff: noqa: T201 - its output is what the test looks at

import json
import sys

from sinetstream import MessageWriter

from sinetstream_queue.plugin import QueueReader

how = json.loads(sys.argv[1])
messages = ["one", "zwei", "三"]

with MessageWriter(**how) as writer:
    for message in messages:
        writer.publish(message)

reader = QueueReader({"topic": "sensors", "receive_timeout_ms": 0})
reader.open()
for payload, topic, _ in reader:
    print(type(payload).__name__, topic, *(text for text in messages if text.encode() in payload))
reader.close()
