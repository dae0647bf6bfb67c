from sinetstream_sdk import AsyncMessageReader

def show_message(message):
    print(f'value={message.value}')

reader = AsyncMessageReader(service='kafka-service')
reader.on_message = show_message
reader.open()

other_work()

reader.close()
