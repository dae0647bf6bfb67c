"""A promise of an MQTT AsyncMessageWriter whose acknowledgement comes before it is registered.

The plugin sends, asks whether the acknowledgement is there, and registers the promise if it is not.
Here the pause before it registers is stretched to 100 ms, as a busy machine may stretch it; nothing
else is changed.
"""

import time

from published import conclude, fresh_topic, service
from sinetstream import AsyncMessageWriter
from sinetstreamplugin.mqtt import MqttAsyncWriter

MESSAGES = 20
register = MqttAsyncWriter._add_on_publish


def late(*arguments: object) -> None:
    """Register as the plugin does, and later."""
    time.sleep(0.1)
    register(*arguments)


MqttAsyncWriter._add_on_publish = late
writer = AsyncMessageWriter(**service("mqtt", topic=fresh_topic()))
writer.open()
promises = [writer.publish(b"%d" % number) for number in range(MESSAGES)]
end = time.monotonic() + 10
while time.monotonic() < end and any(promise.is_pending for promise in promises):
    time.sleep(0.1)
pending = sum(promise.is_pending for promise in promises)
conclude(
    pending > 0,
    f"{pending} of {MESSAGES} promises are pending 10 s after the last publish(), "
    f"and {len(writer._plugin._callbacks)} acknowledgements are still waited for",
)
