"""A correct asynchronous writer whose promises are safe only in the way that it settles them."""

from __future__ import annotations

import threading
from typing import Any

from promise import Promise

from sinetstream_broken.async_writer import PlainPromises


class LockedPromise(Promise[Any]):
    """Takes a lock of its own, for ``then`` and for :meth:`settle`, but not for ``do_resolve``."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.settled = threading.Event()
        super().__init__()

    def then(self, did_fulfill: Any = None, did_reject: Any = None) -> Any:
        with self.lock:
            return super().then(did_fulfill, did_reject)

    def get(self, timeout: float | None = None) -> Any:
        self.settled.wait(timeout)
        with self.lock:
            return self._target_settled_value(_raise=True)

    def settle(self, number: int, failure: OSError | None) -> None:
        """Called on the client's thread."""
        with self.lock:
            if failure is None:
                self.do_resolve(number)
            else:
                self.do_reject(failure)
        self.settled.set()


class LockedAsyncWriter(PlainPromises):
    """Settles its promises under their lock."""

    def publish(self, message: bytes) -> Any:
        client = self.check(message)
        number = client.number()
        promise = self.outstanding[number] = LockedPromise()
        client.send(message, number)
        return promise

    def confirmed(self, number: int, failure: OSError | None) -> None:
        promise = self.outstanding.pop(number, None)
        if promise is not None:
            promise.settle(number, failure)
