"""The fault proxy, between a plain socket and an echo server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from sinetstream_conformance.brokers.process import free_port
from sinetstream_conformance.proxy import FaultProxy, Towards
from sinetstream_conformance.residue import Descriptors

WITHIN_S = 5.0
QUIET_S = 0.2


class EchoServer:
    """Sends back what it gets, and counts it."""

    def __init__(self, port: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", port))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.received = bytearray()
        self.links: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                self.links.append(link)
                self.threads.append(threading.Thread(target=self.echo, args=(link,)))
                self.threads[-1].start()

    def echo(self, link: socket.socket) -> None:
        with link, suppress(OSError):
            while data := link.recv(4096):
                self.received += data
                link.sendall(data)

    def close(self) -> None:
        for link in (self.listener, *self.links):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()
        for thread in self.threads:
            thread.join(WITHIN_S)
            assert not thread.is_alive()


@pytest.fixture
def server() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.address) as proxy:
        yield proxy


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(proxy.address, WITHIN_S)


def exactly(link: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (data := link.recv(count - len(found))):
        found += data
    return found


def ask(link: socket.socket, text: bytes) -> bytes:
    link.sendall(text)
    return exactly(link, len(text))


def nothing_comes(link: socket.socket) -> bool:
    link.settimeout(QUIET_S)
    try:
        link.recv(1)
    except TimeoutError:
        return True
    finally:
        link.settimeout(WITHIN_S)
    return False


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + WITHIN_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_it_passes_everything_on(proxy: FaultProxy) -> None:
    """Without a fault bytes arrive as they were sent, both ways and in bulk."""
    payload = bytes(range(256)) * 4000
    with connect(proxy) as link:
        sender = threading.Thread(target=link.sendall, args=(payload,))
        sender.start()
        assert exactly(link, len(payload)) == payload
        sender.join(WITHIN_S)
    both = {Towards.BROKER: len(payload), Towards.CLIENT: len(payload)}
    assert wait_until(lambda: proxy.passed == both)


def test_it_passes_on_that_one_side_has_ended(proxy: FaultProxy) -> None:
    """An end in order reaches the other side after the last byte, and the connection goes."""
    with connect(proxy) as link:
        link.sendall(b"last words")
        link.shutdown(socket.SHUT_WR)
        assert exactly(link, 100) == b"last words"
    assert wait_until(lambda: proxy.connections == 0)


def test_connections_are_independent(proxy: FaultProxy) -> None:
    """Several clients talk at once, each with its own connection to the broker."""
    links = [connect(proxy) for _ in range(10)]
    for number, link in enumerate(links):
        link.sendall(b"%d" % number)
    assert [exactly(link, 1) for link in links] == [b"%d" % n for n in range(10)]
    assert proxy.accepted == proxy.connections == 10
    for link in links:
        link.close()


def test_delay_makes_everything_later(proxy: FaultProxy) -> None:
    """A round trip takes at least twice the delay, and nothing is lost or reordered."""
    with connect(proxy) as link:
        ask(link, b"first")
        proxy.delay(0.1)
        began = time.monotonic()
        link.sendall(b"one")
        link.sendall(b"two")
        assert exactly(link, 6) == b"onetwo"
        assert time.monotonic() - began >= 0.2


def test_stall_holds_everything_back_until_it_is_healed(proxy: FaultProxy) -> None:
    """While stalled nothing passes and the connection stays; heal() lets it all through."""
    with connect(proxy) as link:
        ask(link, b"before")
        proxy.stall()
        link.sendall(b"held")
        assert nothing_comes(link)
        assert proxy.connections == 1
        proxy.heal()
        assert exactly(link, 4) == b"held"


def test_stall_can_hold_back_one_way_alone(proxy: FaultProxy, server: EchoServer) -> None:
    """With the way to the client stalled the broker gets the message, and its answer waits."""
    with connect(proxy) as link:
        ask(link, b"a")
        proxy.stall(Towards.CLIENT)
        link.sendall(b"b")
        assert wait_until(lambda: bytes(server.received) == b"ab")
        assert nothing_comes(link)
        proxy.heal()
        assert exactly(link, 1) == b"b"


def test_a_stalled_proxy_lets_the_senders_buffers_fill(proxy: FaultProxy) -> None:
    """A client that goes on sending into a stall is stopped by the system in the end."""
    proxy.stall()
    with connect(proxy) as link:
        link.settimeout(QUIET_S)
        with pytest.raises(TimeoutError):
            link.sendall(bytes(50_000_000))


def test_cut_aborts_connections_and_takes_new_ones(proxy: FaultProxy) -> None:
    """After cut() a connection is reset, and the next one works."""
    with connect(proxy) as link:
        ask(link, b"before")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    with connect(proxy) as link:
        assert ask(link, b"after") == b"after"


def test_refuse_refuses_new_connections_alone(proxy: FaultProxy) -> None:
    """While refusing nothing listens, what stands goes on, and heal() listens on the same port."""
    with connect(proxy) as link:
        ask(link, b"before")
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        assert ask(link, b"still") == b"still"
        proxy.heal()
        with connect(proxy) as second:
            assert ask(second, b"again") == b"again"


def test_drop_after_passes_so_many_bytes_and_then_cuts(
    proxy: FaultProxy, server: EchoServer
) -> None:
    """The broker gets exactly as many bytes as were allowed, and the client a reset."""
    with connect(proxy) as link:
        ask(link, b"warm")
        proxy.drop_after(6)
        link.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            exactly(link, 10)
    assert wait_until(lambda: len(server.received) >= 10)
    assert bytes(server.received) == b"warm012345"
    with connect(proxy) as link:
        link.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    proxy.heal()
    with connect(proxy) as link:
        assert ask(link, b"healed") == b"healed"


def test_drop_after_counts_the_way_to_the_client_too(proxy: FaultProxy) -> None:
    """Bytes towards the client can be what is cut off."""
    with connect(proxy) as link:
        ask(link, b"warm")
        proxy.drop_after(0, Towards.CLIENT)
        link.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            exactly(link, 10)


def test_a_broker_that_is_not_there_ends_the_connection() -> None:
    """A client whose connection cannot be passed on sees it end at once."""
    with FaultProxy(("127.0.0.1", free_port())) as proxy:
        with pytest.raises(ConnectionResetError), connect(proxy) as link:
            link.recv(1)
        assert wait_until(lambda: proxy.connections == 0)


def test_a_broker_may_come_after_the_proxy() -> None:
    """The target's port is looked for only when a client connects."""
    port = free_port()
    with FaultProxy(("127.0.0.1", port)) as proxy:
        server = EchoServer(port)
        with connect(proxy) as link:
            assert ask(link, b"late") == b"late"
        server.close()


def test_stop_leaves_nothing_behind(server: EchoServer) -> None:
    """After stop() connections are reset, nothing listens and no thread is left."""
    proxy = FaultProxy(server.address)
    proxy.start()
    with connect(proxy) as link:
        ask(link, b"before")
        proxy.stall()
        proxy.stop()
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    assert not [t for t in threading.enumerate() if "proxy" in t.name]
    proxy.stop()
    with pytest.raises(RuntimeError, match="not running"):
        proxy.cut()


def test_severed_lets_nobody_through_until_it_is_over(proxy: FaultProxy) -> None:
    """Connections are cut and new ones refused; afterwards all is as before."""
    with connect(proxy) as link:
        ask(link, b"before")
        with proxy.severed():
            with pytest.raises(ConnectionResetError):
                link.recv(1)
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
    with connect(proxy) as link:
        assert ask(link, b"after") == b"after"


def test_its_descriptors_are_no_plugins(proxy: FaultProxy) -> None:
    """What the proxy holds open for a connection is not taken for something left behind."""
    before = Descriptors.now()
    with connect(proxy) as link:
        ask(link, b"through")
        grown = Descriptors.now().grown_since(before)
    assert f"to {proxy.broker}" in grown
    assert f"socket {proxy.broker} to" not in grown
