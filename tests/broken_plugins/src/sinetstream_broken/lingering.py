"""A correct plugin whose messages take half a second from publish() to a reader."""

from __future__ import annotations

from sinetstream_broken.batching import BatchingAsyncWriter, BatchingClient
from sinetstream_broken.correct import BROADCAST, BroadcastHarness, BroadcastReader


class LingeringClient(BatchingClient):
    """Waits half a second for more before it sends what it has."""

    linger_s = 0.5


class LingeringReader(BroadcastReader):
    """Gets what is published while it is open."""


class LingeringAsyncWriter(BatchingAsyncWriter):
    """Gathers messages for half a second."""

    broker = BROADCAST
    client_class = LingeringClient


class LingeringHarness(BroadcastHarness):
    """The harness of publish/subscribe that keeps nothing."""
