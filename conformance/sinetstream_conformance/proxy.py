"""A TCP proxy on loopback that breaks connections on demand, between a plugin and its broker.

    with FaultProxy(("127.0.0.1", broker.port)) as proxy:
        client.connect(*proxy.address)
        proxy.stall()   # connections stay, nothing passes
        proxy.heal()    # what was held back goes on

One thread serves all connections. A fault holds until :meth:`FaultProxy.heal`, which ends them all;
:meth:`FaultProxy.cut` is over at once. Faults may be combined, and set from any thread: when the
method returns, the fault is in effect.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, ClassVar, Self
from weakref import WeakSet

from sinetstream_conformance.brokers.process import LOOPBACK, free_port
from sinetstream_conformance.deadline import THREAD_PREFIX

__all__ = ["FaultProxy", "Towards"]

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""One without a descriptor of its own, which would come and go with each turn of the thread."""

_CHUNK = 64 * 1024
_IDLE_S = 1.0
_CALL_WITHIN_S = 5.0
_BACKLOG = 128
_ABORT = struct.pack("ii", 1, 0)


class Towards(Enum):
    """Which way bytes go."""

    BROKER = "broker"
    CLIENT = "client"


BOTH = (Towards.BROKER, Towards.CLIENT)


@dataclass
class _Faults:
    delay_s: float = 0.0
    stalled: frozenset[Towards] = frozenset()
    refusing: bool = False
    left: dict[Towards, int] = field(default_factory=dict)
    """How many bytes may pass yet before all connections are cut."""


class _Pipe:
    """One way of one connection: what came from ``source`` and has yet to go to ``target``."""

    def __init__(self, towards: Towards, source: socket.socket, target: socket.socket) -> None:
        self.towards, self.source, self.target = towards, source, target
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.ended = False
        """Whether the source has said that nothing more will come."""
        self.closed = False
        """Whether the target has been told so."""

    def due(self, now: float) -> bool:
        """Whether something may be sent at this moment."""
        return bool(self.waiting) and self.waiting[0][0] <= now


class _Link:
    """A client's connection and the one to the broker that belongs to it."""

    def __init__(self, client: socket.socket, broker: socket.socket) -> None:
        self.client, self.broker = client, broker
        self.joined = False
        """Whether the connection to the broker stands."""
        self.pipes = (
            _Pipe(Towards.BROKER, client, broker),
            _Pipe(Towards.CLIENT, broker, client),
        )

    @property
    def over(self) -> bool:
        """Whether both ways have ended and nothing is waiting."""
        return all(pipe.closed for pipe in self.pipes)


