"""A broker as a child process, tried with a small echo server in a broker's place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from sinetstream_conformance.brokers.process import (
    BrokerFailed,
    BrokerProcess,
    NotInstalled,
    find_program,
    free_port,
)

WITHIN_S = 10.0

ECHO = """
import pathlib, signal, socket, sys, threading, time
port, kept = int(sys.argv[1]), pathlib.Path("kept")
kept.write_text(kept.read_text() + "x" if kept.exists() else "x")
signal.signal(signal.SIGTERM, lambda *_: (print("in order", flush=True), sys.exit(0)))
listener = socket.create_server(("127.0.0.1", port))
print("listening", flush=True)
def echo(connection):
    while data := connection.recv(100):
        connection.sendall(data)
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
"""


class Echo(BrokerProcess):
    """Sends back what it gets, and keeps a letter for each start."""

    name = "echo"
    program = ECHO

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", self.program, str(self.port)]


class Failing(Echo):
    program = "import sys; print('no such option'); sys.exit(3)"


class Slow(Echo):
    program = "import time; print('still thinking', flush=True); time.sleep(60)"
    start_within_s = 0.5


class Stubborn(Echo):
    program = ECHO.replace("sys.exit(0)", "time.sleep(60)")
    stop_within_s = 0.5


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as broker:
        yield broker


def wait_until(condition: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked for its status is dead all the same."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def answer(broker: BrokerProcess, timeout_s: float = WITHIN_S) -> bytes:
    with socket.create_connection((broker.host, broker.port), timeout_s) as link:
        link.sendall(b"ping")
        return link.recv(4)


def test_it_answers_as_soon_as_start_returns(echo: Echo) -> None:
    """After start() the broker takes connections, and what it prints is kept."""
    assert answer(echo) == b"ping"
    assert echo.running
    assert echo.pid is not None
    assert echo.address == f"127.0.0.1:{echo.port}"
    assert "listening" in echo.output()


def test_it_stops_in_order(echo: Echo) -> None:
    """stop() lets the broker end by itself, and may be called again."""
    echo.stop()
    assert not echo.running
    assert "in order" in echo.output()
    echo.stop()
    with pytest.raises(OSError, match="refused"):
        answer(echo)


def test_it_is_killed_outright(echo: Echo) -> None:
    """kill() leaves the broker no time to say anything."""
    pid = echo.pid
    echo.kill()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert "in order" not in echo.output()


@pytest.mark.parametrize("kill", [False, True])
def test_it_restarts_on_the_same_port_and_data(echo: Echo, kill: bool) -> None:
    """restart() keeps the port and the folder, whichever way the broker ended."""
    port = echo.port
    echo.restart(kill=kill)
    assert echo.port == port
    assert answer(echo) == b"ping"
    assert (echo.folder / "kept").read_text() == "xx"


def test_a_paused_broker_says_nothing_until_it_is_resumed(echo: Echo) -> None:
    """While paused it keeps connections and answers nothing; afterwards it goes on where it was."""
    with socket.create_connection((echo.host, echo.port), WITHIN_S) as link:
        with echo.pausing():
            assert echo.paused
            link.sendall(b"ping")
            link.settimeout(0.2)
            with pytest.raises(TimeoutError):
                link.recv(4)
        link.settimeout(WITHIN_S)
        assert link.recv(4) == b"ping"
    assert not echo.paused


def test_a_paused_broker_can_be_stopped_and_killed(echo: Echo) -> None:
    """Neither stop() nor kill() waits for somebody to resume the broker first."""
    echo.pause()
    echo.stop()
    assert "in order" in echo.output()
    echo.start()
    echo.pause()
    echo.kill()
    assert not echo.running


def test_pausing_what_does_not_run_is_an_error(echo: Echo) -> None:
    """pause() of a stopped broker raises; resume() of one that is not paused does nothing."""
    echo.resume()
    echo.stop()
    with pytest.raises(BrokerFailed, match="not running"):
        echo.pause()


def test_a_second_start_is_an_error(echo: Echo) -> None:
    """start() of a running broker raises and leaves it running."""
    with pytest.raises(BrokerFailed, match="call stop"):
        echo.start()
    assert answer(echo) == b"ping"


def test_a_broker_that_ends_while_starting_shows_what_it_said() -> None:
    """The error has the exit status and the output, and the folder is gone."""
    broker = Failing()
    with pytest.raises(BrokerFailed, match=r"status 3(?s:.*)no such option"), broker:
        pass
    assert not broker.folder.exists()


def test_a_broker_that_is_not_ready_in_time_is_killed() -> None:
    """The error names the address and the time, and no process is left."""
    before = set(psutil.Process().children(recursive=True))
    broker = Slow()
    with pytest.raises(BrokerFailed, match=r"not ready on 127.0.0.1:\d+ within 0.5 s"), broker:
        pass
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_broker_that_does_not_stop_is_killed_and_reported() -> None:
    """stop() gives up after its time, kills the broker and says so."""
    broker = Stubborn()
    broker.start()
    pid = broker.pid
    with pytest.raises(BrokerFailed, match=r"did not stop within 0.5 s and was killed"):
        broker.close()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert not broker.folder.exists()


def test_another_port_is_used_if_the_first_one_is_taken() -> None:
    """A port that somebody else took before the first start is given up for another one."""
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        broker = Echo()
        broker.port = squatter.getsockname()[1]
        with broker:
            assert broker.port != squatter.getsockname()[1]
            assert answer(broker) == b"ping"


def test_a_given_folder_is_kept(tmp_path: Path) -> None:
    """Data in a folder of the caller's own outlives close()."""
    with Echo(tmp_path / "data") as broker:
        assert broker.folder == tmp_path / "data"
    assert (tmp_path / "data" / "kept").exists()


def test_a_broker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """A test run that is killed outright leaves no broker behind."""
    script = textwrap.dedent(f"""
        import pathlib, sys, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_process import Echo
        broker = Echo(pathlib.Path({str(tmp_path)!r}))
        broker.start()
        print(broker.pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline().split()[0])
        assert alive(pid)
        os.kill(owner.pid, signal.SIGKILL)
    assert wait_until(lambda: not alive(pid))


def test_a_free_port_lies_below_those_for_outgoing_connections() -> None:
    """No client's own port can be one that a broker was given."""
    ports = {free_port() for _ in range(50)}
    assert all(20000 <= port < 32000 for port in ports)
    assert len(ports) > 1


def test_a_missing_program_is_reported_with_how_to_get_it() -> None:
    """The error names the program and the advice."""
    with pytest.raises(NotInstalled, match=r"'no-such-broker'.*apt-get install it"):
        find_program("no-such-broker", "run apt-get install it")


def test_a_command_that_is_not_there_is_reported_as_not_installed(tmp_path: Path) -> None:
    """The error names the broker and the program, and nothing is left running."""

    class Nowhere(BrokerProcess):
        name = "nowhere"

        def command(self) -> list[str]:
            return ["no-such-broker", "--port", str(self.port)]

    broker = Nowhere(tmp_path)
    with pytest.raises(NotInstalled, match=r"nowhere: .*'no-such-broker'"):
        broker.start()
    assert not broker.running
    broker.close()
