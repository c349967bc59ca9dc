"""Access tokens by a person's consent: one worker renews them for all, a refresh token that rotates is never lost, and one that has ended
stops the connector until somebody connects it again."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

import app.outside.jobs  # brings the performer
from app.connectors import access_tokens
from app.connectors.access_tokens import AccessTokens
from app.connectors.grants import Grant, open_grant, seal_grant
from app.connectors.senders import seal_password, sender_of
from app.connectors.token_repository import TokenRepository
from app.connectors.trial import with_token
from app.lib.http_client import HttpClient
from app.lib.ids import uuid7
from app.messaging.channels.http.account import HttpAccount
from app.messaging.channels.http.oauth2 import NoToken
from app.messaging.channels.http.service import HttpConnector
from tests.engine.calling import finish
from tests.engine.requests_by_http import RETRY, requesting
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.google_oauth import SECRET, Google
from tests.fixtures.http_server import Asked, Recorder, Reply, json_reply, recording
from tests.fixtures.world import World


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def url(committed_database: CommittedDatabase) -> str:
    assert app.outside.jobs.ACTORS == []
    return committed_database.url


def connected(world: World, google: Google, grant: Grant | None = None) -> tuple[UUID, HttpAccount]:
    """A connector to which somebody has consented; the fake knows the refresh token."""
    connector_id, settings = uuid7(), google.settings()
    secret = seal_password("http", connector_id, settings, SECRET)
    account: HttpAccount = sender_of("http", connector_id, settings, secret).server
    google.refresh = "1//r3fresh-0"
    consent = seal_grant(world.tenant, connector_id, account.consent_terms, grant or Grant(refresh=google.refresh))
    world.db.execute(
        "insert into connectors (tenant_id, id, type, channel, name, config, secret, consent, consented_at) "
        "values (%s, %s, 'http', 0, 'Sheets', %s, %s, %s, clock_now())",
        (world.tenant, connector_id, json.dumps(settings), secret, consent),
    )
    return connector_id, account


def grant_of(world: World, connector_id: UUID, account: HttpAccount) -> Grant | None:
    sealed = world.one("select consent from connectors where id = %s", connector_id)
    return open_grant(world.tenant, connector_id, account.consent_terms, bytes(sealed))


def started(world: World, connector_id: UUID, count: int) -> UUID:
    workflow = world.workflow(requesting("/orders", RETRY, connectorId=str(connector_id), method="POST"))
    world.emit("go", world.contacts(count))
    return workflow


def token_by(world: World, connector_id: UUID, account: HttpAccount, refused: str = "", give_up_s: float = 30) -> str:
    async def run() -> str:
        client = HttpClient()
        tokens = AccessTokens(client)
        try:
            return await asyncio.wait_for(tokens.token(world.tenant, connector_id, account, refused=refused), give_up_s)
        finally:
            await tokens.close()
            await client.close()

    return asyncio.run(run())


def test_one_refresh_serves_all_calls_and_is_written_nowhere_readable(world: World, url: str, server: Recorder) -> None:
    google = Google(server)
    connector_id, _ = connected(world, google)
    workflow = started(world, connector_id, 15)
    finish(world, url)
    assert world.runs(workflow) == {"completed": 15} and google.count == 1
    for table in ("outbound_calls", "steps", "step_attempts", "connector_gates", "connectors"):
        text = str(world.db.execute(f"select coalesce(string_agg(t::text, ''), '') from {table} t").fetchone())
        assert "t0k-" not in text and SECRET not in text and "r3fresh" not in text


def test_a_refresh_token_that_rotates_is_stored_with_what_it_gave(world: World, url: str, server: Recorder) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)
    for number in (1, 2, 3):
        world.db.execute("update connector_gates set access_token_until = clock_now()")
        assert token_by(world, connector_id, account) == f"ya29.t0k-{number}"
        assert grant_of(world, connector_id, account) == Grant(refresh=f"1//r3fresh-{number}")


def test_four_workers_at_once_refresh_once(world: World, url: str, server: Recorder) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)
    server.answer = lambda asked: _slow(google(asked))

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(token_by, world, connector_id, account) for _ in range(4)))

    assert asyncio.run(all_at_once()) == ["ya29.t0k-1"] * 4 and google.count == 1
    assert grant_of(world, connector_id, account) == Grant(refresh="1//r3fresh-1")


def test_a_call_that_is_given_up_meanwhile_loses_no_refresh_token(world: World, url: str, server: Recorder) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)
    server.answer = lambda asked: _slow(google(asked))
    with pytest.raises(TimeoutError):
        token_by(world, connector_id, account, give_up_s=0.2)
    assert grant_of(world, connector_id, account) == Grant(refresh="1//r3fresh-1")
    assert token_by(world, connector_id, account) == "ya29.t0k-1" and google.count == 1


def test_a_database_that_is_away_for_a_moment_loses_none_either(
    world: World, url: str, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)
    store, tries = TokenRepository.store_grant, list[int]()

    def failing(self: TokenRepository, *arguments: Any) -> bool:
        tries.append(1)
        if len(tries) < 3:
            raise psycopg.OperationalError("the connection is lost")
        return store(self, *arguments)

    monkeypatch.setattr(TokenRepository, "store_grant", failing)
    monkeypatch.setattr(access_tokens, "LOOK_S", 0.01)
    assert token_by(world, connector_id, account) == "ya29.t0k-1" and len(tries) == 3
    assert grant_of(world, connector_id, account) == Grant(refresh="1//r3fresh-1")


def test_another_seal_meanwhile_is_no_other_consent(world: World, url: str, server: Recorder) -> None:
    """`./dev connectors rotate-key` while a worker renews: what came is written all the same."""
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)

    def answer(asked: Asked) -> Reply:
        again = seal_grant(world.tenant, connector_id, account.consent_terms, Grant(refresh="1//r3fresh-0"))
        world.db.execute("update connectors set consent = %s", (again,))
        return google(asked)

    server.answer = answer
    assert token_by(world, connector_id, account) == "ya29.t0k-1"
    assert grant_of(world, connector_id, account) == Grant(refresh="1//r3fresh-1")


def test_a_consent_that_somebody_renewed_meanwhile_is_the_one_that_counts(
    world: World, url: str, server: Recorder
) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)

    def answer(asked: Asked) -> Reply:
        reply = google(asked)
        google.refresh = "1//of-another-account"
        newer = seal_grant(world.tenant, connector_id, account.consent_terms, Grant(refresh=google.refresh))
        world.db.execute("update connectors set consent = %s", (newer,))
        return reply

    server.answer = answer
    with pytest.raises(NoToken) as caught:
        token_by(world, connector_id, account)
    assert caught.value.refused is False
    assert world.one("select access_token from connector_gates") is None, "a token of the account before is nobody's"
    server.answer = google
    assert token_by(world, connector_id, account) == "ya29.t0k-2"


def _cut_in_the_middle(
    world: World, google: Google, server: Recorder, connector_id: UUID, account: HttpAccount
) -> None:
    """A process asks for the next token and is killed before it hears the answer; then its lease is over."""
    asked, killed = threading.Event(), threading.Event()

    def answer(request: Asked) -> Reply:
        reply = google(request)
        asked.set()
        killed.wait(20)
        return reply

    server.answer = answer
    worker = multiprocessing.get_context("fork").Process(target=token_by, args=(world, connector_id, account))
    worker.start()
    assert asked.wait(20)
    worker.kill()
    worker.join(20)
    killed.set()
    assert worker.exitcode == -signal.SIGKILL and google.count == 1
    server.answer = google
    world.db.execute("update connector_gates set access_token_lease = now() - interval '1 second'")


def test_a_process_killed_in_the_middle_of_renewing_is_named_as_the_cause(
    world: World, url: str, server: Recorder
) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)
    _cut_in_the_middle(world, google, server, connector_id, account)
    server.answer = lambda asked: Reply(503)
    with pytest.raises(NoToken, match="503"):
        token_by(world, connector_id, account)
    server.answer = google
    started(world, connector_id, 2)
    finish(world, url)
    state, words = world.db.execute("select state, state_message from connectors").fetchone() or ("", "")
    assert state == "paused" and words.startswith("A process ended in the middle of renewing the consent")
    assert "has to connect it again" in words
    assert world.one("select count(*) from calls where lease_until is null and attempt = 1") == 2, "they wait"


def test_a_service_that_takes_the_earlier_token_once_more_mends_a_cut(world: World, url: str, server: Recorder) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)
    before = google.refresh
    _cut_in_the_middle(world, google, server, connector_id, account)
    google.refresh = before
    assert token_by(world, connector_id, account) == "ya29.t0k-2"
    assert grant_of(world, connector_id, account) == Grant(refresh=google.refresh)
    assert world.one("select renewal_cut_at from connector_gates") is None


def test_a_consent_that_was_withdrawn_stops_the_connector_and_calls_wait(
    world: World, url: str, server: Recorder
) -> None:
    google = Google(server)
    connector_id, account = connected(world, google)
    google.refresh = "withdrawn"
    started(world, connector_id, 3)
    finish(world, url)
    assert world.one("select state from connectors") == "paused"
    words = world.one("select state_message from connectors")
    assert "has to connect it again" in words and "Token has been expired or revoked." in words
    assert world.one("select count(*) from calls where lease_until is null and attempt = 1") == 3
    newer = seal_grant(world.tenant, connector_id, account.consent_terms, Grant(refresh=google.refresh))
    world.db.execute("update connectors set consent = %s, state = 'ok', updated_at = clock_now()", (newer,))
    finish(world, url)
    assert world.one("select count(*) from calls") == 0 and world.one("select count(*) from runs where status = 4") == 3


def test_nobody_has_consented(world: World, url: str, server: Recorder) -> None:
    google = Google(server)
    connector_id, account = connected(world, google)
    world.db.execute("update connectors set consent = null")
    with pytest.raises(NoToken, match="Nobody has consented") as caught:
        token_by(world, connector_id, account)
    assert caught.value.refused and server.asked == []
    other = seal_grant(world.tenant, connector_id, (*account.consent_terms[:-1], "more"), Grant(refresh="x"))
    world.db.execute("update connectors set consent = %s", (other,))
    with pytest.raises(NoToken, match="or not to these settings"):
        token_by(world, connector_id, account)


def test_an_access_without_an_end_is_used_until_the_service_refuses_it(
    world: World, url: str, server: Recorder
) -> None:
    google = Google(server)
    connector_id, account = connected(world, google, Grant(access="gho_lasting"))
    assert token_by(world, connector_id, account) == "gho_lasting" and server.asked == []
    with pytest.raises(NoToken, match="takes the consent no more") as caught:
        token_by(world, connector_id, account, refused="gho_lasting")
    assert caught.value.refused


@pytest.mark.parametrize("reply", [Reply(503), json_reply({"error": "internal_failure"}, 500), Reply(200, cut=True)])
def test_a_token_address_that_is_down_ends_no_consent(world: World, url: str, server: Recorder, reply: Reply) -> None:
    google = Google(server)
    connector_id, account = connected(world, google)
    google.instead = reply
    with pytest.raises(NoToken) as caught:
        token_by(world, connector_id, account)
    assert caught.value.refused is False
    google.instead = None
    assert token_by(world, connector_id, account) == "ya29.t0k-1"


def test_a_test_of_the_connection_bears_the_token_of_all(world: World, url: str, server: Recorder) -> None:
    google = Google(server, rotates=True)
    connector_id, account = connected(world, google)

    async def run() -> tuple[str, str]:
        ready = await with_token(world.tenant, connector_id, account, 8)
        return await HttpConnector.tried(ready, 8)

    result, words = asyncio.run(run())
    assert result == "sent" and "answered 200" in words
    assert token_by(world, connector_id, account) == "ya29.t0k-1", "the test has fetched it for everybody"
    google.refresh = "withdrawn"
    world.db.execute("update connector_gates set access_token_until = clock_now()")
    with pytest.raises(NoToken, match="has to connect it again"):
        asyncio.run(run())


def _slow(reply: Reply) -> Reply:
    reply.after_s = 0.6
    return reply
