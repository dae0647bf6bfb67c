from sinetstream_sdk import MessageReader

with MessageReader(service='kafka-service') as reader:
    for message in reader:
        print(f'value={message.value}')
