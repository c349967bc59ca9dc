"""A stored password goes where it was entered for, whatever door its settings are changed by, and nothing else leaves with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import senders, service, trial
from app.errors import TooMany
from app.lib import crypto, egress
from app.lib.ids import uuid7
from app.messaging.channels.email import smtp_connector
from app.models import Connector, Contact, Workspace
from app.models.status import Role
from tests.fixtures.sink import Sink

CONFIG = {"host": "smtp.example.com", "fromEmail": "shop@example.com", "username": "AKIAUSER", "password": "p4ss"}
PATH = "/api/v1/connectors"


@pytest.fixture
def locked() -> Iterator[Sink]:
    made = Sink(password="p4ss")
    made.start()
    yield made
    made.stop()


async def made(api: Any, **config: Any) -> str:
    answer = await (await api(Role.ADMIN)).post(PATH, json={"name": "Relay", "config": {**CONFIG, **config}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def stored(session: AsyncSession, connector_id: str) -> Connector:
    row = (await session.scalars(select(Connector).where(Connector.id == UUID(connector_id)))).one()
    await session.refresh(row)
    return row


def password_of(row: Connector) -> str:
    return senders.sender_of(row.type, row.id, row.config, row.secret).server.password


@pytest.mark.parametrize(
    "change",
    [
        {"host": "evil.example"}, {"host": "smtp.example.com.evil.example"}, {"port": 465}, {"port": 2525}, {"security": "tls"},
        {"security": "none"}, {"username": "somebody"}, {"host": "127.0.0.1", "port": 8832, "security": "none"},
        {"host": "evil.example", "fromName": "X"},
    ],
)  # fmt: skip
async def test_another_server_asks_for_the_password_again(
    api: Any, db_session: AsyncSession, change: dict[str, Any]
) -> None:
    connector_id = await made(api)
    client = await api(Role.ADMIN)
    refused = await client.patch(f"{PATH}/{connector_id}", json={"config": change})
    assert refused.status_code == 422
    (field_error,) = refused.json()["errors"]
    assert field_error["path"] in ("config.password", "config.security") and field_error["message"]
    row = await stored(db_session, connector_id)
    assert (row.config["host"], row.config["port"], password_of(row)) == ("smtp.example.com", 587, "p4ss")
    if change.get("security") != "none":
        done = await client.patch(f"{PATH}/{connector_id}", json={"config": {**change, "password": "new"}})
        assert done.status_code == 200
        assert password_of(await stored(db_session, connector_id)) == "new"
        gone = await client.patch(f"{PATH}/{connector_id}", json={"config": {"port": 26, "password": ""}})
        assert gone.json()["data"]["config"]["hasPassword"] is False


@pytest.mark.parametrize(
    "same",
    [
        {"host": "SMTP.example.com."},
        {"port": 587},
        {"fromName": "Us"},
        {"username": "AKIAUSER", "security": "starttls"},
    ],
)
async def test_the_same_server_keeps_it(api: Any, db_session: AsyncSession, same: dict[str, Any]) -> None:
    connector_id = await made(api)
    answer = await (await api(Role.ADMIN)).patch(f"{PATH}/{connector_id}", json={"config": same, "name": "Other"})
    assert answer.status_code == 200, answer.text
    assert password_of(await stored(db_session, connector_id)) == "p4ss"


async def test_without_a_user_name_there_is_no_password(api: Any, db_session: AsyncSession) -> None:
    connector_id = await made(api)
    answer = await (await api(Role.ADMIN)).patch(
        f"{PATH}/{connector_id}", json={"config": {"username": "", "port": 25}}
    )
    assert answer.json()["data"]["config"]["hasPassword"] is False
    assert (await stored(db_session, connector_id)).secret is None


@pytest.mark.parametrize("edit", ['{"host": "127.0.0.1"}', '{"port": 25}', '{"security": "none"}', '{"username": "x"}'])
async def test_an_edited_row_has_a_password_that_does_not_open(api: Any, db_session: AsyncSession, edit: str) -> None:
    connector_id = await made(api)
    query = text("update connectors set config = config || cast(:edit as jsonb) where id = :id")
    await db_session.execute(query, {"edit": edit, "id": connector_id})
    row = await stored(db_session, connector_id)
    with pytest.raises(crypto.CannotUnseal):
        password_of(row)
    row.secret = row.secret and row.secret.removeprefix(senders.BOUND)
    with pytest.raises(crypto.CannotUnseal):
        password_of(row)
    answer = await (await api(Role.ADMIN)).post(f"{PATH}/{connector_id}/test", json={"to": "me@example.com"})
    assert answer.json()["data"] == {
        "result": "misconfigured",
        "message": "The password of the connector cannot be read. An admin can enter it again.",
    }


async def test_passwords_of_an_older_release_are_bound_once(api: Any, db_session: AsyncSession) -> None:
    ids = [await made(api)]
    for number in range(3):
        answer = await (await api(Role.ADMIN)).post(PATH, json={"name": f"n{number}", "config": CONFIG})
        ids.append(answer.json()["data"]["id"])
    rows = [await stored(db_session, connector_id) for connector_id in ids]
    old, foreign = rows[1], rows[2]
    old.secret = crypto.seal(b"from before", f"connector:{old.id}")
    foreign.secret = b"sealed with another key, so nobody can read it"
    await db_session.flush()
    await db_session.refresh(old)
    changed_at = old.updated_at
    assert password_of(old) == "from before"
    assert await service.reseal_passwords(db_session) == 1
    for row in rows:
        await db_session.refresh(row)
    assert password_of(old) == "from before" and old.secret.startswith(senders.BOUND)
    assert old.updated_at == changed_at, "its settings did not change"
    assert [password_of(rows[0]), password_of(rows[3])] == ["p4ss", "p4ss"]
    assert await service.reseal_passwords(db_session) == 0
    old.config = {**old.config, "host": "evil.example"}
    with pytest.raises(crypto.CannotUnseal):
        password_of(old)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"host": "x\n"}, "host"), ({"host": "a\x00b"}, "host"), ({"host": "10.1.2.3"}, "host"), ({"host": "[::ffff:10.1.2.3]"}, "host"),
        ({"host": "169.254.169.254"}, "host"),
        ({"host": "2852039166"}, "host"), ({"host": "postgres"}, "host"), ({"host": "valkey."}, "host"),
        ({"host": "fe80::1%1"}, "host"), ({"fromName": "X\r\nBcc: all@example.com"}, "fromName"), ({"fromName": "X\u2028Y"}, "fromName"),
        ({"fromName": "tab\there"}, "fromName"),
        ({"username": "u\r\nRCPT TO:<x@example.com>"}, "username"), ({"username": "u\x00"}, "username"),
        ({"password": "a\r\nb"}, "password"), ({"fromEmail": "a@example.com\r\nBcc: b@example.com"}, "fromEmail"),
        ({"security": "none"}, "security"), ({"security": "none", "host": "93.184.216.34"}, "security"),
    ],
)  # fmt: skip
async def test_what_no_mail_server_is_told_is_refused_where_it_enters(api: Any, change: Any, path: str) -> None:
    client = await api(Role.ADMIN)
    answer = await client.post(PATH, json={"name": "Relay", "config": {**CONFIG, **change}})
    assert answer.status_code == 422, answer.text
    assert [field_error["path"] for field_error in answer.json()["errors"]] == [f"config.{path}"]
    connector_id = await made(api)
    changed = await client.patch(f"{PATH}/{connector_id}", json={"config": {"password": "p4ss", **change}})
    assert changed.status_code == 422 and changed.json()["errors"][0]["path"] == f"config.{path}"


async def test_a_name_is_stored_in_its_one_form(api: Any, db_session: AsyncSession) -> None:
    row = await stored(db_session, await made(api, host="SMTP.Müller.example."))
    assert row.config["host"] == "smtp.xn--mller-kva.example"


async def test_connectors_from_before_stay_editable(api: Any, db_session: AsyncSession, workspace: Workspace) -> None:
    """Their server may be one that could not be entered today; what is not touched is not asked about."""
    config = {
        "host": "10.0.0.7",
        "port": 25,
        "security": "none",
        "username": "u",
        "fromEmail": "a@example.com",
        "fromName": "",
    }
    row = Connector(id=(key := uuid7()), tenant_id=workspace.id, type="smtp", name="c", config=config,
                    secret=senders.seal_password("smtp", key, config, "p"), is_default=True)  # fmt: skip
    db_session.add(row)
    await db_session.flush()
    client = await api(Role.ADMIN)
    assert (await client.patch(f"{PATH}/{key}", json={"config": {**config, "fromName": "New"}})).status_code == 200
    refused = await client.patch(f"{PATH}/{key}", json={"config": {"port": 26, "password": "p"}})
    assert refused.json()["errors"][0]["path"] == "config.security"


async def test_a_test_mail_asks_what_every_mail_asks(
    api: Any, locked: Sink, db_session: AsyncSession, workspace: Workspace
) -> None:
    connector_id = await made(api, host="127.0.0.1", port=locked.port, security="none")
    client = await api(Role.ADMIN)
    await client.post("/api/v1/suppressions", json={"address": "gone@example.com", "reason": "bounced"})
    db_session.add(Contact(tenant_id=workspace.id, email="no@example.com", consent={"email": False}))
    await db_session.flush()
    for to, result in (("Gone@Example.com", "rejected"), ("no@example.com", "rejected"), ("yes@example.com", "sent")):
        answer = await client.post(f"{PATH}/{connector_id}/test", json={"to": to})
        assert answer.json()["data"]["result"] == result, answer.text
    assert [to for _, to in locked.envelopes] == ["yes@example.com"]


async def test_an_old_name_of_a_sender_cannot_break_the_test(api: Any, locked: Sink, db_session: AsyncSession) -> None:
    connector_id = await made(api, host="127.0.0.1", port=locked.port, security="none")
    row = await stored(db_session, connector_id)
    row.config = {**row.config, "fromName": "X\r\nBcc: all@example.com"}
    await db_session.flush()
    answer = await (await api(Role.ADMIN)).post(f"{PATH}/{connector_id}/test", json={"to": "me@example.com"})
    assert answer.json()["data"]["result"] == "sent"
    (mail,) = locked.mails
    assert mail["Bcc"] is None and locked.envelopes == [("shop@example.com", "me@example.com")]


async def test_a_test_waits_for_the_server_without_a_connection_and_not_for_long(
    api: Any, locked: Sink, db_session: AsyncSession, monkeypatch: pytest.MonkeyPatch, held_while_waiting: list[str]
) -> None:
    monkeypatch.setattr(trial, "DEADLINE_S", 0.3)
    connector_id = await made(api, host="127.0.0.1", port=locked.port, security="none")
    locked.script["EHLO"] = [2.0]
    client = await api(Role.ADMIN)
    answer = await client.post(f"{PATH}/{connector_id}/test", json={"to": "me@example.com"})
    assert answer.json()["data"]["result"] == "away" and held_while_waiting == []
    assert (await stored(db_session, connector_id)).state == "away"


def test_ten_tests_a_minute_and_one_at_a_time() -> None:
    now = [100.0]
    turns = trial.Turns(lambda: now[0])
    for _ in range(trial.A_MINUTE):
        with turns.take("ann"), pytest.raises(TooMany), turns.take("ann"):
            pass
    with pytest.raises(TooMany) as told, turns.take("ann"):
        pass
    assert told.value.retry_after == 61
    with turns.take("bob"):
        pass
    now[0] += 61
    with turns.take("ann"):
        pass
    for number in range(5_000):
        with turns.take(number):
            pass
    assert len(turns._tries) <= trial._REMEMBERED


def test_the_mailbox_of_local_mode_needs_no_encryption() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.3.2.1"):
        smtp_connector.check_encryption({"host": host, "security": "none", "username": "u"})
        assert egress.is_this_machine(host)
