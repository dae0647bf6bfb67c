"""Correct writers on a broker that takes its time over each acknowledgement."""

from __future__ import annotations

import threading
import time
from typing import Any

from sinetstream_broken.correct import MemoryWriter
from sinetstream_broken.one_role import OneRoleHarness
from sinetstream_conformance import Capabilities
from sinetstream_sdk.consistency import Consistency
from sinetstream_sdk.publishing import PublishingAsyncWriter

ACKNOWLEDGED_S = 0.4


class SlowHarness(OneRoleHarness):
    """Declares no other times than those that hold by default."""

    capabilities = Capabilities(consistencies=(Consistency.AT_LEAST_ONCE,))


class SlowWriter(MemoryWriter):
    """Sends one message at a time, whichever thread it comes from."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lock = threading.Lock()

    def send(self, message: bytes) -> None:
        with self.lock:
            time.sleep(ACKNOWLEDGED_S)
            super().send(message)


class SlowAsyncWriter(PublishingAsyncWriter):
    """Sends one message after another."""

    writer_class = SlowWriter
