"""A flow that writes by WhatsApp and, where that fails, by SMS: `send_whatsapp` and `send_sms` behind a fallback, with both providers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.connectors.senders import seal_password
from app.engine import integrity
from app.lib.ids import uuid7
from app.messaging.channels import registry
from app.messaging.deliver import Delivery, connect
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node
from tests.messaging.phone_providers.fake import FakePhoneProvider, Meta, Twilio, listening

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    made.travel(NOON)
    yield made
    made.close()


@pytest.fixture
def meta() -> Iterator[FakePhoneProvider]:
    with listening(Meta) as provider:
        yield provider


@pytest.fixture
def twilio() -> Iterator[FakePhoneProvider]:
    with listening(Twilio) as provider:
        yield provider


def connect_to(world: World, provider: FakePhoneProvider) -> None:
    kind = registry.connector_type(provider.type)
    settings = provider.config()
    secret, connector_id = settings.pop(kind.secret), uuid7()
    config = kind.checked(settings)
    world.db.execute(
        "insert into connectors (id, tenant_id, type, channel, name, config, secret, is_default) values (%s,%s,%s,%s,%s,%s,%s,true)",
        (connector_id, world.tenant, kind.type, registry.number_of(kind.type), kind.type, Jsonb(config),
         seal_password(kind.type, connector_id, config, secret)),
    )  # fmt: skip


def template(world: World, channel: str, text: str, **content: Any) -> str:
    template_id = uuid7()
    world.db.execute(
        "insert into templates (id, tenant_id, name, channel, text, content) values (%s,%s,%s,%s,%s,%s)",
        (template_id, world.tenant, channel, channel, text, Jsonb(content)),
    )
    return str(template_id)


def reminder(world: World, meta: FakePhoneProvider, twilio: FakePhoneProvider) -> UUID:
    """A workflow that reminds: by WhatsApp, else by SMS; the tag `lost` for whom neither reached."""
    connect_to(world, meta)
    connect_to(world, twilio)
    chat = template(world, "whatsapp", "See you at {{1}}.", name="reminder", variables=["{{ event.at }}"])
    text = template(world, "sms", "See you at {{ event.at }}.")
    nodes = [
        node("either", "fallback"),
        node("chat", "send_whatsapp", templateId=chat, **{"class": "transactional"}),
        node("text", "send_sms", templateId=text, **{"class": "transactional"}),
        node("lost", "add_tag", tag="lost"),
    ]
    edges = [
        ("trigger", "either"),
        ("either", "chat", "first"),
        ("either", "text", "second"),
        ("either", "lost", "failed"),
    ]
    return world.workflow(flow("booked", nodes, *edges))


def go_on(world: World, rounds: int = 4) -> None:
    """Let the engine and delivery take turns until nothing is left to do."""
    for _ in range(rounds):
        world.engine.advance()
        with connect() as connection:
            asyncio.run(Delivery(connection).run(10))
    world.engine.advance()


def test_whoever_has_no_whatsapp_gets_an_sms(world: World, meta: FakePhoneProvider, twilio: FakePhoneProvider) -> None:
    flow_id = reminder(world, meta, twilio)
    (ada,) = world.contacts(1, phone="+15017122661")
    (bob,) = world.contacts(1, phone="+15017122662")
    world.emit("booked", [ada], {"at": "5"})
    go_on(world)
    assert [sent.values["body"][0]["text"] for sent in meta.taken] == ["5"] and not twilio.taken
    meta.script = [meta.refusal(131026, "Message undeliverable")]
    world.emit("booked", [bob], {"at": "6"})
    go_on(world)
    assert [(sent.recipient, sent.text) for sent in twilio.taken] == [("+15017122662", "See you at 6.")]
    assert len(meta.taken) == 1 and len(meta.asked) == 2, "nobody was asked twice"
    assert (
        world.runs(flow_id) == {"completed": 2}
        and world.one("select count(*) from contacts where 'lost' = any(tags)") == 0
    )
    outputs = dict(world.db.execute("select node_id, output->>'status' from steps where node_id = 'text'").fetchall())
    assert outputs == {"text": "sent"}
    assert integrity.check(world.db) == []


def test_an_empty_value_or_no_number_goes_the_next_way_and_nothing_leaves(
    world: World, meta: FakePhoneProvider, twilio: FakePhoneProvider
) -> None:
    flow_id = reminder(world, meta, twilio)
    nobody = world.contacts(1)
    someone = world.contacts(1, phone="+15017122663")
    world.emit("booked", nobody, {"at": "7"})
    world.emit("booked", someone, {})
    go_on(world)
    assert not meta.asked, "a value is empty, so nothing left"
    assert [sent.text for sent in twilio.taken] == ["See you at ."]
    assert world.one("select count(*) from contacts where id = %s and 'lost' = any(tags)", nobody[0]) == 1
    assert world.runs(flow_id)["completed"] == 2
    assert integrity.check(world.db) == []
