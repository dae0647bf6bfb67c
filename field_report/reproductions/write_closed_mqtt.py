"""publish() of a mqtt writer after close(), on the plugin's own classes."""

from published import Call, conclude, confver, fresh_topic, plugin_params, ready
from sinetstreamplugin.mqtt import MqttAsyncWriter, MqttWriter

topic = fresh_topic()
ready("mqtt", topic)
wrong = []
for cls in (MqttWriter, MqttAsyncWriter):
    writer = cls(confver(), plugin_params(topic=topic))
    writer.open()
    writer.close()
    call = Call(lambda writer=writer: writer.publish(b"hello"))
    call.ended(5)
    if "sinetstream.error" not in call.outcome:
        wrong.append(f"{cls.__name__}.publish() after close() {call.outcome}")
conclude(bool(wrong), "\n".join(wrong))
