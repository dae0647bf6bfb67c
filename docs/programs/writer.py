from sinetstream_sdk import MessageWriter

with MessageWriter(service='kafka-service') as writer:
    for message in messages:
        writer.publish(message)
