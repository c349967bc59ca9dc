"""A world whose messages go to phones, by a provider on this machine."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from app.connectors.schemas import NewConnector
from app.messaging.channels import registry
from tests.messaging.phone_providers.fake import FakePhoneProvider
from tests.messaging.world import World

NAME = "order_shipped"
CONTENT_SID = "HX" + "1b" * 16
WORDING = "Hi {{1}}, your {{2}} are on their way."
VALUES = ["{{ contact.first_name }}", "{{ event.thing }}"]


class Phones:
    """Queued messages of one channel, each to a contact with a number of its own."""

    def __init__(self, world: World, provider: FakePhoneProvider) -> None:
        self.world, self.provider = world, provider
        self.channel = registry.channel_of(provider.type)
        world.connectors("create", NewConnector(name="Phones", type=provider.type, config=provider.config()))
        self.connector: UUID = world.value("select id from connectors where type = %s", provider.type)
        self.template = self.saying()
        self._numbers = 0

    def saying(self, text: str | None = None, **content: Any) -> UUID:
        """A template: what it says, or by WhatsApp one that Meta approved."""
        if text is None and self.channel.type == "whatsapp":
            own = {"contentSid": CONTENT_SID} if self.provider.type == "twilio_whatsapp" else {"name": NAME}
            content = {**own, "variables": VALUES, **content}
        template = self.world.template(self.world.tenant, subject="", html="", text="")
        usual = WORDING if self.channel.type == "whatsapp" else "Hi {{ contact.first_name }}, {{ event.thing }}"
        self.world.db.execute(
            "update templates set channel = %s, text = %s, content = %s where id = %s",
            (self.channel.type, usual if text is None else text, Jsonb(content), template),
        )
        return template

    def message(
        self, phone: str | None = "", *, template: UUID | None = None, payload: Any = None, **contact: Any
    ) -> UUID:
        """The run of a queued message. Without a number it goes to one that nobody else has."""
        if phone == "":
            self._numbers += 1
            phone = f"+1501712{2660 + self._numbers}"
        person = self.world.contact(f"{uuid4()}@example.com", **contact)
        self.world.db.execute("update contacts set phone = %s where id = %s", (phone, person))
        run_id = self.world.message(person, template_id=template or self.template, payload=payload)
        self.world.db.execute("update messages set channel = %s where run_id = %s", (self.channel.number, run_id))
        return run_id

    def ends(self, *run_ids: UUID) -> list[tuple[str, str | None]]:
        rows = [self.world.row(run_id) for run_id in run_ids]
        return [(row["word"], row["reason"]) for row in rows]

    @property
    def state(self) -> tuple[str, str | None]:
        return self.world.connector_state(self.connector)

    def listed(self) -> list[tuple[int, str, str]]:
        """Channel, address and reason of all entries of the suppression list."""
        rows = self.world.db.execute("select channel, address, reason from suppressions order by 2").fetchall()
        return [tuple(row) for row in rows]
