"""A correct asynchronous writer that tries again for a while before it rejects."""

from __future__ import annotations

import time
from dataclasses import replace

from sinetstream_broken.correct import MemoryWriter
from sinetstream_broken.one_role import OneRoleHarness
from sinetstream_sdk.publishing import PublishingAsyncWriter

TRIES_S = 2.0


class RetryingHarness(OneRoleHarness):
    """Declares that trying again may take longer than a delivery."""

    capabilities = replace(
        OneRoleHarness.capabilities,
        delivered_within_s=TRIES_S / 2,
        recovered_within_s=3 * TRIES_S,
    )


class RetryingWriter(MemoryWriter):
    """Tries again what the broker refuses."""

    def send(self, message: bytes) -> None:
        end = time.monotonic() + TRIES_S
        while True:
            try:
                super().send(message)
                return
            except BrokenPipeError:
                if time.monotonic() >= end:
                    raise
            time.sleep(0.05)


class RetryingAsyncWriter(PublishingAsyncWriter):
    """Tries again what the broker refuses."""

    writer_class = RetryingWriter
