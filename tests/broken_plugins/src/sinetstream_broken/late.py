"""An asynchronous reader that calls back after close(), when the check that closed it has ended."""

from __future__ import annotations

import threading
import time

from sinetstream_broken.broker import Letter
from sinetstream_broken.handmade import HandmadeAsyncReader
from sinetstream_broken.marking import breaks


@breaks(
    "AREAD-ON-MESSAGE",
    role="async_reader",
    says=(
        "no callback once close() has returned (AREAD-CLOSE)",
        "on_message was called after close() and after the check had ended",
    ),
)
class CallsBackLate(HandmadeAsyncReader):
    """Delivers the last message once more when it has been closed, from a thread left behind."""

    last: Letter | None = None

    def deliver(self, letter: Letter) -> None:
        self.last = letter
        super().deliver(letter)

    def close(self) -> None:
        opened = self.subscription is not None
        super().close()
        if opened and self.last is not None:
            threading.Thread(target=self.flush, args=(self.last,), daemon=True).start()

    def flush(self, letter: Letter) -> None:
        """Deliver what may have been forgotten."""
        time.sleep(1.0)
        super().deliver(letter)
