"""Whose address a request comes from, also behind a proxy that we were told to trust, and behind one that we were not."""

from __future__ import annotations

import ipaddress

import structlog
from litestar.connection import ASGIConnection
from litestar.types import Scope

from app.settings import settings

log = structlog.get_logger()
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip")
_HOUSEHOLD = 64
_untrusted: str | None = None


def client_address(scope: Scope) -> str:
    """The peer's address; behind a trusted proxy the last entry of `X-Forwarded-For` that is not a trusted proxy itself.

    Entries before that one are whatever the client wrote, so they count for nothing.
    """
    client = scope.get("client")
    peer = client[0] if client else ""
    forwarded: list[str] = []
    if _trusted(peer):
        header = ASGIConnection(scope).headers.getall("x-forwarded-for", [])
        forwarded = [part.strip() for line in header for part in line.split(",")]
    else:
        _notice(scope, peer)
    while forwarded and _trusted(peer):
        peer = forwarded.pop()
    return peer[:64]


def network_of(address: str) -> str:
    """What counts as one place when tries are counted: an address of IPv4, the /64 of one of IPv6, which one household has to itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _HOUSEHOLD), strict=False))


def untrusted_proxy() -> str | None:
    """A sentence when requests reach this process through a proxy that nobody declared; None when none was seen since it started.

    It is public, so the proxy's address is in the log only.
    """
    if _untrusted is None:
        return None
    return (
        "Requests come through a proxy that is not trusted, so everybody behind it shares one limit on sign-ins. "
        "Set THROUGHLINE_TRUSTED_PROXIES to its address or network; the log names it."
    )


def _notice(scope: Scope, peer: str) -> None:
    """A proxy stands beside us: its address is a private one. From a public address any client could have written the header."""
    global _untrusted
    if _untrusted is not None or not any(name in _FORWARDED for name, _ in scope["headers"]):
        return
    try:
        nearby = not ipaddress.ip_address(peer).is_global
    except ValueError:
        return
    if nearby:
        _untrusted = peer
        log.warning("proxy.untrusted", address=peer, setting="THROUGHLINE_TRUSTED_PROXIES")


def _trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings().web.trusted_proxies)
