"""A correct asynchronous writer that gathers messages, and rejects in close() what is not sent."""

from __future__ import annotations

import queue

from sinetstream_broken.handmade import Client, HandmadeAsyncWriter


class BatchingClient(Client):
    """Sends what it has once nothing more has come for a while."""

    linger_s = 0.1

    def disconnect(self, *, drain: bool = True) -> None:
        """End the thread; what waits is not sent."""
        super().disconnect(drain=False)

    def _run(self) -> None:
        batch: list[tuple[int, bytes]] = []
        while True:
            try:
                entry = self._queue.get(timeout=self.linger_s if batch else None)
            except queue.Empty:
                for number, message in batch:
                    self._send(number, message)
                batch.clear()
                continue
            if entry is None:
                return
            batch.append(entry)


class BatchingAsyncWriter(HandmadeAsyncWriter):
    """Of what is published just before close() nothing is sent, and every promise rejected."""

    client_class = BatchingClient
