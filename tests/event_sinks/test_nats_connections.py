"""Servers that want credentials, or that speak TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.event_sinks.nats_credentials import BadCredentialsFile, options_of_credentials
from app.lib.ids import uuid7
from tests.event_sinks.conftest import Connect, carry, nats_plan, waiting
from tests.fixtures.certificates import signed_for_localhost
from tests.fixtures.nats_accounts import USER, Nkey, closed_by_credentials
from tests.fixtures.nats_server import nats_server
from tests.fixtures.world import World


def test_a_credentials_file_lets_in_and_nothing_else_does(world: World, connect: Connect, tmp_path: Path) -> None:
    configuration, credentials = closed_by_credentials(tmp_path / "keys")
    with nats_server(tmp_path / "store", "-c", str(configuration)) as server:
        waiting(world, [uuid7()])
        assert asyncio.run(carry(nats_plan(server.url), connect)) == 0
        assert "uthoriz" in str(world.one("select last_error from event_sinks"))
        other = tmp_path / "other.creds"
        other.write_text(credentials.read_text().replace(credentials.read_text().split()[-5], Nkey(USER).seed))
        assert asyncio.run(carry(nats_plan(server.url, credentials=str(other)), connect)) == 0
        assert asyncio.run(carry(nats_plan(server.url, credentials=str(credentials)), connect)) == 1
        assert world.one("select last_error from event_sinks") is None


def test_a_file_that_lets_nobody_in_is_said_without_what_it_holds(
    world: World, connect: Connect, tmp_path: Path
) -> None:
    _, credentials = closed_by_credentials(tmp_path / "keys")
    text = credentials.read_text()
    broken = tmp_path / "broken.creds"
    for content in (
        "",
        "hello",
        text.split("-----BEGIN USER")[0],
        text.replace("NKEY SEED-----\nSU", "NKEY SEED-----\nSA"),
    ):
        broken.write_text(content)
        with pytest.raises(BadCredentialsFile, match="NATS_CREDS") as refusal:
            options_of_credentials(str(broken))
        assert "SU" not in str(refusal.value)
    with pytest.raises(BadCredentialsFile, match="cannot be read"):
        options_of_credentials(str(tmp_path / "nowhere"))
    waiting(world, [uuid7()])
    with nats_server(tmp_path / "store") as server:
        assert asyncio.run(carry(nats_plan(server.url, credentials=str(broken)), connect)) == 0
    assert "NATS_CREDS" in world.one("select last_error from event_sinks")


def test_a_server_of_tls_is_known_by_its_certificate(world: World, connect: Connect, tmp_path: Path) -> None:
    signed_for_localhost(tmp_path)
    pem = str(tmp_path / "server.pem")
    with nats_server(tmp_path / "store", "--tls", "--tlscert", pem, "--tlskey", pem) as server:
        waiting(world, [uuid7()])
        url = server.url.replace("nats://127.0.0.1", "tls://localhost")
        assert asyncio.run(carry(nats_plan(url), connect)) == 0
        assert "certificate" in world.one("select last_error from event_sinks").lower()
        by_number = server.url.replace("nats://", "tls://")
        assert asyncio.run(carry(nats_plan(by_number, authority=pem), connect)) == 0, "the certificate is for a name"
        assert asyncio.run(carry(nats_plan(url, authority=pem), connect)) == 1
