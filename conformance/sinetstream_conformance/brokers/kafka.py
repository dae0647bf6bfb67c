"""Apache Kafka as child processes: one node or several, with TLS, passwords or a proxy in between.

    with ApacheKafka() as broker:
        client.connect(broker.address)
        broker.restart(kill=True)  # on the same ports and the same data

The program is a folder of jars, which ``make brokers`` fills from ``brokers/pom.xml``.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sinetstream_conformance.brokers.process import (
    LOOPBACK,
    BrokerFailed,
    BrokerProcess,
    NotInstalled,
    find_program,
    free_port,
)

__all__ = ["JARS_VARIABLE", "ApacheKafka", "KafkaCluster", "KafkaTls", "jars"]

JARS_VARIABLE = "SINETSTREAM_KAFKA_JARS"
ADVICE = (
    f"run `make brokers`, which needs Maven and a JDK 17, or name the folder in {JARS_VARIABLE}"
)
_FOLDER = Path(".brokers") / "kafka"
_FORMAT_WITHIN_S = 60.0
_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


def jars() -> Path:
    """The folder with Kafka's jars: the one that the environment names, or the project's own.

    :raises NotInstalled: there is none
    """
    named = os.environ.get(JARS_VARIABLE)
    here = Path.cwd()
    folders = [Path(named)] if named else [above / _FOLDER for above in (here, *here.parents)]
    for folder in folders:
        if list(folder.glob("kafka_2*.jar")):
            return folder
    raise NotInstalled(f"Apache Kafka is not in {folders[0]}; {ADVICE}")


def version() -> str:
    """The version of the Kafka in :func:`jars`, as the name of its main jar has it."""
    (jar, *_) = jars().glob("kafka_2*.jar")
    return jar.stem.rpartition("-")[2]


@dataclass(frozen=True)
class KafkaTls:
    """PEM files for an encrypted listener; the key has no password."""

    certfile: Path
    keyfile: Path
    cafile: Path
    require_certificate: bool = False

    def settings(self) -> Mapping[str, str]:
        """The broker's settings; it wants key and certificates in one file."""
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.together()),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.cafile),
            "ssl.client.auth": "required" if self.require_certificate else "none",
        }

    def together(self) -> Path:
        """The file that holds both, beside the key."""
        target = self.keyfile.with_suffix(".together.pem")
        target.touch(mode=0o600)
        target.write_bytes(self.keyfile.read_bytes() + self.certfile.read_bytes())
        return target