class FaultProxy:
    """Passes connections on to ``target`` and, if told to, spoils them.

    :param target: host and port of the broker; nothing need listen there yet
    :param port: where to listen on loopback; without one, a free port
    """

    _running: ClassVar[WeakSet[FaultProxy]] = WeakSet()

    def __init__(self, target: tuple[str, int], port: int | None = None) -> None:
        self.target = target
        self.host, self.port = LOOPBACK, free_port() if port is None else port
        self.accepted = 0
        """How many connections have come in."""
        self.passed = dict.fromkeys(Towards, 0)
        """How many bytes have gone each way."""
        self._faults = _Faults()
        self._links: list[_Link] = []
        self._orders: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._ending = False
        self._error: BaseException | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect."""
        return self.host, self.port

    @property
    def broker(self) -> str:
        """The same as the parameter ``brokers`` takes it, ``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def start(self) -> None:
        """Listen and serve.

        :raises OSError: the port is taken
        """
        if self._thread is not None:
            raise RuntimeError("the proxy is running; call stop() first")
        self._listen()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._ending, self._error = False, None
        self._thread = threading.Thread(
            target=self._serve, name=f"{THREAD_PREFIX}-proxy-{self.port}", daemon=True
        )
        self._thread.start()
        self._running.add(self)

    def stop(self) -> None:
        """Cut all connections, listen no more and end the thread; what broke it is raised."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ending = True
        self._wake_in.send(b"!")
        thread.join(_CALL_WITHIN_S)
        self._running.discard(self)
        if thread.is_alive():
            raise RuntimeError(f"the proxy's thread has not ended within {_CALL_WITHIN_S:g} s")
        self._wake_in.close()
        self._wake_out.close()
        if self._error is not None:
            raise RuntimeError(f"the proxy broke: {self._error!r}") from self._error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # ---- faults

    def delay(self, seconds: float) -> None:
        """Let everything from now on arrive so much later, both ways."""
        self._order(lambda: setattr(self._faults, "delay_s", seconds))

    def stall(self, *towards: Towards) -> None:
        """Hold back what goes that way, or both ways if none is named; connections stay.

        Nothing is read either, so that the sender's own buffers fill. While the way to the broker
        is stalled, new connections are taken by the system and not served.
        """
        held = frozenset(towards or BOTH)
        self._order(lambda: setattr(self._faults, "stalled", self._faults.stalled | held))

    def cut(self) -> None:
        """Abort all connections now, in the middle of whatever they are at; new ones are taken."""
        self._order(self._cut)

    def refuse(self) -> None:
        """Refuse new connections, as if nothing listened; those that stand go on."""

        def refuse() -> None:
            self._faults.refusing = True
            self._close_listener()

        self._order(refuse)

    def drop_after(self, count: int, towards: Towards = Towards.BROKER) -> None:
        """Let ``count`` more bytes go that way, over all connections, and then cut them all.

        New connections are cut as soon as a byte is to go that way.

        :param count: bytes, from 0
        """
        self._order(lambda: self._faults.left.update({towards: count}))

    def heal(self) -> None:
        """End all faults; what was held back goes on, and new connections are taken."""

        def heal() -> None:
            self._faults = _Faults()
            for link in self._links:
                for pipe in link.pipes:
                    pipe.waiting = deque((0.0, data) for _, data in pipe.waiting)
            self._listen()

        self._order(heal)

    @contextmanager
    def severed(self) -> Iterator[None]:
        """A context in which nobody gets through: connections are cut, new ones refused."""
        self.refuse()
        self.cut()
        try:
            yield
        finally:
            self.heal()

    @classmethod
    def descriptors(cls) -> frozenset[int]:
        """The descriptors of all proxies of this process, which are no plugin's."""
        return frozenset(number for proxy in list(cls._running) for number in proxy._descriptors())

    # ---- on the thread

    def _descriptors(self) -> Iterator[int]:
        links = [end for link in list(self._links) for end in (link.client, link.broker)]
        for end in (*links, self._wake_in, self._wake_out, self._listener):
            if end is not None and (number := end.fileno()) >= 0:
                yield number

    def _order(self, action: Callable[[], None]) -> None:
        """Have the thread do something, and wait until it has; what that raises is raised here."""
        if self._thread is None or not self._thread.is_alive():
            raise RuntimeError("the proxy is not running")
        order: Future[None] = Future()
        self._orders.append((action, order))
        self._wake_in.send(b"!")
        order.result(_CALL_WITHIN_S)

    def _serve(self) -> None:
        try:
            while not self._ending:
                self._turn()
        except BaseException as error:  # noqa: BLE001 - stop() raises it to the owner
            self._error = error
        finally:
            self._close_listener()
            self._cut()
            while self._orders:
                self._orders.popleft()[1].cancel()

    def _turn(self) -> None:
        while self._orders:
            action, order = self._orders.popleft()
            try:
                order.set_result(action())
            except OSError as error:
                order.set_exception(error)
        with _Selector() as selector:
            selector.register(self._wake_out, selectors.EVENT_READ)
            self._register(selector)
            ready = {key.fileobj: events for key, events in selector.select(self._patience())}
        if self._wake_out in ready:
            with suppress(BlockingIOError):
                self._wake_out.recv(_CHUNK)
        if self._orders:
            return  # an order comes before anything else passes
        if self._listener is not None and self._listener in ready:
            self._accept(self._listener)
        for link in list(self._links):
            if link in self._links:  # what one does may end them all
                self._work(link, ready)

    def _register(self, selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        if self._listener is not None and Towards.BROKER not in self._faults.stalled:
            selector.register(self._listener, selectors.EVENT_READ)
        for link in self._links:
            events = {link.client: 0, link.broker: 0 if link.joined else selectors.EVENT_WRITE}
            for pipe in link.pipes if link.joined else ():
                if pipe.towards in self._faults.stalled:
                    continue
                if not pipe.ended and len(pipe.waiting) < _BACKLOG:
                    events[pipe.source] |= selectors.EVENT_READ
                if pipe.due(now):
                    events[pipe.target] |= selectors.EVENT_WRITE
            for end, wanted in events.items():
                if wanted:
                    selector.register(end, wanted)

    def _patience(self) -> float:
        """How long nothing will be due, in seconds."""
        now = time.monotonic()
        pipes = (pipe for link in self._links for pipe in link.pipes if pipe.waiting)
        waits = (pipe.waiting[0][0] - now for pipe in pipes)
        return min((wait for wait in waits if wait > 0), default=_IDLE_S)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # it gave up before it was served
            return
        self.accepted += 1
        broker = socket.socket()
        for end in (client, broker):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        broker.connect_ex(self.target)
        self._links.append(_Link(client, broker))

    def _work(self, link: _Link, ready: Mapping[Any, int]) -> None:
        if not link.joined and ready.get(link.broker):
            if link.broker.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._abort(link)
                return
            link.joined = True
        try:
            for pipe in link.pipes if link.joined else ():
                if pipe.towards in self._faults.stalled:
                    continue
                if ready.get(pipe.source, 0) & selectors.EVENT_READ:
                    self._take(pipe)
                if pipe.due(time.monotonic()):
                    self._pass_on(pipe)
        except _Exhausted:
            self._cut()
            return
        except OSError:
            self._abort(link)
            return
        if link.over:
            self._abort(link)

    def _take(self, pipe: _Pipe) -> None:
        try:
            data = pipe.source.recv(_CHUNK)
        except BlockingIOError:
            return
        pipe.ended = not data
        pipe.waiting.append((time.monotonic() + self._faults.delay_s, data))

    def _pass_on(self, pipe: _Pipe) -> None:
        now = time.monotonic()
        while pipe.due(now):
            due, data = pipe.waiting.popleft()
            if not data:
                pipe.closed = True
                pipe.target.shutdown(socket.SHUT_WR)
                return
            left = self._faults.left.get(pipe.towards)
            allowed = data if left is None else data[:left]
            try:
                sent = pipe.target.send(allowed) if allowed else 0
            except BlockingIOError:
                pipe.waiting.appendleft((due, data))
                return
            self.passed[pipe.towards] += sent
            if left is not None:
                self._faults.left[pipe.towards] = left - sent
                if left == sent and sent < len(data):
                    raise _Exhausted
            if sent < len(data):
                pipe.waiting.appendleft((due, data[sent:]))
                return

    def _cut(self) -> None:
        for link in list(self._links):
            self._abort(link)

    def _abort(self, link: _Link) -> None:
        self._links.remove(link)
        for end in (link.client, link.broker):
            if not link.over:
                with suppress(OSError):  # Linux and BSD reset the connection instead of ending it
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            end.close()

    def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        self._listener = listener

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


class _Exhausted(Exception):
    """The bytes that might pass have passed."""
