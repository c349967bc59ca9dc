"""Whose address counts when proxies stand in between."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from app.settings import settings
from app.web.client_address import client_address, untrusted_proxy
from app.web.user_agent import described

PROXIES = ("10.0.0.0/8", "::1/128")


def scope(peer: str, *forwarded: str) -> Any:
    return {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", line.encode()) for line in forwarded]}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.2", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.2", ["what the client wrote"], "what the client wrote"),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    monkeypatch: pytest.MonkeyPatch, peer: str, forwarded: list[str], address: str
) -> None:
    web = dataclasses.replace(settings().web, trusted_proxies=tuple(ipaddress.ip_network(p) for p in PROXIES))
    changed = dataclasses.replace(settings(), web=web)
    monkeypatch.setattr("app.web.client_address.settings", lambda: changed)
    assert client_address(scope(peer, *forwarded)) == address


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0",
            "Edge on Windows",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_in_words(sent: str, words: str) -> None:
    assert described(sent) == words


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """A process that has seen no proxy yet, and what it logs."""
    written = CapturingLogger()
    monkeypatch.setattr("app.web.client_address._untrusted", None)
    monkeypatch.setattr("app.web.client_address.log", written)
    return written


@pytest.mark.parametrize("header", [b"x-forwarded-for", b"forwarded", b"x-real-ip"])
@pytest.mark.parametrize(
    ("peer", "told"),
    [("127.0.0.1", True), ("172.18.0.5", True), ("fd00::7", True), ("203.0.113.9", True), ("8.8.8.8", False)],
)
def test_a_proxy_that_nobody_declared_is_told_once(
    unseen: CapturingLogger, peer: str, header: bytes, *, told: bool
) -> None:
    """From a public address any client could have written the header: that says nothing about a proxy of ours."""
    request: Any = {"type": "http", "client": (peer, 1), "headers": [(header, b"198.51.100.1")]}
    for _ in range(3):
        assert client_address(request) == peer
    assert (untrusted_proxy() is not None) == told
    assert len(unseen.calls) == int(told)
    assert peer not in (untrusted_proxy() or ""), "anybody may read /health/ready"


def test_a_request_without_such_headers_tells_nothing(unseen: CapturingLogger) -> None:
    client_address(scope("10.0.0.2"))
    assert untrusted_proxy() is None
