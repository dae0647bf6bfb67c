"""The addresses of brokers, as the parameter ``brokers`` gives them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Broker"]

_NOT_IN_A_HOST = frozenset("/\\@[],?#%")
_LARGEST_PORT = 65535


@dataclass(frozen=True)
class Broker:
    """Where one broker listens; an IPv6 address stands without its brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        """``host:port``, with brackets about an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_broker(text: str, default_port: int) -> Broker:
    """The broker at ``host``, ``host:port`` or ``[IPv6 address]:port``.

    :raises ValueError: ``text`` is none of these; the message says what is wrong, without ``text``
    """
    if "://" in text:
        raise ValueError("write host:port, without a scheme")
    stripped = text.strip()
    if stripped.startswith("["):
        host, closed, rest = stripped[1:].partition("]")
        _check_ipv6(host, bool(closed))
        rest = rest.strip()
        if rest and not rest.startswith(":"):
            raise ValueError("after the IPv6 address in brackets only :port may follow")
        port, colon = rest[1:], rest[:1]
    else:
        host, colon, port = stripped.partition(":")
        if ":" in port:
            raise ValueError("there is more than one colon; write an IPv6 address as [::1]:port")
        host = host.strip()
        _check_name(host)
    return Broker(host, parse_port(port.strip()) if colon else default_port)


def parse_port(text: str) -> int:
    """The port number that ``text`` spells in decimal digits.

    :raises ValueError: it is not a number from 1 to 65535
    """
    digits = text.lstrip("0")
    if text.isascii() and text.isdigit() and 0 < len(digits) <= 5 and int(digits) <= _LARGEST_PORT:
        return int(digits)
    raise ValueError(f"the port must be a number from 1 to {_LARGEST_PORT}")


def _check_name(host: str) -> None:
    if not host:
        raise ValueError("the host is missing")
    if not host.isprintable() or not _NOT_IN_A_HOST.isdisjoint(host) or len(host.split()) > 1:
        raise ValueError("a host holds neither spaces nor any of / \\ @ [ ] , ? # %")


def _check_ipv6(host: str, closed: bool) -> None:
    from ipaddress import AddressValueError, IPv6Address

    if not closed:
        raise ValueError("the bracket about the IPv6 address is not closed")
    try:
        IPv6Address(host)
    except AddressValueError:
        raise ValueError("what stands in brackets is not an IPv6 address") from None
