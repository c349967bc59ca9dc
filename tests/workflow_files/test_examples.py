"""Every workflow of docs/examples is imported as it lies there, activated, and runs as its description says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook as StandardWebhook

from app.enrolments import jobs as enrolments
from app.schedules import jobs as schedules
from tests.fixtures.http_server import Recorder, Reply, json_reply, recording
from tests.fixtures.sink import Sink
from tests.workflow_files.conftest import EXAMPLES, MONDAY, Importer, later

ADA = "ada@example.com"


@pytest.fixture
def service() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
async def shop(importer: Importer, sink: Sink) -> Importer:
    config = {"host": "127.0.0.1", "port": sink.port, "security": "none", "fromEmail": "us@example.com"}
    await importer.post("/connectors", {"name": "Mail", "type": "smtp", "config": config})
    await importer.post("/contacts", {"email": ADA, "attributes": {"first_name": "Ada"}})
    await importer.work()
    return importer


async def connect(shop: Importer, name: str, url: str) -> None:
    config = {"baseUrl": url, "auth": "bearer", "secret": "t0ken"}
    await shop.post("/connectors", {"name": name, "type": "http", "config": config})


async def happen(shop: Importer, name: str, **properties: Any) -> None:
    await shop.post("/events", {"name": name, "email": ADA, "properties": properties})
    await shop.work()


def test_each_file_has_its_test() -> None:
    files = {path.stem.replace("-", "_") for path in EXAMPLES.glob("*.json")}
    tested = {name.removeprefix("test_example_") for name in globals() if name.startswith("test_example_")}
    assert files == tested and len(files) == 8
    readme = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in EXAMPLES.glob("*.json") if f"({path.name})" not in readme] == []


async def test_example_order_confirmation(shop: Importer, service: Recorder) -> None:
    await connect(shop, "Warehouse", service.url)
    workflow = await shop.example("order-confirmation")
    path = f"/workflows/{workflow}/triggers/trigger/webhook"
    address = (await shop.api.get(f"/api/v1{path}")).json()["data"]["url"]
    secret = (await shop.post(f"{path}/secret"))["secret"]
    replies = [json_reply({"delivery_day": "Friday"}, 201), Reply(409, b"sold out", {})]
    service.answer = lambda asked: replies[len(service.asked) - 1]
    for number in ("A-1", "A-2"):
        body = msgspec.json.encode({"id": number, "customer": {"email": ADA}, "total": 20, "items": [{"sku": "x"}]})
        signed = StandardWebhook(secret).sign(number, MONDAY, body.decode())
        headers = {
            "content-type": "application/json",
            "webhook-id": number,
            "webhook-timestamp": str(int(MONDAY.timestamp())),
            "webhook-signature": signed,
        }
        answer = await shop.api.post(address[address.index("/api/") :], content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        await shop.work()
    assert [asked.json for asked in service.asked] == [{"order": n, "items": [{"sku": "x"}]} for n in ("A-1", "A-2")]
    assert shop.mails() == ["Order confirmed", "Order takes longer"]
    assert shop.contact(ADA)[0] == ["order-to-check"]
    assert shop.world.runs(workflow) == {"completed": 2}


async def test_example_lead_routing(shop: Importer, service: Recorder) -> None:
    app = {"botToken": "xoxb-a-long-one-1234", "channel": "#general", "baseUrl": service.url}
    await shop.post("/connectors", {"name": "Slack", "type": "slack_app", "config": app})
    workflow = await shop.example("lead-routing")
    replies = [{"ok": True, "ts": "1.2", "channel": "C1"}, {"ok": False, "error": "channel_not_found"}]
    service.answer = lambda asked: json_reply(replies[len(service.asked) - 1])
    for employees in (500, 900, 60, 3):
        await happen(shop, "lead.created", company="Northwind", employees=employees)
    assert ["Northwind, 500 people" in str(asked.json) for asked in service.asked] == [True, False]
    assert shop.mails() == ["Offer a call", "The guide"]
    assert shop.contact(ADA)[0] == ["sales-lead", "tell-sales-by-hand"]
    assert shop.world.runs(workflow) == {"completed": 4}


async def test_example_daily_digest(shop: Importer) -> None:
    await shop.post("/contacts", {"email": ADA, "attributes": {"digest": True, "unread": 3}})
    await shop.post("/contacts", {"email": "bob@example.com", "attributes": {"digest": True}})
    await shop.post("/contacts", {"email": "cy@example.com", "attributes": {"unread": 9}})
    workflow = await shop.example("daily-digest")
    await fire(shop, later(hours=20))
    assert shop.world.runs(workflow) == {"completed": 2}, "only those who asked for it"
    assert shop.mails() == ["Daily digest"] and shop.contact(ADA)[1]["unread"] == 0
    await fire(shop, later(days=1, hours=20))
    assert shop.mails() == ["Daily digest"], "nothing is new"


async def test_example_survey(shop: Importer) -> None:
    workflow = await shop.example("survey")
    for email in ("bea@example.com", "cy@example.com"):
        await shop.post("/contacts", {"email": email})
    for email in (ADA, "bea@example.com", "cy@example.com"):
        await shop.post("/events", {"name": "order.delivered", "email": email})
    await shop.work(later(days=1))
    assert shop.mails() == []
    await shop.work(later(days=3))
    assert shop.mails() == ["How was it?"] * 3
    await shop.post("/events", {"name": "survey.answered", "email": ADA, "properties": {"score": 10}})
    answer = {"score": 3, "comment": "late"}
    await shop.post("/events", {"name": "survey.answered", "email": "bea@example.com", "properties": answer})
    await shop.work()
    await shop.work(later(days=11))
    assert shop.mails() == ["How was it?"] * 3 + ["One more time"]
    assert (shop.contact(ADA)[0], shop.contact("bea@example.com")[0]) == (["promoter"], ["detractor"])
    told = shop.world.one("select properties from events where name = 'support.needed'")
    assert told == answer and shop.world.runs(workflow) == {"completed": 3}


async def test_example_payment_retry(shop: Importer, service: Recorder) -> None:
    await connect(shop, "Payments", service.url)
    with recording() as second:
        await connect(shop, "Second payments", second.url)
        workflow = await shop.example("payment-retry")
        service.answer = lambda asked: Reply(402, b"declined", {})
        second.answer = lambda asked: json_reply({"ok": True}, 201)
        await happen(shop, "payment.failed", invoice="I-1", amount=20)
        assert (shop.mails(), len(service.asked), len(second.asked)) == (["Receipt"], 1, 1)
        second.answer = lambda asked: Reply(402, b"declined", {})
        await happen(shop, "payment.failed", invoice="I-2", amount=30)
        assert shop.mails() == ["Receipt", "Another card, please"]
        await shop.work(later(days=4))
    assert shop.contact(ADA)[0] == ["payment-due"]
    assert shop.world.runs(workflow) == {"completed": 2}


async def test_example_data_clean_up(shop: Importer) -> None:
    workflow = await shop.example("data-clean-up")
    await happen(shop, "form.submitted", first_name="  aDA ", city=" london", interests=["Tea ", "MAPS"])
    tags, attributes = shop.contact(ADA)
    assert sorted(tags) == ["likes-maps", "likes-tea"]
    assert (attributes["first_name"], attributes["city"], attributes["interests"]) == ("Ada", "London", 2)
    assert shop.world.runs(workflow) == {"completed": 1}


async def test_example_ab_welcome(shop: Importer) -> None:
    workflow = await shop.example("ab-welcome")
    people = [f"new-{number}@example.com" for number in range(60)]
    for email in people:
        await shop.post("/contacts", {"email": email})
    await shop.work()
    drawn = {port for node, port in shop.ways(workflow) if node == "test"}
    assert drawn == {"short", "long", "none"} and len(shop.mails()) < 60, "the control group gets no mail"
    await shop.post("/events", {"name": "project.created", "email": people[0]})
    await shop.work(later(days=8))
    assert shop.world.runs(workflow) == {"completed": 59, "goal_reached": 1}
    assert shop.contact(people[1])[0] == ["idle"] and shop.contact(people[0])[0] == []


async def test_example_appointment_reminder(shop: Importer, service: Recorder) -> None:
    await shop.post("/contacts", {"email": ADA, "phone": "+4915112345678", "timezone": "Europe/Berlin"})
    meta = {"phoneNumberId": "106540352242922", "accessToken": "t0ken", "version": "v23.0", "baseUrl": service.url}
    await shop.post("/connectors", {"name": "WhatsApp", "type": "meta_whatsapp", "config": meta})
    twilio = {"accountSid": "AC" + "0" * 32, "sender": "+15017122661", "authToken": "t0ken", "baseUrl": service.url}
    await shop.post("/connectors", {"name": "SMS", "type": "twilio", "config": twilio})
    workflow = await shop.example("appointment-reminder")
    refused = {"error": {"message": "(#131026) Message undeliverable", "type": "OAuthException", "code": 131026}}
    service.answer = lambda asked: (
        json_reply(refused, 400)
        if "messages" in asked.path.lower() and "106540352242922" in asked.path
        else json_reply({"sid": "SM1", "status": "queued"}, 201)
    )
    await happen(shop, "appointment.booked", at="Friday at 10", remind_at="2026-06-04T06:00:00")
    assert service.asked == []
    await shop.work(later(days=2, hours=17))
    assert service.asked == [], "not before nine"
    await shop.work(later(days=2, hours=20))
    assert len(service.asked) == 2
    assert "Friday at 10" in str(service.asked[0].json) and "Friday" in service.asked[1].body.decode()
    assert shop.world.runs(workflow) == {"completed": 1} and shop.contact(ADA)[0] == []


async def fire(shop: Importer, at: Any) -> None:
    """Let the schedules fire that are due until then, and those whom they enrol run."""
    await schedules.work()
    await shop.work(at)
    await schedules.work()
    while await enrolments.enrol_due():
        pass
    await shop.work()
