"""What is around a call: who is found by a phone number, how fast an address may be called, what goes with its trigger, other keys."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from litestar import Litestar
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import crypto
from app.models import Contact, Webhook, WebhookPayload, Workspace
from app.settings import settings
from app.web.rate_limit import Buckets, Limit, limits_of
from app.webhooks import repository
from app.webhooks.keys import WebhookKeys
from app.webhooks.pace import AddressTooFast, WebhookPace
from app.webhooks.service import reseal_webhooks
from tests.fixtures.clock import Clock
from tests.webhooks.conftest import MakeHook, starts

BY_PHONE = {"identity": {"phone": "$.phone"}, "attributes": {"plan": "$.plan"}, "properties": "all"}


@pytest.mark.parametrize(
    ("phones", "sent", "status", "words"),
    [
        (["+491511234567"], "+49 151 1234567", 202, ""),
        ([], "+49 151 1234567", 422, "No contact has this phone number"),
        (["+491511234567"] * 2, "+491511234567", 422, "Several contacts have this phone number"),
        (["+491511234567"], "12", 422, "phone"),
    ],
)
async def test_a_contact_is_found_by_its_phone_number(
    hook: MakeHook,
    db_session: AsyncSession,
    workspace: Workspace,
    phones: list[str],
    sent: str,
    status: int,
    words: str,
) -> None:
    for index, phone in enumerate(phones):
        db_session.add(Contact(tenant_id=workspace.id, email=f"p{index}@example.com", phone=phone, attributes={}))
    await db_session.commit()
    shop = await hook(**BY_PHONE)
    answer = await shop.send({"phone": sent, "plan": "pro"})
    assert answer.status_code == status and words in answer.text, answer.text
    assert len(await starts(db_session)) == (1 if status == 202 else 0)
    plans = (await db_session.scalars(select(Contact.attributes["plan"].astext))).all()
    assert plans == (["pro"] if status == 202 else [None] * len(phones))


class Seconds:
    """A clock of a process."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_all_web_processes_together_let_in_what_one_may(hook: MakeHook, db_session: AsyncSession) -> None:
    """And another address is not slowed down."""
    shop, other = await hook(), await hook()
    assert shop.url != other.url
    first, second = (await db_session.scalars(select(Webhook).order_by(Webhook.created_at, Webhook.workflow_id))).all()
    clocks = [Seconds(), Seconds(), Seconds()]
    processes = [WebhookPace(Limit("webhook", 40, 10), clock) for clock in clocks]
    let_in = 0
    for turn in range(120):
        try:
            await processes[turn % 3].take(first)
        except AddressTooFast as error:
            assert error.retry_after is not None and 1 <= error.retry_after <= 10
        else:
            let_in += 1
    assert let_in == 40, "so many at once, whoever takes them"
    await processes[0].take(second)
    await db_session.execute(text("update webhooks set full_at = full_at - interval '5 seconds'"))
    for clock in clocks:
        clock.now += 5
    again = 0
    for turn in range(60):
        try:
            await processes[turn % 3].take(first)
        except AddressTooFast:
            continue
        again += 1
    assert 18 <= again <= 22, "half of the time, half of the calls"


async def test_who_was_refused_asks_the_database_no_more(
    hook: MakeHook, db_session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hook()
    webhook = (await db_session.scalars(select(Webhook))).one()
    asked: list[str] = []
    take_block = repository.WebhookRepository.take_block

    async def counted(self: repository.WebhookRepository, workflow_id: UUID, trigger_id: str, **block: float) -> float:
        asked.append(trigger_id)
        return await take_block(self, workflow_id, trigger_id, **block)

    monkeypatch.setattr(repository.WebhookRepository, "take_block", counted)
    pace = WebhookPace(Limit("webhook", 100, 10), Seconds())
    for _ in range(100):
        await pace.take(webhook)
    assert len(asked) == 20, "a block at a time"
    for _ in range(1_000):
        with pytest.raises(AddressTooFast):
            await pace.take(webhook)
    assert len(asked) == 21


async def test_an_address_that_is_flooded_refuses_at_the_door(
    hook: MakeHook, db_session: AsyncSession, app_under_test: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, other = await hook(signature="none"), await hook(signature="none")
    monkeypatch.setattr(limits_of(app_under_test), "webhooks", Buckets(Limit("webhook", 3, 10)))
    answers = [await shop.send({"customer": {"email": f"{n}@example.com"}}, {}) for n in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 3 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert (await other.send({"customer": {"email": "x@example.com"}}, {})).status_code == 202
    assert len(await starts(db_session)) == 4


async def test_what_came_goes_with_its_trigger_a_day_later(
    hook: MakeHook, db_session: AsyncSession, clock: Clock
) -> None:
    gone, stays = await hook(active=False), await hook(active=False)
    for shop in (gone, stays):
        await shop.send()
    other = await gone.owner.post(gone.path.removesuffix("/shop"), json={"type": "manual"})
    assert other.status_code == 201, other.text
    removed = await gone.owner.delete(gone.path)
    assert removed.status_code in (200, 204), removed.text
    assert await repository.sweep(db_session, clock.now() - timedelta(days=1)) == 0, "an edit may be taken back"
    await db_session.execute(text("update workflows set updated_at = updated_at - interval '2 days'"))
    assert await repository.sweep(db_session, clock.now() - timedelta(days=1)) == 1
    for model in (Webhook, WebhookPayload):
        assert await db_session.scalar(select(func.count()).select_from(model)) == 1
    assert (await stays.owner.get(f"{stays.path}/webhook/payloads")).json()["data"]


async def test_an_address_is_sealed_again_with_the_present_key(
    hook: MakeHook, db_session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await hook()
    webhook = (await db_session.scalars(select(Webhook))).one()
    place = webhook.tenant_id, webhook.workflow_id, webhook.trigger_id
    before = WebhookKeys.opened(webhook.sealed, place)
    assert await reseal_webhooks(db_session) == 0, "nothing to do"
    old, new = settings().secret_key, "n" * 40
    keys = SimpleNamespace(secret_key=new, secret_keys=(new, old))
    monkeypatch.setattr(crypto, "settings", lambda: keys)
    assert await reseal_webhooks(db_session) == 1
    await db_session.refresh(webhook)
    assert webhook.sealed.startswith(crypto.present_mark())
    assert WebhookKeys.opened(webhook.sealed, place) == before, "senders notice nothing"
    assert (await shop.send()).status_code == 202
