"""Certificates for encrypted brokers, made by a throw-away authority."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from sinetstream_conformance.brokers.mosquitto import ServerTls


@dataclass(frozen=True)
class Authority:
    """A certificate authority and what it has signed, each as PEM files."""

    folder: Path
    authority: trustme.CA

    @classmethod
    def new(cls, folder: Path) -> Authority:
        """An authority whose files go into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder, trustme.CA())
        made.authority.cert_pem.write_to_path(str(made.certificate))
        return made

    @property
    def certificate(self) -> Path:
        """The authority's own certificate, which clients trust."""
        return self.folder / "ca.pem"

    def signed(self, *names: str) -> tuple[Path, Path]:
        """A certificate for these host names or addresses, and its key."""
        leaf = self.authority.issue_cert(*names)
        stem = names[0].replace(".", "_").replace("@", "_")
        files = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        leaf.cert_chain_pems[0].write_to_path(str(files[0]))
        leaf.private_key_pem.write_to_path(str(files[1]))
        return files

    def server(self, *names: str, require_certificate: bool = False) -> ServerTls:
        """What a broker of these names needs."""
        certfile, keyfile = self.signed(*names)
        return ServerTls(certfile, keyfile, self.certificate, require_certificate)
