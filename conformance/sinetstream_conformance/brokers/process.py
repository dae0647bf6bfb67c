"""A broker as a child process: started on a free loopback port, stopped, killed, paused, restarted.

Derive from :class:`BrokerProcess`, say in :meth:`~BrokerProcess.command` what to run, and use it as
a context manager, or call :meth:`~BrokerProcess.start` and :meth:`~BrokerProcess.close`:

    with Mosquitto() as broker:
        client.connect(broker.host, broker.port)
        broker.restart(kill=True)  # on the same port and the same data

Whoever starts a broker closes it. Should this process die without having done so, even by SIGKILL,
the broker is killed with it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

__all__ = [
    "LOOPBACK",
    "BrokerFailed",
    "BrokerProcess",
    "NotInstalled",
    "find_program",
    "free_port",
    "python_module",
]

LOOPBACK = "127.0.0.1"
_PORTS = range(20000, 32000)
_POLL_S = 0.01
_PORT_TRIES = 5
_GUARD = 'read _; kill -s KILL -- "-$1" 2>/dev/null'
"""Waits for the end of its input, which comes when this process ends, and kills the group."""


class BrokerFailed(Exception):
    """A broker did not start, stop or pause; the message ends with the last of its output."""


class NotInstalled(Exception):
    """A broker's program is not on this machine; the message says how to get it."""


def free_port() -> int:
    """A port of the loopback interface on which nothing listens.

    It lies below those that systems hand out for outgoing connections. One of those might be taken
    by any client while a broker is down, even by one that connects to itself on that very port.

    :raises BrokerFailed: none was found
    """
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise BrokerFailed(f"no free port from {_PORTS.start} to {_PORTS.stop - 1}")


def find_program(name: str, advice: str) -> str:
    """The path of a program, looked for where Debian puts daemons, too.

    :param advice: how to get it, for the error
    :raises NotInstalled: it is not there
    """
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    found = shutil.which(name, path=folders)
    if found is None:
        raise NotInstalled(f"there is no program {name!r} on this machine; {advice}")
    return found


