"""TEST FIXTURE: the developer guide's queue plugin (§4) in its own form, with its own faults.

The conformance kit must judge this NOT CONFORMANT and name what is wrong, so nothing here is to be
mended. The one difference is where the base classes and the error come from: the guide imports them
from ``sinetstream``, this from ``sinetstream_sdk``. For the example done right, see
``reference_plugins/queue``.

Faults, as the guide has them: constructors that take ``params`` alone and read nothing but
``params['topic']``; an error without a message; a generator that raises ``StopIteration``
(PEP 479); ``close()`` that wakes nobody; ``publish()`` that takes anything and fails with
``AttributeError`` when not open; a thread pool behind ``Promise.cast``; a delivery loop that dies
of the first callback that raises, drops what comes while no callback is set, and never calls
``on_failure``.
"""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from math import inf
from queue import Empty, Queue

from promise import Promise

from sinetstream_sdk.errors import InvalidArgumentError
from sinetstream_sdk.spi import (
    PluginAsyncMessageReader,
    PluginAsyncMessageWriter,
    PluginMessageReader,
    PluginMessageWriter,
)

queues = defaultdict(Queue)


class QueueWriter(PluginMessageWriter):
    def __init__(self, params):
        self._queue = None
        self._topic = params.get("topic")
        if self._topic is None or not isinstance(self._topic, str):
            raise InvalidArgumentError()

    def open(self):
        self._queue = queues[self._topic]

    def close(self):
        self._queue = None

    def publish(self, value):
        self._queue.put(value)


class QueueReader(PluginMessageReader):
    def __init__(self, params):
        self._queue = None
        self._topic = params.get("topic")
        if self._topic is None or not isinstance(self._topic, str):
            raise InvalidArgumentError()
        timeout_ms = params.get("receive_timeout_ms", inf)
        self._timeout = timeout_ms / 1000.0 if timeout_ms != inf else None

    def open(self):
        self._queue = queues[self._topic]

    def close(self):
        self._queue = None

    def __iter__(self):
        while True:
            try:
                value = self._queue.get(timeout=self._timeout)
                raw = value
                yield value, self._topic, raw
            except Empty:
                raise StopIteration()  # noqa: B904 - the guide's fault


class QueueAsyncWriter(PluginAsyncMessageWriter):
    def __init__(self, params):
        self._queue = None
        self._topic = params.get("topic")
        if self._topic is None or not isinstance(self._topic, str):
            raise InvalidArgumentError()
        self._executor = None

    def open(self):
        self._executor = ThreadPoolExecutor()
        self._queue = queues[self._topic]

    def close(self):
        self._queue = None
        self._executor.shutdown()

    def publish(self, value):
        future = self._executor.submit(lambda: self._queue.put(value))
        return Promise.cast(future)


class QueueAsyncReader(PluginAsyncMessageReader):
    def __init__(self, params):
        self._queue = None
        self._topic = params.get("topic")
        if self._topic is None or not isinstance(self._topic, str):
            raise InvalidArgumentError()
        self._on_message = None
        self._on_failure = None
        self._reader_executor = None
        self._future = None
        self._closed = True

    def open(self):
        if self._closed:
            self._queue = queues[self._topic]
            self._reader_executor = ThreadPoolExecutor(max_workers=1)
            self._closed = False
            self._future = self._reader_executor.submit(self._reader_loop)

    def _reader_loop(self):
        while not self._closed:
            try:
                value = self._queue.get(timeout=0.1)
                raw = value
                if self._on_message is not None:
                    self._on_message(value, self._topic, raw),  # fmt: skip
            except Empty:
                pass

    def close(self):
        if not self._closed:
            self._queue = None
            self._future.cancel()
            self._reader_executor.shutdown()
            self._reader_executor = None
            self._future = None
            self._closed = True

    @property
    def on_message(self):
        return self._on_message

    @on_message.setter
    def on_message(self, on_message):
        self._on_message = on_message

    @property
    def on_failure(self):
        return self._on_failure

    @on_failure.setter
    def on_failure(self, on_failure):
        self._on_failure = on_failure
