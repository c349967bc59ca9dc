"""`hasOpened` and `hasClicked` see what each provider reports, as it documents its calls: of the last message, and of a step's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.callbacks.consequences import take_reports
from app.engine import integrity
from app.lib import clock, database
from app.lib.ids import uuid7
from app.messaging.channels import registry
from app.messaging.channels.email.postmark import PostmarkConnector
from app.messaging.channels.push.notification import report_signature
from app.messaging.channels.reports import CallbackCall, CallbackReply
from tests.callbacks.test_reports import entry
from tests.callbacks.test_signatures import (
    AT,
    NOW,
    REFERENCE,
    amazon,
    ask,
    mailgun,
    notification,
    of_mailgun,
    of_sendgrid,
    of_ses,
    sendgrid,
    signed,
)
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

assert amazon  # a fixture
URL = "https://x.example/"


def ses(event: str) -> CallbackReply:
    content = notification(of_ses(event, event.lower(), link="https://shop.example/"))
    return ask(registry.connector_types()["ses"], signed(content))


def postmark(record: str) -> CallbackReply:
    return ask(PostmarkConnector, json.dumps(entry(record, REFERENCE)).encode())


def twilio(status: str) -> CallbackReply:
    fields = {"MessageSid": "SM1", "MessageStatus": status, "To": "whatsapp:+15017122661"}
    text = URL + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.new(b"token", text.encode(), hashlib.sha1).digest()).decode()
    return whole(
        "twilio_whatsapp", urlencode(fields).encode(), secret="token", headers={"x-twilio-signature": signature}
    )


def meta(status: str) -> CallbackReply:
    about = {"id": "wamid.1", "status": status, "timestamp": str(AT), "biz_opaque_callback_data": REFERENCE}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": {"statuses": [about]}}]}]}).encode()
    signature = hmac.new(b"app", body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signature}"}
    return whole("meta_whatsapp", body, callback_secret="app", headers=headers)


def device(kind: str) -> CallbackReply:
    query = {"m": REFERENCE, "d": "d1", "s": report_signature("key", REFERENCE, "d1"), "k": kind}
    return whole("fcm", b"", secret="key", query=query)


def whole(type_name: str, body: bytes, **more: Any) -> CallbackReply:
    plain: dict[str, Any] = {"settings": {}, "secret": "", "callback_secret": "", "query": {}, "headers": {}}
    call = CallbackCall(method="POST", url=URL, body=body, at=NOW, **{**plain, **more})
    return asyncio.run(registry.connector_types()[type_name].callbacks(call))


OPENED, CLICKED = "opened", "clicked"
CALLS: dict[tuple[str, str], Any] = {
    ("ses", OPENED): lambda: ses("Open"),
    ("ses", CLICKED): lambda: ses("Click"),
    ("postmark", OPENED): lambda: postmark("Open"),
    ("postmark", CLICKED): lambda: postmark("Click"),
    ("sendgrid", OPENED): lambda: sendgrid([of_sendgrid("open")]),
    ("sendgrid", CLICKED): lambda: sendgrid([of_sendgrid("click", url="https://shop.example/")]),
    ("mailgun", OPENED): lambda: mailgun(of_mailgun("opened", **{"client-info": {"bot": ""}})),
    ("mailgun", CLICKED): lambda: mailgun(of_mailgun("clicked", url="https://shop.example/")),
    ("twilio_whatsapp", OPENED): lambda: twilio("read"),
    ("meta_whatsapp", OPENED): lambda: meta("read"),
    ("fcm", CLICKED): lambda: device("clicked"),
}
NOTHING: dict[tuple[str, str], Any] = {
    ("postmark", "delivered"): lambda: postmark("Delivery"),
    ("sendgrid", "by a machine"): lambda: sendgrid(
        [of_sendgrid("open", sg_machine_open=True), of_sendgrid("delivered")]
    ),
    ("twilio_whatsapp", "delivered"): lambda: twilio("delivered"),
    ("meta_whatsapp", "delivered"): lambda: meta("delivered"),
}
"""Reports that say nothing of reading."""
ASKED = {
    "last_opened": "hasOpened", "last_clicked": "hasClicked", "first_opened": "steps.first.hasOpened",
    "first_clicked": "steps.first.hasClicked", "second_opened": "steps.second.hasOpened", "after_opened": "hasOpened",
    "after_first": "steps.first.hasOpened",
}  # fmt: skip


@pytest.fixture
def flows(committed_database: CommittedDatabase) -> Iterator[World]:
    world = World(committed_database.url)
    yield world
    world.close()


def two_mails() -> dict[str, Any]:
    """Two mails, a day, a question for each of ASKED; before the last two a third mail, whose run does not wait for its outcome."""
    template = "550e8400-e29b-41d4-a716-446655440001"
    mails = [node(name, "send_email", templateId=template, goOn="queued") for name in ("first", "second", "third")]
    conditions = [node(name, "condition", conditions=[rule(path, "is_true")]) for name, path in ASKED.items()]
    day = node("day", "delay", duration=1, unit="days")
    line = ["trigger", "first", "second", "day", *ASKED]
    line.insert(line.index("after_opened"), "third")
    edges: list[tuple[str, str, str]] = []
    for source, target in pairwise(line):
        ports = ("true", "false") if source in ASKED else ("next",)
        edges += [(source, target, port) for port in ports]
    return flow("e", [*mails, day, *conditions], *edges)


def report(world: World, connector: UUID, type_name: str, reply: CallbackReply, reference: str) -> None:
    """What the provider said, about this message: `REFERENCE` stands for it in the calls."""
    assert not reply.unread and reply.reports
    reports = [msgspec.structs.replace(one, reference=reference) for one in reply.reports]

    async def inside() -> None:
        async with database.job_engine() as engine, AsyncSession(engine) as session:
            await take_reports(session, world.tenant, connector, registry.connector_types()[type_name], reports)
            await session.commit()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(inside())).result()


def test_conditions_see_the_report_of_each_provider(flows: World, amazon: list[str]) -> None:
    cases = [(call, which) for call in (*CALLS, *NOTHING) for which in ("first", "second")]
    contacts = flows.contacts(len(cases))
    flows.workflow(two_mails())
    flows.emit("e", contacts)
    connector = uuid7()
    flows.db.execute(
        "update messages set status = 2, due_at = null, sent_at = clock_now(), connector_id = %s", (connector,)
    )
    flows.db.execute("update node_stats set key = 'message.sent' where key = 'message.queued'")
    for ((type_name, kind), which), contact in zip(cases, contacts, strict=True):
        run_id, seq = flows.db.execute(
            "select run_id, seq from messages where contact_id = %s and node_id = %s", (contact, which)
        ).fetchall()[0]
        reply = {**CALLS, **NOTHING}[type_name, kind]()
        report(flows, connector, type_name, reply, f"{run_id}-{seq}")
    flows.travel(clock.now() + timedelta(days=1, minutes=1))
    for ((type_name, kind), which), contact in zip(cases, contacts, strict=True):
        ways = flows.db.execute(
            "select s.node_id, s.port from steps s join runs r on r.id = s.run_id where r.contact_id = %s", (contact,)
        ).fetchall()
        is_yes = {name: port == "true" for name, port in ways if name in ASKED}
        opened, clicked = kind in (OPENED, CLICKED), kind == CLICKED
        first = which == "first"
        assert is_yes == {
            "last_opened": opened and not first, "last_clicked": clicked and not first, "first_opened": opened and first,
            "first_clicked": clicked and first, "second_opened": opened and not first, "after_opened": False,
            "after_first": opened and first,
        }, (type_name, kind, which)  # fmt: skip
    assert integrity.check(flows.db) == []


@pytest.mark.parametrize("type_name", sorted(registry.connector_types()))
def test_what_a_type_says_that_it_reports_of_people_is_what_its_calls_report(type_name: str) -> None:
    kinds = {kind for name, kind in CALLS if name == type_name}
    kinds |= {OPENED} if CLICKED in kinds else set()
    if type_name == "web_push":  # its service worker calls as an app with Firebase does
        kinds = {OPENED, CLICKED}
    assert set(registry.connector_types()[type_name].engagement) == kinds
