"""Eclipse Mosquitto as a child process, with what a test asks of it: TLS, passwords, websockets."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sinetstream_conformance.brokers.process import (
    LOOPBACK,
    BrokerProcess,
    find_program,
    free_port,
)

__all__ = ["ADVICE", "Mosquitto", "ServerTls"]

ADVICE = "install it, on Debian with `apt-get install mosquitto`"


@dataclass(frozen=True)
class ServerTls:
    """PEM files for an encrypted listener; ``require_certificate`` asks one of clients as well."""

    certfile: Path
    keyfile: Path
    cafile: Path
    require_certificate: bool = False


@dataclass
class Mosquitto(BrokerProcess):
    """A mosquitto on one loopback port; what is set here goes into its configuration file.

    It keeps retained messages and sessions in its folder when it is stopped in order, repeats none
    of QoS 2 afterwards, and queues without a limit. Output has a line for each packet.
    """

    folder: Path | None = None  # type: ignore[assignment]
    tls: ServerTls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names and passwords; with none of them, anybody may connect."""
    websockets: bool = False
    """Whether it listens for MQTT over websockets as well, on :attr:`websockets_port`."""
    acl: str = ""
    """The text of an access list, as ``acl_file`` takes it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further lines of the configuration file."""

    name = "mosquitto"

    def __post_init__(self) -> None:
        super().__init__(self.folder)
        self.websockets_port = free_port()

    def ports(self) -> tuple[int, ...]:
        """The plain port, and that for websockets if there is one."""
        return (self.port, self.websockets_port) if self.websockets else (self.port,)

    @staticmethod
    def version() -> str:
        """The version of the program that is installed.

        :raises NotInstalled: there is none
        """
        program = find_program("mosquitto", ADVICE)
        told = subprocess.run(
            [program, "-h"], capture_output=True, text=True, timeout=30, check=False
        )
        return told.stdout.partition("version ")[2].partition("\n")[0] or "(unknown version)"

    def command(self) -> Sequence[str]:
        """The daemon in the foreground, with the configuration file."""
        return [find_program("mosquitto", ADVICE), "-c", str(self._file("mosquitto.conf"))]

    def prepare(self) -> None:
        """Write the configuration, the password file and the access list."""
        lines = {
            "user": getpass.getuser(),
            "allow_anonymous": "false" if self.users else "true",
            "persistence": "true",
            "persistence_location": f"{self._file('')}/",
            "max_queued_messages": "0",
            # Of no more messages than that does mosquitto 2.0 know, after a restart, that a client
            # had received them: with 20, the default, or 0, no limit, it repeats some of QoS 2.
            "max_inflight_messages": "1000",
            "set_tcp_nodelay": "true",
            "log_dest": "stderr",
            "log_type": "all",
            "connection_messages": "true",
        }
        if self.users:
            lines["password_file"] = str(self._write_passwords())
        if self.acl:
            lines["acl_file"] = str(self._write("acl", self.acl))
        lines.update(self.settings)
        listeners = [{"listener": f"{port} {LOOPBACK}"} for port in self.ports()]
        # A mosquitto 2.0 that listens for websockets alone refuses to start.
        listeners[-1].update({"protocol": "websockets"} if self.websockets else {})
        if self.tls is not None:
            encrypted = {
                "certfile": str(self.tls.certfile),
                "keyfile": str(self.tls.keyfile),
                "cafile": str(self.tls.cafile),
                "require_certificate": str(self.tls.require_certificate).lower(),
            }
            for listener in listeners:
                listener.update(encrypted)
        sections = (lines, *listeners)
        text = "".join(f"{key} {value}\n" for one in sections for key, value in one.items())
        self._write("mosquitto.conf", text)

    def move(self) -> None:
        """Choose other ports."""
        self.port, self.websockets_port = free_port(), free_port()

    def _file(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder.absolute() / name

    def _write(self, name: str, text: str) -> Path:
        target = self._file(name)
        target.touch(mode=0o600)
        target.write_text(text, encoding="utf-8")
        return target

    def _write_passwords(self) -> Path:
        """A password file; mosquitto's own program then hashes what stands in it."""
        text = "".join(f"{name}:{password}\n" for name, password in self.users.items())
        target = self._write("passwords", text)
        hasher = find_program("mosquitto_passwd", ADVICE)
        subprocess.run([hasher, "-U", str(target)], check=True, capture_output=True, timeout=30)
        return target
