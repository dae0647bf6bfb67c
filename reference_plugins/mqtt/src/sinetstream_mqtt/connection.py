"""One connection to the broker, and the thread that alone works it.

paho is used without its own thread: nothing but this thread calls it, so that its locks are never
waited for, what it calls back may do anything, and :meth:`Connection.close` ends in time.
"""

import logging
import os
import select
import threading
import time
from collections.abc import Sequence
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from sinetstream_mqtt.client import (
    SESSION_S,
    Client,
    forget_session,
    new_client_id,
    properties,
    refused,
    unreachable,
)
from sinetstream_mqtt.parameters import Settings
from sinetstream_sdk import errors
from sinetstream_sdk.failures import as_exception

logger = logging.getLogger(__name__)

IDLE_S = 1.0
DRAIN_S = 5.0
READABLE = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Connection:
    """From ``open()`` to ``close()``; it is not opened again.

    :param topics: what to subscribe to
    :param resumes: whether messages depend on the broker's keeping the session while the
        connection is broken; unless the user decides otherwise, it then does so until ``close()``
    """

    def __init__(self, settings: Settings, topics: Sequence[str] = (), *, resumes: bool) -> None:
        self._settings = settings
        self._topics = topics
        self._resumes = resumes and settings.clean is None
        given = "SessionExpiryInterval" in settings.properties
        self._session_s = SESSION_S if self._resumes and settings.v5 and not given else None
        self._client_id = settings.client_id or new_client_id()
        clean = not self._resumes if settings.clean is None else settings.clean
        self._client: Client | None = Client(settings, self._client_id, clean, self._session_s)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._changed = threading.Condition()
        self._up = self._opened = self._stopping = self._ended = self._woken = False
        self._number = 0
        """How many times the broker has accepted the connection."""
        self._failure: Exception | None = None
        self._down_since: float | None = None
        self._retry_at = self._stop_by = 0.0
        self._delay = settings.min_delay
        self._thread = threading.Thread(target=self._main, name="sinetstream mqtt", daemon=True)

    def open(self) -> None:
        """Connect, and wait until the broker has accepted the connection and the subscription.

        :raises ConnectionError: it cannot be reached or did not answer in time
        :raises AuthorizationError: it refused
        """
        assert self._client is not None
        try:
            self._client.begin()
        except BaseException:
            self._client = None
            raise
        self._wake_out, self._wake_in = os.pipe()
        self._thread.start()
        timeout_s = self._settings.connection_timeout
        with self._changed:
            self._changed.wait_for(lambda: self._up or self._ended, timeout_s)
            self._opened = self._up
        if not self._opened:
            what = "SUBACK" if self._number else "CONNACK"
            late = unreachable(self._settings, f"no {what} came within {timeout_s:g} s")
            self.close()
            raise self._failure or late

    def close(self) -> None:
        """Bring to an end what is under way, disconnect, and wait until the thread has ended.

        On that thread itself, which calls the callbacks of promises, nothing is waited for.

        :raises SinetError: the thread has not ended in time
        """
        with self._changed:
            if not self._stopping:
                self._stopping = True
                self._stop_by = time.monotonic() + (DRAIN_S if self._opened else 0)
                self._changed.notify_all()
            self._wake()
        if threading.current_thread() is self._thread:
            return
        self._thread.join(2 * DRAIN_S)
        if self._thread.is_alive():
            raise errors.SinetError(
                f"mqtt: the thread has not ended {2 * DRAIN_S:g} s after close()"
            )

    # ---- for the derived classes, on the thread

    def _work(self) -> bool:
        """Do what has become possible; say whether there is more to do at once."""
        return False

    def _next_deadline(self) -> float:
        """The monotonic time by which something has to be done, whatever comes."""
        return float("inf")

    def _drained(self) -> bool:
        """Whether nothing is under way that ``close()`` should wait for."""
        return True

    def _abandon(self) -> None:
        """Settle what is left; the connection has ended."""

    # ---- for the derived classes, on any thread

    def _wake(self) -> None:
        """Have the thread look at what there is to do; the caller holds the lock."""
        if not self._woken and not self._ended:
            self._woken = True
            os.write(self._wake_in, b"!")

    def _gone(self) -> errors.SinetError | None:
        """The error for a connection that has been lost for so long that users must know."""
        down = self._down_since
        if self._ended or (down and time.monotonic() - down >= self._settings.recovery_timeout):
            lost = f"{time.monotonic() - down:.0f} s ago" if down else "for good"
            return errors.ConnectionError(
                f"mqtt: the connection to {self._settings.broker} was lost {lost}: {self._failure}"
            )
        return None

    # ---- the thread

    def _main(self) -> None:
        try:
            busy = False
            while not self._over():
                self._turn(0.0 if busy else self._patience())
                busy = self._work()
        except BaseException as error:
            logger.exception("mqtt: the thread of a connection ends early")
            self._failure = as_exception(error, "the thread of a connection")
        finally:
            self._end()

    def _over(self) -> bool:
        if self._stopping:
            return self._drained() or time.monotonic() >= self._stop_by
        assert self._client is not None
        lost = self._client.socket() is None
        return lost and not (self._opened and self._settings.reconnect)

    def _patience(self) -> float:
        due = [self._next_deadline()]
        due += [self._stop_by] if self._stopping else []
        due += [self._retry_at] if self._opened and not self._up else []
        return min(max(min(due) - time.monotonic(), 0.0), IDLE_S)

    def _turn(self, timeout_s: float) -> None:
        """Wait for the broker, for a reason to wake, or for the time to pass, and deal with it."""
        client = self._client
        assert client is not None
        if not self._up and self._opened and time.monotonic() >= self._retry_at:
            self._reconnect(client)
        poll = select.poll()
        poll.register(self._wake_out, select.POLLIN)
        sock: Any = client.socket()
        if sock is not None:
            poll.register(sock, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        more = sock is not None and hasattr(sock, "pending") and sock.pending() > 0
        ready = dict(poll.poll(0 if more else timeout_s * 1000))
        if self._wake_out in ready:
            os.read(self._wake_out, 16)
            self._woken = False
        if sock is not None:
            events = ready.get(sock.fileno(), 0)
            if more or events & READABLE:
                client.loop_read()
            if events & select.POLLOUT:
                client.loop_write()
            client.loop_misc()

    def _reconnect(self, client: Client) -> None:
        self._retry_at = time.monotonic() + max(self._delay, self._settings.connection_timeout)
        client.complaints.last = ""
        try:
            client.reconnect()
        except (OSError, ValueError) as error:
            self._failure = unreachable(self._settings, error)
            self._retry_at = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, self._settings.max_delay)

    def _end(self) -> None:
        client, settings = self._client, self._settings
        assert client is not None
        drop = {} if self._session_s is None else {"SessionExpiryInterval": 0}
        reachable = self._up
        client.on_disconnect = None
        client.disconnect(properties=properties(PacketTypes.DISCONNECT, **drop))
        self._client = None
        if self._resumes and not settings.v5 and self._number:
            try:
                if not reachable:
                    raise self._failure or unreachable(settings, "no connection")
                forget_session(settings, self._client_id, IDLE_S)
            except errors.SinetError as error:
                logger.warning("mqtt: the broker keeps session %r: %s", self._client_id, error)
        with self._changed:
            self._ended = self._stopping = True
            self._up = False
            os.close(self._wake_in)
            os.close(self._wake_out)
            self._changed.notify_all()
        self._abandon()

    # ---- what paho calls, on the thread

    def _on_connect(
        self, client: Any, _: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, __: Any
    ) -> None:
        if reason.is_failure:
            self._failure = refused(self._settings, "the connection", reason)
            return
        self._number += 1
        if self._topics and not (flags.session_present and self._number > 1):
            client.subscribe([(topic, self._settings.qos) for topic in self._topics])
        else:
            self._ready()

    def _on_subscribe(
        self, client: Any, _: Any, __: int, reasons: list[ReasonCode], ___: Any
    ) -> None:
        for topic, reason in zip(self._topics, reasons, strict=True):
            if reason.is_failure:
                self._failure = refused(self._settings, f"to subscribe to {topic!r}", reason)
            elif reason.value < self._settings.qos:
                what = f"QoS {self._settings.qos} for {topic!r}"
                self._failure = refused(self._settings, what, reason)
            else:
                continue
            client.disconnect()
            return
        self._ready()

    def _ready(self) -> None:
        self._delay = self._settings.min_delay
        with self._changed:
            self._up, self._failure, self._down_since = True, None, None
            self._changed.notify_all()

    def _on_disconnect(self, client: Any, _: Any, flags: Any, reason: ReasonCode, __: Any) -> None:
        told = flags.is_disconnect_packet_from_server or "Unspecified" not in str(reason)
        why = client.complaints.last or (str(reason) if told else "the broker closed it")
        with self._changed:
            if self._up or self._failure is None:
                self._failure = errors.ConnectionError(
                    f"mqtt: the connection to {self._settings.broker} broke: {why}"
                )
            self._down_since = self._down_since or time.monotonic()
            self._retry_at = time.monotonic() + self._delay
            self._up = False
            self._changed.notify_all()
