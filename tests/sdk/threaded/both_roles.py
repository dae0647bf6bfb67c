"""An asynchronous reader and an asynchronous writer, with what their tests have in common."""

from __future__ import annotations

from broker_in_memory import ListReader, ListWriter

from sinetstream_sdk.polling import PollingAsyncReader
from sinetstream_sdk.publishing import PublishingAsyncWriter


class Reader(PollingAsyncReader):
    reader_class = ListReader
    poll_ms = 20

    def inside(self, action):
        """Have ``action`` run inside a callback."""
        self.on_message = lambda *_: action()
        self.wrapped.broker.put(b"x")


class Writer(PublishingAsyncWriter):
    writer_class = ListWriter

    def inside(self, action):
        """Have ``action`` run inside a callback on the thread of the writer."""
        broker = self.wrapped.broker
        broker.let_pass.clear()
        self.publish(b"x").done(lambda _: action())
        broker.let_pass.set()
