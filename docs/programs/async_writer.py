from sinetstream_sdk import AsyncMessageWriter

def on_publish(_):
    print("success")

with AsyncMessageWriter(service='kafka-service') as writer:
    for message in messages:
        writer.publish(message).then(on_publish)
