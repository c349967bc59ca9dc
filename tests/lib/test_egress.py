"""Where connectors may lead: names have one form, addresses are judged, and the connection goes to the one that was judged."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from app import settings as settings_module
from app.lib import egress
from app.settings import EgressSettings, UnsafeSettings

Look = Callable[..., None]


@pytest.fixture
def allowing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Settings with these networks and hosts, as a server on the internet has them, or as local mode has them."""

    def use(*entries: str, local: bool = False) -> None:
        monkeypatch.setenv("THROUGHLINE_EGRESS_ALLOW", ", ".join(entries))
        found = dataclasses.replace(settings_module.read_settings(), local=local)
        monkeypatch.setattr(egress, "settings", lambda: found)

    return use


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A name server that knows what the test writes: `NAMES`. Answers the names that were asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        if host not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in NAMES[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


NAMES = {
    "smtp.example.com": ["93.184.216.34", "2606:2800:220:1::1"],
    "inside.example.com": ["10.1.2.3"],
    "both.example.com": ["192.168.0.9", "93.184.216.34", "169.254.169.254"],
    "meta.example.com": ["169.254.169.254"],
    "nat.example.com": ["64:ff9b::a00:1"],
    "xn--mller-kva.example": ["93.184.216.34"],
    "relay": ["172.20.0.4"],
}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.1", "192.168.1.1",
        "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16", "198.18.0.1", "192.0.2.7",
        "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::1", "::", "::7f00:1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:a00:1::", "2002:5db8:d822::",
        "2001:0:a00:1::", "2001:db8::1", "100::1", "3fff::1",
    ],
)  # fmt: skip
def test_addresses_that_are_nobody_s_on_the_internet(address: str, allowing: Look) -> None:
    allowing()
    found = ipaddress.ip_address(address)
    assert not egress.is_public(found) and not egress.may_reach(found)
    assert egress.egress_refusal(egress.host_name(address))


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "172.32.0.1"]
)
def test_addresses_of_the_internet(address: str, allowing: Look) -> None:
    allowing()
    assert egress.may_reach(ipaddress.ip_address(address)) and egress.egress_refusal(address) is None


@pytest.mark.parametrize("address", ["10.9.8.7", "::ffff:10.9.8.7", "64:ff9b::10.9.8.7", "fd12::5"])
def test_what_the_operator_allows(address: str, allowing: Look) -> None:
    allowing("10.9.0.0/16", "fd12::/16", "mail.corp")
    assert egress.may_reach(ipaddress.ip_address(address))
    assert not egress.may_reach(ipaddress.ip_address("10.8.8.7")) and not egress.may_reach(
        ipaddress.ip_address("127.0.0.1")
    )


def test_this_machine_is_reached_in_local_mode_only(allowing: Look) -> None:
    loopback = [ipaddress.ip_address(text) for text in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")]
    allowing(local=True)
    assert all(map(egress.may_reach, loopback)) and egress.egress_refusal("localhost") is None
    assert not egress.may_reach(ipaddress.ip_address("10.0.0.1")) and egress.egress_refusal("postgres")
    allowing()
    assert not any(map(egress.may_reach, loopback)) and egress.egress_refusal("localhost")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SMTP.Example.COM", "smtp.example.com"), ("smtp.example.com.", "smtp.example.com"), ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.example.", "xn--mller-kva.example"), ("[2606:4700::1]", "2606:4700::1"), ("2606:4700:0:0::1", "2606:4700::1"),
        ("my_relay", "my_relay"), ("１２７.０.０.１", "127.0.0.1"), ("127。0。0。1", "127.0.0.1"), ("8.8.8.8", "8.8.8.8"),
    ],
)  # fmt: skip
def test_a_server_has_one_name(text: str, name: str) -> None:
    assert egress.host_name(text) == name == egress.host_name(name)


@pytest.mark.parametrize(
    "text",
    ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "010.0.0.1", "１２７.１", "1.2.3.4.", "", ".", "a..b", "-a.example",
     "a b", "x\n", "x\r\ny", "a/b", "a@b", "fe80::1%eth0", "a" * 64 + ".example", "a." * 130 + "example", "☃" * 70],
)  # fmt: skip
def test_names_that_are_none(text: str) -> None:
    if text == "1.2.3.4.":  # an address with the dot of a name is that address, judged as such
        assert egress.host_name(text) == "1.2.3.4"
        return
    with pytest.raises(ValueError, match="Write"):
        egress.host_name(text)


async def test_a_name_is_looked_up_once_and_only_good_addresses_are_used(names: list[str], allowing: Look) -> None:
    allowing()
    assert [str(a) for a in await egress.resolve("smtp.example.com", 25)] == NAMES["smtp.example.com"]
    assert [str(a) for a in await egress.resolve("both.example.com.", 25)] == ["93.184.216.34"]
    assert [str(a) for a in await egress.resolve("MÜLLER.example", 25)] == ["93.184.216.34"]
    for host in ("inside.example.com", "meta.example.com", "nat.example.com", "relay", "127.0.0.1"):
        with pytest.raises(egress.Blocked):
            await egress.resolve(host, 25)
    assert "relay" not in names and len(names) == len(set(names)), "a name without a dot is not even asked for"
    with pytest.raises(socket.gaierror):
        await egress.resolve("unknown.example.com", 25)


async def test_allowed_names_and_networks(names: list[str], allowing: Look) -> None:
    allowing("relay", "Inside.Example.com.", "192.168.0.0/24")
    assert [str(a) for a in await egress.resolve("relay", 25)] == ["172.20.0.4"]
    assert [str(a) for a in await egress.resolve("inside.example.com", 25)] == ["10.1.2.3"]
    assert [str(a) for a in await egress.resolve("both.example.com", 25)] == ["192.168.0.9", "93.184.216.34"]
    with pytest.raises(egress.Blocked):
        await egress.resolve("meta.example.com", 25)


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "10.0.0.256", "a/b", "*", "a..b", "http://x"])
def test_a_list_that_cannot_be_read_refuses_to_start(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_EGRESS_ALLOW", f"10.0.0.0/8, {entry}")
    with pytest.raises(UnsafeSettings, match="THROUGHLINE_EGRESS_ALLOW"):
        settings_module.read_settings()
    assert EgressSettings() == EgressSettings((), frozenset())


async def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that stands for something else at a second look does not get one."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer = await egress.connect("rebinding.example.com", port)
    assert peer.sock.getpeername() == ("127.0.0.1", port) and (peer.public, peer.loopback) == (False, True)
    peer.sock.close()
    with pytest.raises(egress.Blocked):
        await egress.connect("rebinding.example.com", port)
    server.close()


async def test_small_writes_leave_at_once() -> None:
    """With Nagle's algorithm the last line of a text waits until the other end has acknowledged the text, which takes it 40 ms."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    peer = await egress.connect("127.0.0.1", server.sockets[0].getsockname()[1])
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=peer.sock)
    assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.close()
    server.close()


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    peer = await egress.connect("two.example.com", port)
    assert peer.sock.getpeername()[0] == "127.0.0.1"
    peer.sock.close()
    server.close()


async def test_a_silent_name_server_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()
    monkeypatch.setattr(egress, "LOOK_UP_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: silent.wait(20) and [])
    try:
        waits = asyncio.create_task(egress.resolve("slow.example.com", 25))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waits.done(), "the loop goes on meanwhile"
        with pytest.raises(TimeoutError):
            await waits
    finally:
        silent.set()
