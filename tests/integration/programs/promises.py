"""What becomes of the promises that the published AsyncMessageWriter passes on to its user."""

# ruff: noqa: T201 - its output is what the test looks at

import sys
import threading
from collections import Counter
from itertools import count
from unittest.mock import patch

import sinetstream

from sinetstream_queue.plugin import broker
from sinetstream_sdk import errors

ROUNDS = 300
outcomes = Counter()
lock = threading.Lock()
calls = count()


def note(outcome):
    """Count one outcome."""
    with lock:
        outcomes[outcome] += 1


def flaky_put(topic, payload, put=broker.put):
    """Refuse every third message."""
    if next(calls) % 3 == 0:
        raise errors.ConnectionError("the broker is gone")
    put(topic, payload)


sys.setswitchinterval(1e-5)
how = {"no_config": True, "type": "queue", "topic": "sensors", "receive_timeout_ms": 0}

with (
    patch.object(broker, "put", flaky_put),
    sinetstream.AsyncMessageWriter(**how) as writer,
):
    for number in range(ROUNDS):
        writer.publish(b"%d" % number).then(
            lambda _: note("fulfilled"),
            lambda error: note(
                "rejected" if isinstance(error, sinetstream.ConnectionError) else repr(error)
            ),
        )
    writer.publish(b"refused").catch(lambda _: note("catch"))
    writer.publish(b"last").then(lambda _: note("then"))
    counted = writer.metrics

with sinetstream.MessageReader(**how) as reader:
    received = [message.value for message in reader]

print(dict(sorted(outcomes.items())))
print("received", len(received), "in order", received[:-1] == sorted(received[:-1], key=int))
print("published", counted.msg_count_total)
