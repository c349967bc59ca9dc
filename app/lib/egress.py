"""Connections to servers that users name: a name is resolved once, checked, and the connection goes to the checked address (no SSRF).

A user who configures a connector could otherwise reach whatever this machine reaches: its own services, hosts of a private
network, the metadata service of a cloud. So only addresses of the public internet are connected to, and what the operator lists in
`THROUGHLINE_EGRESS_ALLOW`; loopback in local mode. The name itself is kept for TLS. See docs/decisions/0028-servers-that-users-name.md.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import idna

from app.lib.translation import gettext
from app.settings import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOK_UP_S = 5.0
CONNECT_S = 10.0
"""For one address; a name with several has them tried one after another."""
TRIED = 4
"""Addresses of a name that are tried at most."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}")
"""What C libraries read as an IPv4 address: decimal, octal, hexadecimal, with fewer than four parts."""

_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        (
            # this network, private, CGNAT, loopback, link-local with the metadata of most clouds, IETF (Oracle's metadata), documentation,
            # 6to4 relays, benchmarks, multicast, reserved; and Azure's wire server, which has a public address but is internal
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32",
            # unspecified, loopback and IPv4-compatible, local NAT64, discard, Teredo and IETF, documentation, 6to4, segment routing,
            # unique local, link-local, site-local, multicast
            "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
            "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        ),
    )
)  # fmt: skip
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_dns = ThreadPoolExecutor(8, "look-up")
"""Of its own: name servers that do not answer hold up look-ups, and nothing else that runs in threads."""


class Blocked(Exception):
    """The server must not be connected to. The text is for the log: clients are not told what a name resolves to."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A connected socket, and where it leads: to the public internet, or to this machine."""

    sock: socket.socket
    public: bool
    loopback: bool


def host_name(text: str) -> str:
    """The one form of a server's name or address: lower case, ASCII, no dot at the end. Raises ValueError with a sentence."""
    name = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if (literal := _literal(name)) is not None:
        return str(literal)
    try:
        name = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError("This is not the name of a server. Write it like smtp.example.com.") from error
    name = name.removesuffix(".")
    if (literal := _literal(name)) is not None:  # written in other digits
        return str(literal)
    if _NUMERIC.fullmatch(name):
        raise ValueError("Write the address with four numbers, like 192.0.2.10.")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("This is not the name of a server. Write it like smtp.example.com.")
    return name


def _literal(text: str) -> Address | None:
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped or NAT64 one: that is where the packets go."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Is it a public address on the internet?"""
    meant = _meant(address)
    return meant.is_global and not any(meant in network for network in _REFUSED if network.version == meant.version)


def is_loopback(address: Address) -> bool:
    """Is it this machine?"""
    return _meant(address).is_loopback


def may_reach(address: Address) -> bool:
    """Public, allowed by the operator, or this machine in local mode."""
    meant = _meant(address)
    if is_public(meant) or (settings().local and meant.is_loopback):
        return True
    return any(meant in network for network in settings().egress.networks if network.version == meant.version)


def is_allowed_name(host: str) -> bool:
    """Did the operator list this server by its name?"""
    return host in settings().egress.hosts


def is_this_machine(host: str) -> bool:
    """Does `host` (of `host_name`), without asking any name server, mean loopback?"""
    address = _literal(host)
    return host == "localhost" if address is None else is_loopback(address)


def egress_refusal(host: str) -> str | None:
    """Why `host` (of `host_name`) can never be used, as far as it can be said without asking a name server; None when it may work."""
    address = _literal(host)
    if is_allowed_name(host) or (address is not None and may_reach(address)):
        return None
    if address is None and ("." in host or (host == "localhost" and settings().local)):
        return None
    return gettext(
        "This server is not on the public internet. Whoever runs this installation can allow it with "
        "THROUGHLINE_EGRESS_ALLOW."
    )


async def resolve(host: str, port: int) -> list[Address]:
    """Where `host` may be reached, in the order in which the name server said. Raises Blocked, gaierror, TimeoutError, ValueError."""
    host = host_name(host)
    if egress_refusal(host):
        raise Blocked(f"{host} is not on the public internet and not in THROUGHLINE_EGRESS_ALLOW")
    address = _literal(host)
    if address is not None:
        return [address]
    look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    async with asyncio.timeout(LOOK_UP_S):
        entries = await asyncio.get_running_loop().run_in_executor(_dns, look_up)
    addresses = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries))
    allowed = addresses if is_allowed_name(host) else [address for address in addresses if may_reach(address)]
    if not allowed:
        blocked = ", ".join(map(str, addresses[:TRIED]))
        raise Blocked(f"{host} stands for {blocked}, which THROUGHLINE_EGRESS_ALLOW does not list")
    return allowed[:TRIED]


async def connect(host: str, port: int) -> Peer:
    """A connection to one of the addresses that were judged. Raises as `resolve`, and OSError."""
    failure: OSError = OSError("no address")
    for address in await resolve(host, port):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        # asyncio turns Nagle's algorithm off for sockets that name their protocol only: the final dot of each mail waited 40 ms.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return Peer(sock, is_public(address), is_loopback(address))
    raise failure
