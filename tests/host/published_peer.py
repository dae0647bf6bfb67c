"""The published host at the other end of a pipe; runs under a Python that has ``sinetstream``.

Each request is a pickled (operation, parameters, items) on standard input, each answer a pickled
list with one entry for each item: ("ok", value) or ("error", its type's name, its text).
"""

import logging
import pickle
import sys

from sinetstream import MessageReader, MessageWriter

waiting = []
"""The broker between the published writer and reader: payloads that nobody has read yet."""


class Memory:
    def __init__(self, confver, params):
        pass

    def open(self):
        pass

    def close(self):
        pass

    def metrics(self):
        return None

    def reset_metrics(self):
        pass

    def publish(self, message):
        waiting.append(bytes(message))

    def __iter__(self):
        return self

    def __next__(self):
        return waiting.pop(), "t", None


class MemoryEntryPoint:
    @staticmethod
    def load():
        return Memory


MessageReader.registry.register("memory", MemoryEntryPoint)
MessageWriter.registry.register("memory", MemoryEntryPoint)


def encode(params, items):
    writer = MessageWriter(topic="t", type="memory", no_config=True, **params)

    def publish(item):
        writer.publish(item[0], item[1] / 1_000_000)
        return waiting.pop()

    return [answer(publish, item) for item in items]


def decode(params, items):
    reader = iter(MessageReader(topics="t", type="memory", no_config=True, **params))

    def read(data):
        waiting.append(data)
        message = next(reader)
        return message.value, message.timestamp_us

    return [answer(read, data) for data in items]


def answer(call, item):
    try:
        return "ok", call(item)
    except Exception as error:  # noqa: BLE001 - it is told
        return "error", type(error).__name__, str(error)


def main():
    logging.disable(logging.CRITICAL)
    out = sys.stdout.buffer
    while True:
        try:
            operation, params, items = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump({"encode": encode, "decode": decode}[operation](params, items), out)
        out.flush()


if __name__ == "__main__":
    main()
