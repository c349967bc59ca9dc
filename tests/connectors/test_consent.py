"""A person consents at the service and comes back: once, in their own session, with a code that a verifier goes with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import service
from app.connectors.grants import Grant, open_grant
from app.lib import clock
from app.messaging.channels import registry
from app.models import Connector
from app.models.status import Role
from tests.fixtures.google_oauth import SECRET, Google
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def google(server: Recorder) -> Google:
    return Google(server)


async def added(browser: Any, google: Google, **change: str) -> tuple[Any, str]:
    admin = await browser(Role.ADMIN)
    form = {"type": "http", "name": "Sheets", "secret": SECRET, **google.settings(**change)}
    answer = await admin.post("/connectors", data=form)
    assert answer.status_code == 303, answer.text
    return admin, str(answer.headers["location"])


async def sent(admin: Any, path: str) -> str:
    answer = await admin.post(f"{path}/connect", headers={"HX-Request": "true"})
    return str(answer.headers["HX-Redirect"])


def flashed(answer: Any) -> str:
    assert "set-cookie" in answer.headers, (answer.status_code, answer.text[-1500:])
    return unquote(answer.headers["set-cookie"])


async def back(admin: Any, returned: dict[str, str], **change: str) -> Any:
    query = {**returned, **change}
    url = returned["redirect"] + "?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in query.items() if k != "redirect")
    answer = await admin.get(urlsplit(url).path + "?" + urlsplit(url).query, follow_redirects=False)
    if answer.status_code != 303:
        print(answer.text)
    return answer


async def row_of(session: AsyncSession) -> Connector:
    row = (await session.scalars(select(Connector))).one()
    await session.refresh(row)
    return row


def grant_of(row: Connector) -> Grant | None:
    terms = registry.connector_type(row.type).consent_terms(row.config)
    return open_grant(row.tenant_id, row.id, terms, row.consent)


async def test_a_person_is_sent_there_and_comes_back_connected(
    browser: Any, db_session: AsyncSession, google: Google
) -> None:
    admin, path = await added(browser, google)
    page = (await admin.get(path)).text
    assert "Nobody has consented yet" in page and "/connectors/consent" in page
    assert "Not connected" in (await admin.get("/connectors")).text
    url = await sent(admin, path)
    query = parse_qs(urlsplit(url).query)
    assert query["access_type"] == ["offline"] and query["prompt"] == ["consent"]
    answer = await back(admin, google.consent(url))
    assert answer.status_code == 303 and answer.headers["location"] == path and "is connected" in flashed(answer)
    row = await row_of(db_session)
    assert (
        grant_of(row) == Grant(refresh="1//r3fresh-1") and row.consented_at is not None and row.consent_pending is None
    )
    assert b"r3fresh" not in (row.consent or b"")
    page = (await admin.get(path)).text
    assert "Connected" in page and "r3fresh" not in page and "t0k-" not in page
    shown = (await admin.get("/connectors")).text
    assert "Not connected" not in shown


async def test_a_state_works_once_for_ten_minutes_and_in_its_session(
    browser: Any, db_session: AsyncSession, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, path = await added(browser, google)
    other = await browser(Role.ADMIN)
    returned = google.consent(await sent(admin, path))
    asked = len(google.recorder.asked)
    wrong = await back(admin, returned, state=returned["state"][:-3] + "AAA")
    assert "begun elsewhere" in flashed(wrong), "it stays open for the right one"
    assert "begun elsewhere" in flashed(await back(other, returned)), "a state that another session has is over"
    assert "begun elsewhere" in flashed(await back(admin, returned))
    assert len(google.recorder.asked) == asked, "the service was asked for nothing"
    first = google.consent(await sent(admin, path))
    second = google.consent(await sent(admin, path))
    assert "begun elsewhere" in flashed(await back(admin, first))
    assert "is connected" in flashed(await back(admin, second))
    assert "begun elsewhere" in flashed(await back(admin, second))
    third = google.consent(await sent(admin, path))
    now = clock.now() + timedelta(minutes=11)
    monkeypatch.setattr("app.connectors.consent.clock.now", lambda: now)
    assert "begun elsewhere" in flashed(await back(admin, third))
    for state in ("", "x", "0b0f2f1e00007000800000000000000a.x"):
        answer = await back(admin, returned, state=state)
        assert answer.status_code in (303, 404) and "is connected" not in str(answer.headers)
    row = await row_of(db_session)
    assert grant_of(row) is not None


async def test_what_the_service_says_instead(browser: Any, db_session: AsyncSession, google: Google) -> None:
    admin, path = await added(browser, google)
    returned = google.consent(await sent(admin, path))
    refused = await back(
        admin, {"redirect": returned["redirect"], "state": returned["state"], "error": "access_denied"}
    )
    assert "access_denied" in flashed(refused)
    for reply, words in (
        (
            json_reply({"error": "redirect_uri_mismatch", "error_description": "Bad Request"}, 400),
            "redirect_uri_mismatch",
        ),
        (Reply(503), "503"),
        (Reply(200, b"<html>"), "without an access token"),
        (Reply(200, cut=True), "No consent"),
    ):
        google.instead = reply
        answer = await back(admin, google.consent(await sent(admin, path)))
        assert words in flashed(answer), words
    assert (await row_of(db_session)).consent is None


async def test_an_access_that_ends_with_nothing_to_renew_it_is_refused_with_what_to_change(
    browser: Any, db_session: AsyncSession, google: Google
) -> None:
    admin, path = await added(browser, google, authorizeUrl=f"{google.recorder.url}/auth?access_type=offline")
    assert "is connected" in flashed(await back(admin, google.consent(await sent(admin, path))))
    before = (await row_of(db_session)).consent
    answer = await back(admin, google.consent(await sent(admin, path)))
    assert "prompt=consent" in flashed(answer), "Google gives a refresh token with the first consent only"
    assert (await row_of(db_session)).consent == before, "the one that works stays"


async def test_an_access_without_an_end_is_a_consent_too(
    browser: Any, db_session: AsyncSession, google: Google
) -> None:
    google.lasting = False
    admin, path = await added(browser, google, authorizeUrl=f"{google.recorder.url}/auth")
    assert "is connected" in flashed(await back(admin, google.consent(await sent(admin, path))))
    assert grant_of(await row_of(db_session)) == Grant(access="ya29.t0k-1")


async def test_another_scope_or_address_voids_a_consent_and_a_new_name_does_not(
    browser: Any, api: Any, db_session: AsyncSession, google: Google
) -> None:
    admin, path = await added(browser, google)
    await back(admin, google.consent(await sent(admin, path)))
    client, url = await api(Role.ADMIN), f"/api/v1{path}"
    renamed = (await client.patch(url, json={"name": "Table"})).json()["data"]
    assert renamed["needsConsent"] is True and renamed["consentedAt"] is not None
    assert "r3fresh" not in str(renamed) and SECRET not in str(renamed)
    changed = (await client.patch(url, json={"config": {"scope": "other"}})).json()["data"]
    assert changed["consentedAt"] is None and (await row_of(db_session)).consent is None


async def test_a_settings_change_on_the_way_voids_what_comes_back(
    browser: Any, api: Any, db_session: AsyncSession, google: Google
) -> None:
    admin, path = await added(browser, google)
    returned = google.consent(await sent(admin, path))
    config = {"baseUrl": "https://elsewhere.example", "secret": SECRET}
    await (await api(Role.ADMIN)).patch(f"/api/v1{path}", json={"config": config})
    assert "begun elsewhere" in flashed(await back(admin, returned))
    assert (await row_of(db_session)).consent is None


async def test_rotating_the_key_seals_a_consent_again(
    browser: Any, db_session: AsyncSession, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from app.settings import settings

    admin, path = await added(browser, google)
    await back(admin, google.consent(await sent(admin, path)))
    now = settings()
    changed = replace(now, secret_key="n" * 64, old_secret_keys=(now.secret_key,))
    monkeypatch.setattr("app.lib.crypto.settings", lambda: changed)
    assert await service.sealed_otherwise(db_session) == 1
    assert await service.reseal_passwords(db_session) == 2
    assert await service.sealed_otherwise(db_session) == 0
    monkeypatch.setattr("app.lib.crypto.settings", lambda: replace(changed, old_secret_keys=()))
    assert grant_of(await row_of(db_session)) == Grant(refresh="1//r3fresh-1")


async def test_a_consent_that_was_withdrawn_is_on_home_and_can_be_given_again(
    browser: Any, db_session: AsyncSession, google: Google
) -> None:
    admin, path = await added(browser, google)
    await back(admin, google.consent(await sent(admin, path)))
    row = await row_of(db_session)
    row.state, row.state_since, row.state_message = "paused", clock.now(), "invalid_grant: revoked"
    await db_session.flush()
    home, page = (await admin.get("/")).text, (await admin.get(path)).text
    assert "Consent ended" in home and "Connect again" in home and "Check the key" not in home
    assert "invalid_grant: revoked" in page and "Connect again" in page
    await back(admin, google.consent(await sent(admin, path)))
    row = await row_of(db_session)
    assert (row.state, row.state_message) == ("ok", None) and grant_of(row) == Grant(refresh="1//r3fresh-2")
    assert "Consent ended" not in (await admin.get("/")).text


async def test_who_may(browser: Any, google: Google) -> None:
    _, path = await added(browser, google)
    viewer = await browser(Role.VIEWER)
    assert (await viewer.post(f"{path}/connect")).status_code == 403
    assert (await viewer.get("/connectors/consent?state=x&code=y")).status_code == 403


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"authorizeUrl": ""}, "Write the address where people consent"),
        ({"authorizeUrl": "http://auth.example.com/a"}, "Credentials need https"),
        ({"authorizeUrl": "https://10.0.0.8/a"}, "not on the public internet"),
        ({"tokenUrl": ""}, "gives access tokens"),
    ],
)
async def test_settings_that_do_not_fit(api: Any, google: Google, change: dict[str, str], words: str) -> None:
    config = {**google.settings(**change), "secret": SECRET}
    answer = await (await api(Role.ADMIN)).post(
        "/api/v1/connectors", json={"type": "http", "name": "x", "config": config}
    )
    assert answer.status_code == 422 and words in answer.text
