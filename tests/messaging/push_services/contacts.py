"""A world whose messages go to devices, by services on this machine."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from app.connectors.schemas import NewConnector
from app.lib.ids import uuid7
from app.models.status import Channel
from tests.messaging.push_services.fake import Browser, Firebase, PushService
from tests.messaging.world import World

SITE = "https://www.northlight.example"


class PushWorld:
    """Queued notifications, each to a contact of its own, with a connector to each of the two services."""

    def __init__(self, world: World, firebase: Firebase, service: PushService) -> None:
        self.world, self.firebase, self.service = world, firebase, service
        self.fcm = self._connector("fcm", firebase.config())
        self.web = self._connector("web_push", {"contact": "mailto:push@northlight.example", "origins": SITE})
        service.public_key = world.value("select config->>'publicKey' from connectors where id = %s", self.web)
        self.template = self.saying()

    def _connector(self, kind: str, config: dict[str, Any]) -> UUID:
        self.world.connectors("create", NewConnector(name=kind, type=kind, config=config))
        connector: UUID = self.world.value("select id from connectors where type = %s", kind)
        return connector

    def saying(
        self, title: str = "Hi {{ contact.first_name }}", text: str = "Your {{ event.thing }}", **content: Any
    ) -> UUID:
        template = self.world.template(self.world.tenant, subject=title, html="", text=text)
        self.world.db.execute(
            "update templates set channel = 'push', content = %s where id = %s", (Jsonb(content), template)
        )
        return template

    def contact(self, **more: Any) -> UUID:
        contact = self.world.contact(f"{uuid4()}@example.com", **more)
        self.world.db.execute("update contacts set external_id = %s where id = %s", (f"c-{contact}", contact))
        return contact

    def device(self, contact: UUID, token: str = "", platform: str = "android", browser: Browser | None = None) -> UUID:
        device, token = uuid7(), browser.endpoint if browser else token or f"token-{uuid4()}"
        self.world.db.execute(
            "insert into contact_devices (tenant_id, id, contact_id, digest, token, platform, keys, connector_id)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                self.world.tenant, device, contact, hashlib.sha256(token.encode()).digest(), token,
                "web" if browser else platform, Jsonb(browser.keys) if browser else None, self.web if browser else None,
            ),
        )  # fmt: skip
        return device

    def message(self, contact: UUID, template: UUID | None = None, payload: Any = None) -> UUID:
        run_id = self.world.message(contact, template_id=template or self.template, payload=payload)
        self.world.db.execute("update messages set channel = %s where run_id = %s", (Channel.PUSH, run_id))
        return run_id

    def end(self, run_id: UUID) -> tuple[str, str | None]:
        row = self.world.row(run_id)
        return row["word"], row["reason"]

    def results(self, run_id: UUID) -> list[str]:
        """What became of it at the devices, in the order of words."""
        return sorted(one["result"] for one in self.world.row(run_id)["devices"] or [])

    def devices(self, contact: UUID) -> list[UUID]:
        query = "select id from contact_devices where contact_id = %s order by id"
        return [row[0] for row in self.world.db.execute(query, (contact,)).fetchall()]

    def state(self, connector: UUID) -> str:
        return self.world.connector_state(connector)[0]
