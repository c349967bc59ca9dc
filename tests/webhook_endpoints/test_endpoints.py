"""Endpoints by API and by pages: what they may be, what is shown of them, tests and re-sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain_events.types import NAMES, TYPES
from app.lib import clock
from app.models import EventDelivery, WebhookEndpoint
from app.models.status import Role
from app.models.workspace import Workspace
from app.troubles.service import of_workspace
from app.webhook_endpoints import service
from app.webhook_endpoints.backoff import Reply
from app.webhook_endpoints.secrets import EndpointSecrets
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients, BrowserClients

URL = "/api/v1/webhook-endpoints"
NEW = {
    "url": "https://hear.example.com/hook",
    "eventTypes": ["contact.created", "workflow.run.completed"],
    "description": "CRM",
}


async def made(api: ApiClients, **more: Any) -> tuple[Any, dict[str, Any]]:
    admin = await api(Role.ADMIN)
    answer = await admin.post(URL, json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    return admin, answer.json()["data"]


async def test_an_endpoint_shows_its_secret_once(api: ApiClients, db_session: AsyncSession) -> None:
    admin, data = await made(api)
    row = (await db_session.scalars(select(WebhookEndpoint))).one()
    assert EndpointSecrets.opened(row.sealed, row.tenant_id, row.id).present.text == data["secret"]
    assert row.types == ["workflow.run.completed", "contact.created"], "in the order of the list"
    listed = await admin.get(URL)
    assert data["secret"] not in listed.text and listed.json()["data"][0]["secrets"] == [
        {"hint": f"…{data['secret'][-4:]}", "until": None}
    ]
    assert (await db_session.scalar(text("select n from workflow_epochs"))) == 1, "engines look who listens"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": "http://hear.example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://user:pass@hear.example.com/"}, "url"),
        ({"url": "ftp://hear.example.com/"}, "url"),
        ({"url": "https://hear.example.com:99999/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"url": "https://hear.example.com/a/../b"}, "url"),
        ({"url": "https://hear.example.com:0/"}, "url"),
        ({"url": "https://[fe80::1]/"}, "url"),
        ({"eventTypes": ["contact.creatd"]}, "eventTypes"),
        ({"eventTypes": []}, "eventTypes"),
    ],
)
async def test_what_cannot_be_an_endpoint_is_refused_in_words(
    api: ApiClients, change: dict[str, Any], path: str
) -> None:
    admin = await api(Role.ADMIN)
    answer = await admin.post(URL, json={**NEW, **change})
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"] == path, answer.text
    assert not (await admin.get(URL)).json()["data"]


async def test_there_is_an_end_to_endpoints(api: ApiClients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_ENDPOINTS", 1)
    admin, _ = await made(api)
    answer = await admin.post(URL, json=NEW)
    assert answer.status_code == 409 and answer.json()["code"] == "too_many_endpoints"


async def test_while_a_secret_is_rotated_both_sign(api: ApiClients, db_session: AsyncSession, clock: Clock) -> None:
    admin, data = await made(api)
    url = f"{URL}/{data['endpoint']['id']}"
    rotated = (await admin.post(f"{url}/rotate-secret")).json()["data"]
    assert rotated["secret"] != data["secret"] and len(rotated["endpoint"]["secrets"]) == 2
    row = (await db_session.scalars(select(WebhookEndpoint))).one()
    opened = EndpointSecrets.opened(row.sealed, row.tenant_id, row.id)
    assert [one.text for one in opened.live(clock.now())] == [rotated["secret"], data["secret"]]
    assert [one.text for one in opened.live(clock.now() + timedelta(hours=25))] == [rotated["secret"]]


async def test_switched_off_it_gives_up_what_waits_and_hears_no_more(api: ApiClients, db_session: AsyncSession) -> None:
    admin, data = await made(api)
    url = f"{URL}/{data['endpoint']['id']}"
    await admin.post("/api/v1/contacts", json={"email": "one@example.com"})
    off = (await admin.patch(url, json={"enabled": False})).json()["data"]
    assert (off["enabled"], off["disabledReason"], off["waiting"]) == (False, "person", 0)
    await admin.post("/api/v1/contacts", json={"email": "two@example.com"})
    assert (await admin.patch(url, json={"enabled": True})).json()["data"]["disabledReason"] is None
    await admin.post("/api/v1/contacts", json={"email": "three@example.com"})
    rows = (await db_session.execute(select(EventDelivery.data, EventDelivery.status))).all()
    assert sorted((row[0]["contact"]["email"], row[1]) for row in rows) == [
        ("one@example.com", 2),
        ("three@example.com", 0),
    ]


async def test_contacts_are_told_by_whatever_door_they_come(api: ApiClients, db_session: AsyncSession) -> None:
    admin, data = await made(api, eventTypes=sorted(NAMES))
    contact = (await admin.post("/api/v1/contacts", json={"email": "ada@example.com"})).json()["data"]["id"]
    await admin.patch(f"/api/v1/contacts/{contact}", json={"attributes": {"plan": "pro"}})
    await admin.post("/api/v1/events", json={"name": "contact.created", "email": "ada@example.com"})
    await admin.post("/api/v1/events", json={"name": "seen", "externalId": "crm-1"})
    await admin.delete(f"/api/v1/contacts/{contact}")
    rows = (await db_session.execute(select(EventDelivery.type, EventDelivery.data))).all()
    # What waited about the erased contact went with it, and what a client calls its own event is no event of the product.
    assert sorted(row[0] for row in rows) == ["contact.created", "contact.deleted"]
    told = {row[0]: row[1] for row in rows}
    assert told["contact.created"]["contact"]["externalId"] == "crm-1" and told["contact.created"]["via"] == "event"
    assert told["contact.deleted"] == {"contactId": contact}
    log = (await admin.get(f"{URL}/{data['endpoint']['id']}/deliveries")).json()
    assert [one["status"] for one in log["data"]] == ["waiting", "waiting"]


async def test_workflows_and_segments_are_told(api: ApiClients, db_session: AsyncSession) -> None:
    admin, _ = await made(
        api, eventTypes=["workflow.published", "workflow.activated", "workflow.paused", "segment.member.added"]
    )
    graph = {
        "trigger": {"type": "event", "event": "signed_up"}, "nodes": [{"id": "end", "type": "end", "data": {}}],
        "edges": [{"source": "trigger", "target": "end"}],
    }  # fmt: skip
    workflow = (await admin.post("/api/v1/workflows", json={"name": "Welcome", **graph})).json()["data"]["id"]
    for act in ("activate", "pause", "pause", "resume"):
        answer = await admin.post(f"/api/v1/workflows/{workflow}/{act}")
        assert answer.status_code == 200, answer.text
    segment = (await admin.post("/api/v1/segments", json={"name": "VIP", "kind": "static"})).json()["data"]["id"]
    await admin.post("/api/v1/contacts", json={"email": "ada@example.com"})
    await admin.post(f"/api/v1/segments/{segment}/members", json={"emails": ["ada@example.com"]})
    rows = (await db_session.execute(select(EventDelivery.type, EventDelivery.data))).all()
    assert sorted(row[0] for row in rows) == [
        "segment.member.added", "workflow.activated", "workflow.activated", "workflow.paused", "workflow.published",
    ]  # fmt: skip
    told = {row[0]: row[1] for row in rows}
    assert told["segment.member.added"]["segmentName"] == "VIP"
    assert told["segment.member.added"]["contact"]["email"] == "ada@example.com"
    assert told["workflow.published"]["name"] == "Welcome" and told["workflow.published"]["version"] == 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Reply(200, "thanks"), "delivered"), (Reply(500, "oops"), "failed"), (Reply(None, error="Away."), "failed")],
)
async def test_a_test_says_what_was_answered(
    api: ApiClients, monkeypatch: pytest.MonkeyPatch, reply: Reply, status: str
) -> None:
    sent: list[Any] = []

    async def send(client: Any, delivery: Any, opened: Any) -> Reply:
        sent.append(delivery)
        return reply

    monkeypatch.setattr(service, "send", send)
    admin, data = await made(api)
    url = f"{URL}/{data['endpoint']['id']}"
    answer = (await admin.post(f"{url}/test")).json()["data"]
    assert answer["delivery"]["status"] == status and answer["delivery"]["error"] == reply.why
    assert answer["request"]["type"] == "webhook.test" and answer["request"]["id"] == str(sent[0].id)
    assert answer["answer"] == (reply.text or None) and len(answer["tries"]) == 1
    listed = (await admin.get(f"{url}/deliveries?status={status}")).json()["data"]
    assert [one["type"] for one in listed] == ["webhook.test"]


async def test_an_event_is_sent_again_with_its_id(api: ApiClients, db_session: AsyncSession) -> None:
    admin, data = await made(api)
    url = f"{URL}/{data['endpoint']['id']}"
    await admin.post("/api/v1/contacts", json={"email": "one@example.com"})
    (one,) = (await admin.get(f"{url}/deliveries")).json()["data"]
    again = f"{url}/deliveries/{one['id']}/resend"
    assert (await admin.post(again)).json()["code"] == "delivery_open"
    await db_session.execute(update(EventDelivery).values(status=2, next_at=None, attempt=11))
    resent = (await admin.post(again)).json()["data"]
    assert (resent["id"], resent["status"], resent["attempt"]) == (one["id"], "waiting", 0) and resent["nextAt"]
    await db_session.execute(update(EventDelivery).values(status=1, next_at=None))
    await admin.patch(url, json={"enabled": False})
    assert (await admin.post(again)).json()["code"] == "endpoint_off"


async def test_every_type_has_a_schema_of_what_is_sent(api: ApiClients) -> None:
    viewer = await api(Role.VIEWER)
    listed = (await viewer.get("/api/v1/event-types")).json()["data"]
    assert [one["name"] for one in listed] == [one.name for one in TYPES] and len(NAMES) == len(TYPES)
    for one in listed:
        assert one["schema"]["$defs"] and one["description"].endswith(".") and one["version"] == 1
        assert one["example"]["type"] == one["name"] and one["example"]["data"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"failing_since": timedelta(minutes=30)}, None),
        ({"failing_since": timedelta(hours=2)}, "endpoint_failing"),
        ({"enabled": False, "disabled_reason": "failing", "failing_since": timedelta(days=3)}, "endpoint_off"),
        ({"enabled": False, "disabled_reason": "gone"}, "endpoint_off"),
        ({"enabled": False, "disabled_reason": "person"}, None),
    ],
)
async def test_home_says_that_nothing_arrives(
    api: ApiClients, db_session: AsyncSession, workspace: Workspace, values: dict[str, Any], kind: str | None
) -> None:
    await made(api)
    stored = {name: clock.now() - value if isinstance(value, timedelta) else value for name, value in values.items()}
    await db_session.execute(update(WebhookEndpoint).values(**stored))
    troubles = [one for one in await of_workspace(db_session, workspace.id, {}) if one.kind.startswith("endpoint")]
    assert [one.kind for one in troubles] == ([kind] if kind else [])
    assert all(one.endpoint_host == "hear.example.com" for one in troubles)


async def test_another_workspace_sees_nothing(api: ApiClients, other_workspace: Workspace) -> None:
    _, data = await made(api)
    stranger = await api(Role.ADMIN, other_workspace)
    assert (await stranger.get(URL)).json()["data"] == []
    assert (await stranger.get(f"{URL}/{data['endpoint']['id']}")).status_code == 404


async def test_pages_add_show_and_change_an_endpoint(
    browser: BrowserClients, db_session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(client: Any, delivery: Any, opened: Any) -> Reply:
        return Reply(500, "oops")

    monkeypatch.setattr(service, "send", send)
    admin = await browser(Role.ADMIN)
    home = "/settings/webhooks"
    assert "No webhook endpoints yet" in (await admin.get(home)).text
    empty = await admin.post(home, data={"url": "", "description": ""})
    assert empty.status_code == 422 and "Choose at least one event." in empty.text
    shown = await admin.post(
        home, data={"url": "https://hear.example.com/", "description": "CRM", "types": ["contact.created"]}
    )
    assert shown.status_code == 200 and "whsec_" in shown.text and shown.headers["cache-control"] == "no-store"
    row = (await db_session.scalars(select(WebhookEndpoint))).one()
    one = f"{home}/{row.id}"
    assert "contact.created" in (await admin.get(one)).text
    answer = await admin.post(f"{one}/test")
    assert answer.status_code == 303
    tested = (await admin.get(answer.headers["location"])).text
    assert "The endpoint answered 500." in tested and "oops" in tested and "webhook.test" in tested
    assert (await admin.post(one, data={"url": "nonsense", "types": ["contact.created"]})).status_code == 422
    assert (
        await admin.post(one, data={"url": "https://other.example.com/", "types": ["message.sent"]})
    ).status_code == 303
    assert (await admin.post(f"{one}/switch", data={"enabled": "0"})).status_code == 303
    assert "Switch on" in (await admin.get(one)).text
    assert "whsec_" in (await admin.post(f"{one}/secret")).text
    assert (await admin.post(f"{one}/delete")).status_code == 303
    assert (await admin.get(one)).status_code == 404
