"""Whose address a request comes from, also behind a proxy that we were told to trust."""

from __future__ import annotations

import ipaddress

from litestar.connection import ASGIConnection
from litestar.types import Scope

from app.settings import settings


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
    while forwarded and _trusted(peer):
        peer = forwarded.pop()
    return peer[:64]


def _trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings().web.trusted_proxies)
