"""Plugins one of whose methods never comes back; the tests of the kit itself use them."""

from __future__ import annotations

import threading
from typing import Any

from sinetstream_broken.broker import Letter, Subscription
from sinetstream_broken.correct import (
    MemoryAsyncReader,
    MemoryAsyncWriter,
    MemoryReader,
    MemoryWriter,
)
from sinetstream_broken.marking import breaks

FOR_EVER_S = 3600.0


def wait_for_the_broker() -> None:
    """Wait for something that never happens."""
    threading.Event().wait(FOR_EVER_S)


@breaks("READ-TIMEOUT", role="reader", says=("next() was still running", "wait_for_the_broker()"))
class NextHangs(MemoryReader):
    """``next()`` hangs when there is no message."""

    def take(self, subscription: Subscription) -> Letter | None:
        letter = self.broker.take(subscription, 0.02)
        if letter is None:
            wait_for_the_broker()
        return letter


@breaks("LIFE-CLOSE", role="reader", says=("close() was still running", "wait_for_the_broker()"))
class CloseHangs(MemoryReader):
    """``close()`` hangs."""

    def close(self) -> None:
        super().close()
        wait_for_the_broker()


@breaks(
    "WRITE-CLOSED", role="writer", says=("publish() was still running", "wait_for_the_broker()")
)
class PublishHangs(MemoryWriter):
    """``publish()`` hangs."""

    def publish(self, message: bytes) -> None:
        wait_for_the_broker()


@breaks(
    "AWRITE-CLOSE", role="async_writer", says=("close() was still running", "wait_for_the_broker()")
)
class AsyncWriterCloseHangs(MemoryAsyncWriter):
    """``close()`` hangs."""

    def close(self) -> None:
        super().close()
        wait_for_the_broker()


@breaks(
    "AREAD-CLOSE", role="async_reader", says=("close() was still running", "wait_for_the_broker()")
)
class AsyncReaderCloseHangs(MemoryAsyncReader):
    """``close()`` hangs."""

    def close(self) -> None:
        super().close()
        wait_for_the_broker()


@breaks(
    "AWRITE-NONBLOCK",
    role="async_writer",
    says=("publish() was still running", "wait_for_the_broker()"),
)
class AsyncPublishHangs(MemoryAsyncWriter):
    """``publish()`` hangs."""

    def publish(self, message: bytes) -> Any:
        wait_for_the_broker()
