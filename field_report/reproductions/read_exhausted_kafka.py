"""A Kafka reader's iterator after its end: it goes on."""

from published import conclude, confver, fresh_topic, plugin_params, ready
from sinetstreamplugin.kafka import KafkaReader, KafkaWriter

topic = fresh_topic()
ready("kafka", topic)
reader = KafkaReader(confver(), plugin_params(topics=topic, receive_timeout_ms=5000))
reader.open()
writer = KafkaWriter(confver(), plugin_params(topic=topic))
writer.open()
iterator = iter(reader)
first = list(iterator)  # until StopIteration
writer.publish(b"after the end")
again = next(iterator, None)
conclude(
    again is not None,
    f"after StopIteration the same iterator gives {again[0] if again else 'nothing more'!r}",
)
