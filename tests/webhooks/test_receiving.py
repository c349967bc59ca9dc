"""`/api/webhooks/{token}`: signatures, what a body becomes, one run a delivery, and what a flood costs others."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.inbox_lane import lane_of_trigger
from app.models import Contact, Inbox, WebhookPayload, Workspace
from app.models.status import Role
from app.webhooks import receiving, signatures
from tests.fixtures.people import ApiClients
from tests.webhooks.conftest import ORDER, MakeHook, starts
from tests.workflows.examples import PATH


async def test_a_call_becomes_a_contact_and_a_run(
    hook: MakeHook, db_session: AsyncSession, workspace: Workspace
) -> None:
    shop = await hook()
    answer = await shop.send()
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    (start,) = await starts(db_session)
    ada = (await db_session.scalars(select(Contact))).one()
    assert (ada.email, ada.attributes, ada.tenant_id) == ("ada@example.com", {"plan": "pro"}, workspace.id)
    assert (start.name, start.contact_id, start.payload) == ("shop", ada.id, {"order": 17, "sku": "a"})
    assert (data["runId"], data["executionId"], data["repeated"]) == (str(start.run_id), str(start.run_id), False)
    pending = await shop.owner.get(f"/api/v1/executions/{data['executionId']}")
    assert pending.json()["data"]["status"] == "pending"


async def test_the_same_delivery_starts_one_run(hook: MakeHook, db_session: AsyncSession) -> None:
    shop = await hook()
    first = (await shop.send()).json()["data"]
    shop.clock.advance(minutes=1)
    again = (await shop.send()).json()["data"]
    assert (again["runId"], again["repeated"]) == (first["runId"], True)
    assert len(await starts(db_session)) == 1
    assert (await shop.send(message_id="m2")).json()["data"]["repeated"] is False
    assert len(await starts(db_session)) == 2


@pytest.mark.parametrize("away", [timedelta(minutes=6), -timedelta(minutes=6)])
async def test_a_signature_holds_for_five_minutes(hook: MakeHook, db_session: AsyncSession, away: timedelta) -> None:
    shop = await hook()
    answer = await shop.send(at=shop.clock.now() + away)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert "5 minutes" in answer.json()["detail"] and not await starts(db_session)


async def test_what_is_not_signed_by_a_live_secret_is_refused_and_not_kept(
    hook: MakeHook, db_session: AsyncSession
) -> None:
    shop = await hook()
    body = msgspec.json.encode(ORDER)
    good = shop.signed(body)
    for headers in (
        {},
        {**good, "webhook-signature": "v1,AAAA"},
        {**good, "webhook-signature": "nonsense"},
        {**good, "webhook-id": "other"},
        {**good, "webhook-timestamp": "soon"},
    ):
        assert (await shop.send(body, headers)).status_code == 401, headers
    assert (await shop.send(body + b" ", good)).status_code == 401
    assert not await starts(db_session) and not (await db_session.scalars(select(WebhookPayload))).all()


async def test_the_secret_before_the_present_one_signs_for_a_day(hook: MakeHook) -> None:
    shop = await hook()
    old, new = shop.secret, await shop.make_secret()
    assert old != new and (await shop.send()).status_code == 202
    shop.secret = old
    assert (await shop.send(message_id="m2")).status_code == 202
    shop.clock.advance(hours=25)
    assert (await shop.send(message_id="m3")).status_code == 401
    view = (await shop.owner.get(f"{shop.path}/webhook")).json()["data"]
    assert [secret["until"] for secret in view["secrets"]] == [None] and new not in str(view)


@pytest.mark.parametrize("encoding", ["hex", "base64"])
async def test_an_hmac_in_a_header(hook: MakeHook, db_session: AsyncSession, encoding: str) -> None:
    shop = await hook(signature={"header": "X-Shop-Hmac", "encoding": encoding})
    await shop.make_secret(secret="the-shop-made-this-secret")
    body = msgspec.json.encode(ORDER)
    digest = hmac.digest(b"the-shop-made-this-secret", body, hashlib.sha256)
    text = f"sha256={digest.hex()}" if encoding == "hex" else base64.b64encode(digest).decode()
    assert (await shop.send(body, {"X-Shop-Hmac": text})).status_code == 202
    assert (await shop.send(body, {"X-Shop-Hmac": text})).json()["data"]["repeated"] is True
    assert (await shop.send(body + b" ", {"X-Shop-Hmac": text})).status_code == 401
    assert (await shop.send(body, {})).status_code == 401
    assert len(await starts(db_session)) == 1


async def test_calls_that_are_not_signed_say_so_and_may_carry_an_id(hook: MakeHook, db_session: AsyncSession) -> None:
    shop = await hook(signature="none")
    expected = (await shop.owner.get(shop.url)).json()["data"]
    assert "not signed" in expected["signature"] and expected["listening"] is True
    for _ in range(2):
        assert (await shop.send(ORDER, {"webhook-id": "a"})).status_code == 202
    assert (await shop.send(ORDER, {})).status_code == 202
    assert len(await starts(db_session)) == 2


async def test_a_body_about_nobody_is_refused_with_the_reason_and_kept(
    hook: MakeHook, db_session: AsyncSession
) -> None:
    shop = await hook()
    answer = await shop.send({"customer": {}})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_mapped")
    assert "no email at $.customer.email" in answer.json()["errors"][0]["message"]
    assert not await starts(db_session)
    (sample,) = (await shop.owner.get(f"{shop.path}/webhook/payloads")).json()["data"]
    assert sample["payload"] == {"customer": {}} and "no email" in sample["error"] and sample["runId"] is None
    # The same delivery, mended by the sender, is a new one.
    assert (await shop.send(ORDER)).json()["data"]["repeated"] is False


async def test_contacts_that_are_not_known_are_added_only_where_that_is_wanted(
    hook: MakeHook, db_session: AsyncSession, workspace: Workspace
) -> None:
    shop = await hook(createContact=False)
    assert (await shop.send()).status_code == 422
    assert not (await db_session.scalars(select(Contact))).all()
    db_session.add(Contact(tenant_id=workspace.id, email="ada@example.com", attributes={}))
    await db_session.commit()
    assert (await shop.send()).status_code == 202


async def test_a_run_without_a_contact_has_all_of_the_body(hook: MakeHook, db_session: AsyncSession) -> None:
    shop = await hook(identity={}, attributes={}, properties="all")
    assert (await shop.send([{"a": 1}])).status_code == 202
    (start,) = await starts(db_session)
    assert (start.contact_id, start.payload) == (None, {"items": [{"a": 1}]})


async def test_what_comes_before_the_workflow_is_active_is_kept_as_a_sample(
    hook: MakeHook, db_session: AsyncSession
) -> None:
    shop = await hook(active=False)
    answer = await shop.send()
    assert (answer.status_code, answer.json()["code"]) == (409, "not_listening")
    (sample,) = (await shop.owner.get(f"{shop.path}/webhook/payloads")).json()["data"]
    assert (
        sample["payload"]["password"] == "[left out]" and sample["payload"]["customer"]["email"] == "Ad***@Example.com"
    )
    (mapped,) = (await shop.owner.post(f"{shop.path}/webhook/preview")).json()["data"]
    assert mapped["properties"] == {"order": 17, "sku": "a"} and mapped["errors"] == []
    other = {"data": {"identity": {"email": "$.mail"}}}
    (tried,) = (await shop.owner.post(f"{shop.path}/webhook/preview", json=other)).json()["data"]
    assert "$.mail" in tried["errors"][0]["message"] and not await starts(db_session)


async def test_headers_that_tell_what_a_call_is_about_are_kept_and_read_by_the_preview(hook: MakeHook) -> None:
    mapped_headers = {"topic": "X-Shop-Topic", "plan": "X-Odd", "secret": "X-Api-Key"}
    shop = await hook(active=False, signature={"header": "X-Proof-Type", "algorithm": "token"}, headers=mapped_headers)
    telling = {
        "x-shop-topic": "orders/paid",
        "x-odd": "gold",
        "x-github-delivery": "d1",
        "x-sender-name": "ada@example.com",
    }
    secret = {
        "x-proof-type": shop.secret, "x-api-key": "k", "cookie": "c=1", "x-hub-signature-256": "sha256=1", "x-auth-type": "a",
        "x-forwarded-for": "203.0.113.9", "x-session-id": "s", "x-shopify-hmac-sha256": "h", "x-unrelated": "u",
    }  # fmt: skip
    assert (await shop.send(ORDER, {**telling, **secret})).status_code == 409
    (sample,) = (await shop.owner.get(f"{shop.path}/webhook/payloads")).json()["data"]
    own = {name: value for name, value in sample["headers"].items() if name not in ("user-agent", "content-type")}
    assert own == {**telling, "x-sender-name": "ad***@example.com"}
    (outcome,) = (await shop.owner.post(f"{shop.path}/webhook/preview")).json()["data"]
    assert outcome["properties"] == {"order": 17, "sku": "a", "topic": "orders/paid", "plan": "gold"}
    tried = {"payload": ORDER, "headers": {"X-Shop-Topic": "orders/new"}}
    (outcome,) = (await shop.owner.post(f"{shop.path}/webhook/preview", json=tried)).json()["data"]
    assert outcome["properties"] == {"order": 17, "sku": "a", "topic": "orders/new"}


async def test_twenty_bodies_are_kept_and_can_be_forgotten(hook: MakeHook) -> None:
    shop = await hook(active=False, signature="none")
    for number in range(23):
        await shop.send({"n": number}, {})
    kept_numbers = [
        one["payload"]["n"] for one in (await shop.owner.get(f"{shop.path}/webhook/payloads")).json()["data"]
    ]
    assert kept_numbers == list(range(22, 2, -1))
    assert (await shop.owner.delete(f"{shop.path}/webhook/payloads")).status_code == 200
    assert (await shop.owner.get(f"{shop.path}/webhook/payloads")).json()["data"] == []


async def test_another_address_and_a_copy(hook: MakeHook) -> None:
    shop = await hook()
    old = shop.url
    shop.url = urlsplit((await shop.owner.post(f"{shop.path}/webhook/address")).json()["data"]["url"]).path
    assert (await shop.send()).status_code == 202
    assert (await shop.owner.get(old)).status_code == 404
    workflow = shop.path.split("/triggers")[0]
    copy = (await shop.owner.post(f"{workflow}/duplicate")).json()["data"]["id"]
    view = (await shop.owner.get(f"{PATH}/{copy}/triggers/shop/webhook")).json()["data"]
    assert not view["url"].endswith(shop.url) and view["secrets"] == []


async def test_an_address_ends_with_its_trigger(hook: MakeHook) -> None:
    shop = await hook()
    workflow = shop.path.split("/triggers")[0]
    await shop.owner.post(f"{workflow}/triggers", json={"id": "other", "type": "manual", "target": "end"})
    await shop.owner.post(f"{workflow}/versions")
    off = await shop.owner.post(f"{shop.path}/disable")
    assert off.status_code == 200, off.text
    assert (await shop.send()).json()["code"] == "not_listening"
    await shop.owner.delete(shop.path)
    assert (await shop.send(message_id="m2")).status_code == 409, "the live version has it still"
    await shop.owner.post(f"{workflow}/versions")
    assert (await shop.send(message_id="m3")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[" * 100 + b"]" * 100, 400), (b'{"a":1,"a":2}', 400), (b'"' + b"x" * 300_000 + b'"', 413)]
)  # fmt: skip
async def test_bodies_are_bounded_before_they_are_read(
    hook: MakeHook, db_session: AsyncSession, body: bytes, status: int
) -> None:
    shop = await hook(signature="none")
    answer = await shop.send(body, {})
    assert answer.status_code == status, answer.text
    assert not await starts(db_session)


async def test_a_body_larger_than_what_strangers_may_send_is_taken(hook: MakeHook) -> None:
    shop = await hook(signature="none")
    assert (await shop.send({**ORDER, "text": "x" * 100_000}, {})).status_code == 202


async def test_an_address_with_too_many_runs_that_wait_takes_no_more(
    hook: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_WAITING", 1)
    shop, other = await hook(signature="none"), await hook(signature="none")
    assert (await shop.send(ORDER, {})).status_code == 202
    refused = await shop.send(ORDER, {})
    assert refused.status_code == 429 and refused.headers["retry-after"] == "30"
    assert (await other.send(ORDER, {})).status_code == 202


async def test_what_a_call_brings_waits_in_a_lane_of_its_address(
    hook: MakeHook, db_session: AsyncSession, api: ApiClients
) -> None:
    """The start, and what others hear of the contact, also when it was there before; what programs and people bring is everybody's."""
    shop, other = await hook(signature="none"), await hook(signature="none")
    client = await api(Role.MARKETER)
    assert (await client.post("/api/v1/contacts", json={"email": "grace@example.com"})).status_code == 201
    senders = [(shop, "ada@example.com"), (shop, "grace@example.com"), (other, "eve@example.com")]
    for sender, email in senders:
        answer = await sender.send({**ORDER, "customer": {"email": email, "plan": "pro"}}, {})
        assert answer.status_code == 202
    rows = (await db_session.execute(select(Inbox.lane, Inbox.name).order_by(Inbox.id))).all()
    lanes = [lane_of_trigger(UUID(one.path.split("/")[-3]), "shop") for one in (shop, other)]
    assert [(lane, name) for lane, name in rows] == [
        (0, "contact.created"),
        (lanes[0], "contact.created"), (lanes[0], "shop"),
        (lanes[0], "contact.updated"), (lanes[0], "contact.attribute_changed"), (lanes[0], "shop"),
        (lanes[1], "contact.created"), (lanes[1], "shop"),
    ]  # fmt: skip


async def test_tokens_of_nobody_are_not_found(hook: MakeHook) -> None:
    shop = await hook()
    for token in ("x", "1-" + "a" * 43, "99999999999-" + "a" * 43, shop.url.rpartition("/")[2][:-1] + "_"):
        assert (await shop.owner.get(f"/api/webhooks/{token}")).status_code == 404


async def test_viewers_do_not_see_addresses(hook: MakeHook, api: ApiClients) -> None:
    shop = await hook()
    viewer = await api(Role.VIEWER)
    assert (await viewer.get(f"{shop.path}/webhook")).status_code == 403
    marketer = await api(Role.MARKETER)
    assert (await marketer.get(f"{shop.path.replace('shop', 'nowhere')}/webhook")).status_code == 404


def test_a_signature_header_of_many_parts_costs_little() -> None:
    headers = {"webhook-id": "a", "webhook-timestamp": "0", "webhook-signature": "v1,x " * 100_000}
    with pytest.raises(signatures.NotSigned):
        signatures.delivery_id(
            "standard", ["whsec_aaaa"], headers, b"{}", datetime.fromisoformat("1970-01-01T00:00:00Z")
        )