class BrokerProcess(ABC):
    """A broker that this process starts, and the folder in which it keeps its data.

    The port stays the same over restarts, and so does the data until :meth:`close`.

    :param folder: where data and output go; without one, a temporary folder that :meth:`close`
        removes
    """

    name: ClassVar[str] = "broker"
    """What reports and errors call it."""

    start_within_s: ClassVar[float] = 20.0
    stop_within_s: ClassVar[float] = 10.0
    signal_within_s: ClassVar[float] = 5.0

    def __init__(self, folder: Path | None = None) -> None:
        self.host = LOOPBACK
        self.port = free_port()
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-")) if folder is None else folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._paused = False
        self._served = False

    # ---- for the derived class

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments."""

    def prepare(self) -> None:
        """Write what the broker reads when it starts; called before each start, port known."""
        return

    def environment(self) -> Mapping[str, str]:
        """Environment variables to set beside those of this process."""
        return {}

    def ports(self) -> tuple[int, ...]:
        """The ports on which the broker listens once it is ready."""
        return (self.port,)

    def move(self) -> None:
        """Choose other ports: somebody else took one before the first start."""
        self.port = free_port()

    def ready(self) -> bool:
        """Whether the broker takes work, beyond listening on its ports."""
        return True

    # ---- what it is doing

    @property
    def address(self) -> str:
        """``host:port``, as the parameter ``brokers`` takes it."""
        return f"{self.host}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process lives, be it paused."""
        return self._process is not None and self._process.poll() is None

    @property
    def paused(self) -> bool:
        """Whether the process is stopped in its tracks."""
        return self._paused and self.running

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def log(self) -> Path:
        """The file that keeps what all its runs wrote to stdout and stderr."""
        return self.folder / "output.log"

    def output(self, last: int = 4000) -> str:
        """The last bytes of :attr:`log`, as text."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - last))
            return file.read().decode(errors="replace")

    # ---- starting and stopping

    def start(self) -> None:
        """Start the broker and wait until it takes connections.

        :raises NotInstalled: its program is not there
        :raises BrokerFailed: it is running, ended at once or was not ready in time
        """
        with self._lock:
            if self.running:
                raise BrokerFailed(f"{self.name} is running on {self.address}; call stop() first")
            for left in reversed(range(1 if self._served else _PORT_TRIES)):
                self._spawn()
                try:
                    self._await_ready()
                except BrokerFailed:
                    self.kill()
                    if not left or not self._taken():
                        raise
                    self.move()
                else:
                    self._served = True
                    return

    def stop(self) -> None:
        """End the broker in order; one that is not running is left as it is.

        :raises BrokerFailed: it did not end in time, and has been killed
        """
        with self._lock:
            if not self.running:
                self._forget()
                return
            self.resume()
            self._signal(signal.SIGTERM)
            ended = self._await(lambda: not self.running, self.stop_within_s)
            if not ended:
                self.kill()
                raise self._failed(f"did not stop within {self.stop_within_s:g} s and was killed")
            self._forget()

    def kill(self) -> None:
        """End the broker outright, with no chance to save anything."""
        with self._lock:
            if self._process is not None:
                self._signal(signal.SIGKILL)
                self._process.wait(self.signal_within_s)
            self._forget()

    def restart(self, *, kill: bool = False) -> None:
        """Stop (or ``kill``) the broker and start it again on the same port and data."""
        with self._lock:
            self.kill() if kill else self.stop()
            self.start()

    def pause(self) -> None:
        """Stop the broker in its tracks: connections stay, and nothing is answered.

        :raises BrokerFailed: it is not running
        """
        with self._lock:
            if not self.running:
                raise self._failed("is not running and cannot be paused")
            self._signal(signal.SIGSTOP)
            self._paused = True
            if not self._await(self._stands, self.signal_within_s):
                raise self._failed("does not pause")

    def resume(self) -> None:
        """Let a paused broker go on."""
        with self._lock:
            if self._paused:
                self._signal(signal.SIGCONT)
                self._paused = False

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """A context in which the broker is paused."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def close(self) -> None:
        """Stop the broker if it runs, and remove its folder if that is a temporary one.

        :raises BrokerFailed: as :meth:`stop`
        """
        try:
            self.stop()
        finally:
            if self._temporary and self.folder.exists():
                shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside

    def _spawn(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        command = list(self.command())
        with self.log.open("ab") as log:
            log.write(f"--- {command[0]}\n".encode())
            log.flush()
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env={**os.environ, **self.environment()},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise NotInstalled(f"{self.name}: there is no program {command[0]!r}") from error
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _await_ready(self) -> None:
        if self._await(lambda: not self.running or self._listens(), self.start_within_s):
            if not self.running:
                code = self._process.poll() if self._process is not None else None
                raise self._failed(f"ended with status {code} while it was started")
            return
        raise self._failed(f"was not ready on {self.address} within {self.start_within_s:g} s")

    def _listens(self) -> bool:
        """Whether this very process, and not another one, listens on all its ports."""
        if self._process is None:
            return False
        mine: set[int] = set()
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            for process in (parent, *parent.children(recursive=True)):
                for link in process.net_connections(kind="tcp"):
                    if link.status == psutil.CONN_LISTEN:
                        mine.add(link.laddr.port)
        return mine.issuperset(self.ports()) and self.ready()

    def _taken(self) -> bool:
        """Whether somebody else sits on one of the ports."""
        for port in self.ports():
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    return True
        return False

    def _stands(self) -> bool:
        if self._process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            return bool(psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _forget(self) -> None:
        """Let go of what the process had; its group may hold children still."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(self.signal_within_s)
        self._process, self._paused = None, False
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait(self.signal_within_s)
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard = None

    @staticmethod
    def _await(condition: Callable[[], bool], within_s: float) -> bool:
        end = time.monotonic() + within_s
        while not condition():
            if time.monotonic() >= end:
                return condition()
            time.sleep(_POLL_S)
        return True

    def _failed(self, what: str) -> BrokerFailed:
        said = self.output().strip()
        text = f"{self.name} {what}"
        return BrokerFailed(f"{text}; its output ends with\n{said}" if said else text)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this interpreter, for brokers written in Python."""
    return [sys.executable, "-u", "-m", module, *arguments]
