"""A polling reader that notes for how long it rests."""

from __future__ import annotations

from broker_in_memory import ListReader

from sinetstream_sdk.polling import PollingAsyncReader


class Reader(PollingAsyncReader):
    reader_class = ListReader
    poll_ms = 20
    retry_ms = 1

    rests: list = []  # noqa: RUF012 - replaced by the fixture

    def _rest(self, seconds):
        self.rests.append(seconds)
        super()._rest(seconds)
