"""A connection to a broker that is kept up, and the thread that alone works it.

For client libraries that leave the waiting to their user: they have a socket, are told when it can
be read or written, and call back from there. Since one thread does all of that, the client's own
locks are never waited for, what it calls back may do anything, and ``close()`` ends in time.

:mod:`sinetstream_sdk.linked` makes roles of a link; :mod:`~sinetstream_sdk.inbox` and
:mod:`~sinetstream_sdk.outbox` hold what goes over it.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from sinetstream_sdk import errors
from sinetstream_sdk.failures import as_exception

__all__ = ["IDLE_S", "Link"]

logger = logging.getLogger(__name__)

IDLE_S = 1.0
"""How long the thread sleeps at most; it is woken when there is something to do."""

_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Link(ABC):
    """From ``open()`` to ``close()``; a link is not opened again.

    What breaks is connected again, after a pause that doubles from one attempt to the next.

    :param broker: where the broker is, for error messages
    :param open_timeout_s: how long ``open()`` waits for the broker's consent, and how long an
        attempt to connect again may take
    :param recovery_timeout_s: how long a break may last before :meth:`gone` tells of it
    :param delays_s: the first and the longest pause before connecting again
    :param reconnects: whether to connect again at all
    """

    drain_s: ClassVar[float] = 5.0
    """How long ``close()`` gives to what is under way, and as long again to the disconnection."""

    awaited: str = "no answer"
    """What has not come if the broker is silent; ends the sentence of an error."""

    def __init__(
        self,
        broker: str,
        *,
        open_timeout_s: float = 10.0,
        recovery_timeout_s: float = 10.0,
        delays_s: tuple[float, float] = (1.0, 120.0),
        reconnects: bool = True,
    ) -> None:
        self.broker = broker
        self.failure: Exception | None = None
        """What the last break or attempt failed with; None while the link is up."""
        self._open_timeout_s = open_timeout_s
        self._recovery_timeout_s = recovery_timeout_s
        self._delays_s = delays_s
        self._reconnects = reconnects
        self._changed = threading.Condition()
        self._up = self._opened = self._stopping = self._over = self._woken = False
        self._unexplained = False
        self._down_since: float | None = None
        self._retry_at = self._stop_by = 0.0
        self._delay_s = delays_s[0]
        self._thread = threading.Thread(
            target=self._main, name=f"sinetstream {type(self).__name__}", daemon=True
        )

    # ---- to be implemented; called on the thread, but for the first connection

    @abstractmethod
    def _connect(self, again: bool) -> None:
        """Make the connection; the broker's consent may come later.

        :param again: False for the first time, on the thread of ``open()``
        :raises SinetError: it cannot be made, in which case nothing is left of it
        :raises OSError: the same, from the client; as is ``ValueError``, for a host's name
        """

    @abstractmethod
    def _socket(self) -> Any:
        """The client's socket, or whatever has its ``fileno()``; None where there is none."""

    @abstractmethod
    def _serve(self, readable: bool, writable: bool) -> None:
        """Read and write what can be, and do what is due; called at least once a second."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Leave the broker in order, and let go of the client."""

    def _wants_write(self) -> bool:
        """Whether the client waits for the socket to become writable."""
        return False

    def _work(self) -> bool:
        """Do what has become possible; say whether there is more to do at once."""
        return False

    def _deadline(self) -> float:
        """The monotonic time at which :meth:`_work` has to be called, whatever comes."""
        return float("inf")

    def _drained(self) -> bool:
        """Whether nothing is under way that ``close()`` should wait for."""
        return True

    def _abandon(self) -> None:
        """Settle what is left; the link is over."""
        return

    # ---- to be called by the implementation, on the thread

    def _came_up(self) -> None:
        """The broker has consented to all that was asked of it."""
        with self._changed:
            self._up, self.failure, self._down_since = True, None, None
            self._delay_s = self._delays_s[0]
            self._changed.notify_all()

    def _went_down(self, error: Exception) -> None:
        """The connection is gone; an earlier failure that explains it is kept."""
        with self._changed:
            if self._up or self.failure is None or self._unexplained:
                self.failure = error
            self._up = self._unexplained = False
            self._down_since = self._down_since or time.monotonic()
            self._retry_at = time.monotonic() + self._delay_s
            self._changed.notify_all()

    # ---- for everybody, on any thread

    @property
    def up(self) -> bool:
        """Whether the broker has consented and the connection stands, as far as is known."""
        return self._up

    def wake(self) -> None:
        """Have the thread look at what there is to do."""
        if self._woken:
            return
        with self._changed:
            if not self._woken and not self._over and self._thread.ident is not None:
                self._woken = True
                os.write(self._wake_in, b"!")

    def gone(self) -> errors.SinetError | None:
        """The error for a break that has lasted so long that users must know; None without one."""
        down = self._down_since
        waited = 0.0 if down is None else time.monotonic() - down
        if self._over or (down is not None and waited >= self._recovery_timeout_s):
            lost = "is closed" if down is None else f"was lost {waited:.0f} s ago"
            why = f": {self.failure}" if self.failure else ""
            return errors.ConnectionError(f"the connection to {self.broker} {lost}{why}")
        return None

    def open(self) -> None:
        """Connect, and wait until the broker has consented.

        :raises ConnectionError: it cannot be reached or did not answer in time
        :raises AuthorizationError: it refused
        """
        self._attempt(again=False)
        self._wake_out, self._wake_in = os.pipe()
        with self._changed:
            self._thread.start()
            self._changed.wait_for(lambda: self._up or self._over, self._open_timeout_s)
            self._opened = self._up
        if not self._opened:
            self.close()
            late = f"{self.awaited} came within {self._open_timeout_s:g} s"
            raise self.failure or errors.ConnectionError(f"cannot connect to {self.broker}: {late}")

    def close(self) -> None:
        """Bring to an end what is under way, disconnect, and wait until the thread has ended.

        On that thread itself, as in the callback of a promise, nothing is waited for.

        :raises SinetError: the thread has not ended in time
        """
        with self._changed:
            if not self._stopping:
                self._stopping = True
                self._stop_by = time.monotonic() + (self.drain_s if self._opened else 0.0)
            self._changed.notify_all()
        self.wake()
        if threading.current_thread() is self._thread or self._thread.ident is None:
            return
        self._thread.join(2 * self.drain_s)
        if self._thread.is_alive():
            raise errors.SinetError(
                f"the thread of the connection to {self.broker} has not ended "
                f"{2 * self.drain_s:g} s after close()"
            )

    # ---- the thread

    def _main(self) -> None:
        try:
            busy = False
            while not self._finished():
                self._turn(0.0 if busy else self._patience_s())
                busy = self._work()
        except BaseException as error:
            logger.exception("%s: the thread ends early", type(self).__name__)
            self.failure = as_exception(error, type(self).__name__)
        finally:
            self._end()

    def _end(self) -> None:
        try:
            self._disconnect()
        except Exception:
            logger.exception("%s: disconnecting failed", type(self).__name__)
        with self._changed:
            self._over = self._stopping = True
            self._up = False
            os.close(self._wake_in)
            os.close(self._wake_out)
            self._changed.notify_all()
        self._abandon()

    def _finished(self) -> bool:
        if self._stopping:
            return self._drained() or time.monotonic() >= self._stop_by
        return self._socket() is None and not (self._opened and self._reconnects)

    def _patience_s(self) -> float:
        due = [self._deadline()]
        due += [self._stop_by] if self._stopping else []
        due += [self._retry_at] if self._opened and not self._up else []
        return min(max(min(due) - time.monotonic(), 0.0), IDLE_S)

    def _turn(self, timeout_s: float) -> None:
        """Wait for the broker, for a call of :meth:`wake`, or for the time to pass."""
        if self._opened and not self._up and time.monotonic() >= self._retry_at:
            self._try_again()
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        sock = self._socket()
        if sock is not None:
            poll.register(sock, select.POLLIN | (select.POLLOUT if self._wants_write() else 0))
            # What TLS has already decrypted does not show at the descriptor.
            pending = hasattr(sock, "pending") and sock.pending() > 0
            timeout_s = 0.0 if pending else timeout_s
        ready = dict(poll.poll(timeout_s * 1000))
        if self._wake_out in ready:
            os.read(self._wake_out, 16)
            self._woken = False
        if sock is not None:
            events = ready.get(sock.fileno(), 0)
            self._serve(pending or bool(events & _READABLE), bool(events & select.POLLOUT))

    def _try_again(self) -> None:
        self._retry_at = time.monotonic() + max(self._delay_s, self._open_timeout_s)
        try:
            self._attempt(again=True)
            self._unexplained = True
        except errors.SinetError as error:
            self.failure = error
            self._retry_at = time.monotonic() + self._delay_s
        self._delay_s = min(2 * self._delay_s, self._delays_s[1])

    def _attempt(self, again: bool) -> None:
        try:
            self._connect(again)
        except (OSError, ValueError) as error:
            reason = getattr(error, "verify_message", "")  # of ssl.SSLCertVerificationError
            why = f"its certificate is not accepted: {reason}" if reason else error
            raise errors.ConnectionError(f"cannot connect to {self.broker}: {why}") from error