@dataclass
class ApacheKafka(BrokerProcess):
    """One node, broker and controller in one, on loopback.

    It listens for clients on ``port``. What it tells clients to connect to is ``advertised``, which
    may be a proxy's address.
    """

    folder: Path | None = None  # type: ignore[assignment]
    advertised: str | None = None
    """``host:port`` for clients; without it the address on which the node listens."""
    host_name: str = LOOPBACK
    """What the node calls itself there; a certificate may be for ``localhost``."""
    tls: KafkaTls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names and passwords, for SASL by PLAIN and SCRAM; with none of them, anybody may connect."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further lines of ``server.properties``."""
    node: int = 1
    nodes: Mapping[int, ApacheKafka] = field(default_factory=dict, repr=False)
    """All nodes of the cluster by number; empty where this is the only one."""
    cluster_id: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    )

    name = "Apache Kafka"
    start_within_s = 60.0
    stop_within_s = 30.0

    def __post_init__(self) -> None:
        super().__init__(self.folder)
        self._choose_inner_ports()

    def _choose_inner_ports(self) -> None:
        self.inner_port, self.controller_port = free_port(), free_port()

    def command(self) -> Sequence[str]:
        """Kafka's main class on a JVM made for a quick start."""
        return [*self._java(), "kafka.Kafka", str(self._properties)]

    def prepare(self) -> None:
        """Write the configuration and, the first time, make the data folder."""
        text = "".join(f"{name}={value}\n" for name, value in self._lines().items())
        self._properties.touch(mode=0o600)
        self._properties.write_text(text, encoding="utf-8")
        if not (self._data / "meta.properties").exists():
            self._format()

    def ports(self) -> tuple[int, ...]:
        """Clients', brokers' and controllers'."""
        return self.port, self.inner_port, self.controller_port

    def move(self) -> None:
        """Choose other ports, and forget the data, which name the old ones."""
        super().move()
        self._choose_inner_ports()
        shutil.rmtree(self._data, ignore_errors=True)

    def describe(self) -> str:
        """What reports call it."""
        return f"Apache Kafka {version()}, one node"

    # ---- inside

    @property
    def _properties(self) -> Path:
        assert self.folder is not None
        return self.folder.absolute() / "server.properties"

    @property
    def _data(self) -> Path:
        return self._properties.with_name("data")

    def _java(self) -> list[str]:
        java = find_program("java", "install a JDK 17")
        return [java, *_JVM, _LOG, "-cp", str(jars().absolute() / "*")]

    def _lines(self) -> Mapping[str, str]:
        nodes = self.nodes or {self.node: self}
        copies = str(min(len(nodes), 3))
        enough = str(max(min(len(nodes), 3) - 1, 1))
        told = self.advertised or f"{self.host_name}:{self.port}"
        protocol = ("SASL_" if self.users else "") + ("SSL" if self.tls else "PLAINTEXT")
        lines = {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": ",".join(
                f"{number}@{LOOPBACK}:{node.controller_port}" for number, node in nodes.items()
            ),
            "listeners": f"CLIENTS://{LOOPBACK}:{self.port},INNER://{LOOPBACK}:{self.inner_port},"
            f"CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"CLIENTS://{told},INNER://{LOOPBACK}:{self.inner_port}",
            "listener.security.protocol.map": f"CLIENTS:{protocol},INNER:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INNER",
            "log.dirs": str(self._data),
            "num.partitions": "4",
            "default.replication.factor": copies,
            "min.insync.replicas": enough,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": enough,
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": enough,
            "group.initial.rebalance.delay.ms": "0",
            # A node that was killed is to be missed soon: until then it cannot come back.
            "broker.heartbeat.interval.ms": "500",
            "broker.session.timeout.ms": "3000",
        }
        if self.tls is not None:
            lines.update(self.tls.settings())
        if self.users:
            lines.update(self._sasl())
        lines.update(self.settings)
        return lines

    def _sasl(self) -> Mapping[str, str]:
        known = " ".join(f'user_{name}="{secret}"' for name, secret in self.users.items())
        plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {known};"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.clients.plain.sasl.jaas.config": plain,
            "listener.name.clients.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.clients.scram-sha-512.sasl.jaas.config": scram,
        }

    def _format(self) -> None:
        """Make the data folder, in which SCRAM's passwords stand from the beginning."""
        secrets = [
            part
            for name, secret in self.users.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f"{mechanism}=[name={name},password={secret}]")
        ]
        # In one word with its name, for an id may begin with a hyphen.
        where = [f"--cluster-id={self.cluster_id}", f"--config={self._properties}"]
        made = subprocess.run(
            [*self._java(), "kafka.tools.StorageTool", "format", *where, *secrets],
            capture_output=True,
            text=True,
            timeout=_FORMAT_WITHIN_S,
            check=False,
        )
        if made.returncode != 0:
            raise BrokerFailed(f"{self.name} cannot make its data folder: {made.stderr[-2000:]}")


class KafkaCluster:
    """Nodes that keep copies of one another's data; use it as a context manager.

    ``nodes`` are the brokers by number, each with methods of its own to stop, kill and pause it.

    :param count: how many nodes; with three or more, every topic is kept three times
    :param settings: further lines of each node's ``server.properties``
    """

    def __init__(self, count: int = 3, settings: Mapping[str, str] | None = None) -> None:
        self.nodes: dict[int, ApacheKafka] = {}
        for number in range(1, count + 1):
            node = ApacheKafka(node=number, nodes=self.nodes, settings=settings or {})
            node.cluster_id = self.nodes.get(1, node).cluster_id
            self.nodes[number] = node

    @property
    def address(self) -> str:
        """The addresses of all nodes, as the parameter ``brokers`` takes them."""
        return ",".join(node.address for node in self.nodes.values())

    def start(self) -> None:
        """Start all nodes side by side: one alone would wait for the others.

        :raises NotInstalled: Kafka is not there
        :raises BrokerFailed: a node was not ready in time
        """
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            for begun in [pool.submit(node.start) for node in self.nodes.values()]:
                begun.result()

    def close(self) -> None:
        """Kill all nodes and remove their folders: in order, the last would wait for a quorum."""
        for node in self.nodes.values():
            node.kill()
        for node in self.nodes.values():
            node.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
