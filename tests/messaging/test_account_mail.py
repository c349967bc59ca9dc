"""Mails of links: sent after the commit that made the link, tried again while the server is away, and never twice at a person's cost."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.accounts import account_mail as written
from app.accounts.account_mail import Words
from app.lib import database
from app.lib.clock import now
from app.lib.ids import uuid7
from app.messaging import account_mail
from tests.fixtures.clock import Clock
from tests.fixtures.sink import Sink
from tests.messaging.world import World

WORDS = Words(
    "Ada invites you to Acme", "Open this link:\n\nhttps://x.example/invitation#" + "t" * 43 + "\n\nÄ grüßt.\n"
)


async def post(world: World, to: str = "neo@example.com", *, tenant: int | None = None, life: float = 7) -> UUID:
    about = uuid7()
    async with database.transaction() as session:
        await written.post(
            session,
            tenant or world.tenant,
            about=about,
            recipient=to,
            words=WORDS,
            expires_at=now() + timedelta(days=life),
        )
    return about


async def send() -> bool:
    return await account_mail.send_waiting(database.engine(), 5)


def row(world: World, about: UUID) -> tuple[datetime | None, datetime | None, str | None, bytes | None, int]:
    found = world.db.execute(
        "select sent_at, due_at, error, sealed, attempts from account_mails where about = %s", [about]
    ).fetchone()
    assert found is not None
    return found


async def test_a_mail_leaves_through_the_default_connector_and_its_text_is_gone(world: World) -> None:
    about = await post(world)
    stored = row(world, about)[3]
    assert stored is not None and b"invitation#" not in stored, "sealed while it waits"
    assert await send() is False
    [mail], [envelope] = world.sink.mails, world.sink.envelopes
    assert envelope == ("shop@example.com", "neo@example.com")
    assert (mail["Subject"], mail["List-Unsubscribe"]) == (WORDS.subject, None)
    assert mail.get_content().replace("\r\n", "\n") == WORDS.text
    sent_at, due_at, error, sealed, _ = row(world, about)
    assert (sent_at is not None, due_at, error, sealed) == (True, None, None, None)
    await send()
    assert len(world.sink.mails) == 1


@pytest.mark.parametrize(
    "script", [{"RCPT": ["451 4.3.0 Later"]}, {"EHLO": ["421 4.3.2 Not now"]}, {"DOT": ["cut"]}, {"MAIL": ["cut"]}]
)
async def test_what_may_pass_is_tried_again(world: World, clock: Clock, script: dict[str, list[str]]) -> None:
    """Also when the line broke at the end: a second copy of a link that works once does no harm, a lost one does."""
    about = await post(world)
    world.sink.script.update({verb: list(steps) for verb, steps in script.items()})
    await send()
    sent_at, due_at, error, sealed, _ = row(world, about)
    assert sent_at is None and error is None and sealed is not None
    assert due_at == clock.at + account_mail.FIRST_WAIT
    clock.advance(minutes=1)
    await send()
    assert row(world, about)[0] == clock.at


@pytest.mark.parametrize(
    ("script", "said"), [({"RCPT": ["550 5.1.1 No such user"]}, "No such user"), ({"DATA": ["554 5.7.1 Spam"]}, "Spam")]
)
async def test_what_is_refused_is_given_up_and_said(world: World, script: dict[str, list[str]], said: str) -> None:
    about = await post(world)
    world.sink.script.update(script)
    await send()
    sent_at, due_at, error, sealed, _ = row(world, about)
    assert (sent_at, due_at, sealed) == (None, None, None)
    assert said in (error or "")


async def test_a_link_that_is_over_is_not_mailed(world: World, clock: Clock) -> None:
    about = await post(world, life=1 / 24)
    clock.advance(hours=1)
    await send()
    assert "link ended" in (row(world, about)[2] or "") and not world.sink.mails


@pytest.mark.parametrize("change", ["no connector", "the mailbox", "a wrong password"])
async def test_a_connector_that_cannot_send_it_is_said(world: World, locked: Sink, change: str) -> None:
    about = await post(world)
    if change == "no connector":
        world.db.execute("update connectors set is_default = false")
    elif change == "the mailbox":
        world.db.execute("update connectors set config = config || %s", [Jsonb({"local": True})])
    else:
        world.db.execute("update connectors set is_default = false")
        world.connector(world.tenant, locked.port, password="wrong")
    await send()
    sent_at, due_at, error, _, _ = row(world, about)
    assert (sent_at, due_at) == (None, None) and error
    paused = world.db.execute("select count(*) from connectors where state = 'paused'").fetchone()
    assert paused == (int(change == "a wrong password"),), "what it says about the connector is written down"


@pytest.mark.parametrize("state", ["paused", "away", "ok, and refused when it is tried"])
async def test_it_leaves_by_the_stand_in_while_the_default_does_not_work(
    world: World, locked: Sink, state: str
) -> None:
    about = await post(world)
    stand_in = world.db.execute("update connectors set is_default = false returning id").fetchone()
    default = world.connector(world.tenant, locked.port, password="wrong")
    word = state.partition(",")[0]
    world.db.execute(
        "update connectors set stand_in_id = %s, state = %s, state_since = clock_now(),"
        " probe_at = case when %s = 'away' then clock_now() + interval '1 hour' end where id = %s",
        [stand_in and stand_in[0], word, word, default],
    )
    await send()
    [mail] = world.sink.mails
    assert mail["Subject"] == WORDS.subject and row(world, about)[0] is not None
    assert not locked.mails


async def test_the_mailbox_stands_in_for_nobody(world: World) -> None:
    """A link that is shown inside the product reaches nobody: the mail goes on trying its own connector."""
    about = await post(world)
    mailbox = world.connector(world.tenant, world.sink.port, default=False)
    world.db.execute("update connectors set config = config || %s where id = %s", [Jsonb({"local": True}), mailbox])
    world.db.execute("update connectors set stand_in_id = %s, state = 'paused' where is_default", [mailbox])
    await send()
    assert len(world.sink.mails) == 1 and row(world, about)[0] is not None


async def test_a_mail_whose_worker_died_is_sent_a_little_later(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = await post(world)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch, pytest.raises(asyncio.CancelledError):
        patch.setattr(account_mail, "_send", die)
        await send()
    await send()
    assert not world.sink.mails, "somebody may be at it"
    clock.set(clock.at + account_mail.HELD)
    await send()
    assert row(world, about)[0] == clock.at and len(world.sink.mails) == 1


async def test_no_workspace_fills_a_batch(world: World) -> None:
    """Mails of one workspace, however many, leave room for those of the others in the same look."""
    other = world.workspace("two")
    world.connector(other, world.sink.port)
    for number in range(30):
        await post(world, f"u{number}@example.com")
    await post(world, "lone@example.com", tenant=other)
    async with database.transaction() as session:
        taken = await account_mail._take(session)
    assert len(taken) == account_mail.PER_WORKSPACE + 1


async def test_after_many_tries_it_is_given_up(world: World, clock: Clock) -> None:
    about = await post(world)
    for _ in range(account_mail.TRIES):
        world.sink.script["RCPT"] = ["451 4.3.0 Later"]
        await send()
        clock.set(row(world, about)[1] or clock.at)
    sent_at, due_at, error, _, attempts = row(world, about)
    assert (sent_at, due_at, attempts) == (None, None, account_mail.TRIES)
    assert "Later" in (error or "")
