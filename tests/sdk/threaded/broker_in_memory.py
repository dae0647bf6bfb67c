"""A broker that is a list, with a synchronous reader and writer that tests can hold up.

It is passed as the parameter ``broker``. Reader and writer tell it what was done, and on which
thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from provoking import DEADLINE_S, eventually

from sinetstream_sdk.errors import ConnectionError  # noqa: A004 - the published name
from sinetstream_sdk.spi import PluginMessageReader, PluginMessageWriter


class Broker:
    def __init__(self):
        self.changed = threading.Condition()
        self.messages: deque = deque()
        self.errors: deque = deque()
        """What the next calls of next() or publish() raise; None lets one call pass."""
        self.published: list = []
        self.log: list = []
        """What was called, with the thread that did it."""
        self.down = False
        self.close_error: BaseException | None = None
        self.let_pass = threading.Event()
        """Cleared, it holds up publish(), and next() that has got a message."""
        self.let_pass.set()
        self.held_up = threading.Event()
        """Set while something is held up."""

    def put(self, *messages):
        with self.changed:
            self.messages.extend(messages)
            self.changed.notify_all()

    def note(self, what):
        self.log.append((what, threading.current_thread()))

    def count(self, what):
        return [entry for entry, _ in self.log].count(what)

    def pause(self):
        if not self.let_pass.is_set():
            self.held_up.set()
            assert self.let_pass.wait(DEADLINE_S)

    def raise_what_is_due(self):
        error = self.errors.popleft() if self.errors else None
        if error is not None:
            raise error


class _Client:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.topic = self.params.topic()
        self.broker: Broker = self.params["broker"]

    def open(self):
        self.broker.note("open")
        if self.broker.down:
            raise ConnectionError("the broker is down")

    def close(self):
        self.broker.note("close")
        if self.broker.close_error is not None:
            raise self.broker.close_error

    def metrics(self):
        return {"published": len(self.broker.published)}

    def reset_metrics(self):
        self.broker.note("reset")

    def info(self, path, options):
        return path, options


class ListReader(_Client, PluginMessageReader):
    def __iter__(self):
        self.broker.note("iter")
        deadline = time.monotonic() + self.params.receive_timeout_s()
        while True:
            self.broker.note("next")
            self.broker.raise_what_is_due()
            with self.broker.changed:
                self.broker.changed.wait_for(
                    lambda: self.broker.messages, deadline - time.monotonic()
                )
                if not self.broker.messages:
                    return
                message = self.broker.messages.popleft()
            self.broker.pause()
            yield message, self.topic, ("raw", message)
            deadline = time.monotonic() + self.params.receive_timeout_s()


class ListWriter(_Client, PluginMessageWriter):
    def publish(self, message):
        self.broker.note("publish")
        self.broker.pause()
        self.broker.raise_what_is_due()
        self.broker.published.append(message)
        return len(self.broker.published)


def threads_of(role_class):
    return [t for t in threading.enumerate() if t.name == f"sinetstream {role_class.__name__}"]


def no_thread_of(role_class):
    return eventually(lambda: not threads_of(role_class))
