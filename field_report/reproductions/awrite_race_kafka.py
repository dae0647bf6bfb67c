"""Waiting with get() for a promise of the Kafka plugin just while another thread fulfils it.

A `promise.Promise` is marked as fulfilled first and given its value after that. The plugin's lock
is held by `then()`, not by `get()`. Here the moment between the two is stretched to 20 ms, as a busy
machine may stretch it; nothing else is changed.
"""

import time

from promise import Promise
from published import conclude, confver, fresh_topic, plugin_params, ready
from sinetstreamplugin.kafka import KafkaAsyncWriter

MESSAGES = 20


def put_late(promise: Promise, value: object) -> None:
    """Give a fulfilled promise its value, and do so late."""
    if promise.is_fulfilled:
        time.sleep(0.02)
    promise.__dict__["value"] = value


KafkaAsyncWriter.AsyncWriterPromise._rejection_handler0 = property(
    lambda promise: promise.__dict__.get("value"), put_late
)
topic = fresh_topic()
ready("kafka", topic)
writer = KafkaAsyncWriter(confver(), plugin_params(topic=topic))
writer.open()
empty = 0
for number in range(MESSAGES):
    promise = writer.publish(b"%d" % number)
    while promise.is_pending:
        time.sleep(0.0001)
    empty += promise.get(10) is None
conclude(empty > 0, f"get() gave None for {empty} of {MESSAGES} messages, and not their metadata")
