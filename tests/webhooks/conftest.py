"""A live trigger that programs call, and a sender that signs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from standardwebhooks import Webhook as StandardWebhook

from app.models import Inbox
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import ApiClients
from tests.workflows.examples import PATH, created

ORDER = {"id": 17, "customer": {"email": "Ada@Example.com", "plan": "pro"}, "items": [{"sku": "a"}], "password": "hush"}
MAPPING = {
    "identity": {"email": "$.customer.email"},
    "attributes": {"plan": "$.customer.plan"},
    "properties": {"order": "$.id", "sku": "$.items[0].sku", "missing": "$.nothing"},
}


class Hook:
    """A live trigger that programs call, and its sender."""

    def __init__(self, owner: httpx.AsyncClient, path: str, url: str, clock: Clock) -> None:
        self.owner, self.path, self.url, self.clock, self.secret = owner, path, url, clock, ""

    async def make_secret(self, **body: str) -> str:
        answer = await self.owner.post(f"{self.path}/webhook/secret", json=body)
        assert answer.status_code == 200, answer.text
        self.secret = answer.json()["data"]["secret"]
        return self.secret

    def signed(self, body: bytes, message_id: str = "m1", at: datetime | None = None) -> dict[str, str]:
        at = at or self.clock.now()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": StandardWebhook(self.secret).sign(message_id, at, body.decode()),
        }

    async def send(self, body: Any = ORDER, headers: dict[str, str] | None = None, **sign: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        if headers is None:
            headers = self.signed(content, **sign)
        # A sender has no key and no cookie.
        plain = {"authorization": "", "content-type": "application/json", **headers}
        return await self.owner.post(self.url, content=content, headers=plain)


MakeHook = Callable[..., Awaitable[Hook]]


@pytest.fixture
async def hook(api: ApiClients, clock: Clock) -> MakeHook:
    async def make(active: bool = True, **data: Any) -> Hook:
        admin = await api(Role.ADMIN)
        flow = {
            "name": "Orders",
            "triggers": [{"id": "shop", "type": "webhook", "data": {**MAPPING, **data}}],
            "nodes": [{"id": "end", "type": "end"}],
            "edges": [{"source": "shop", "target": "end"}],
        }
        path = f"{PATH}/{(await created(admin, flow))['id']}"
        if active:
            activated = await admin.post(f"{path}/activate")
            assert activated.status_code == 200, activated.text
        view = await admin.get(f"{path}/triggers/shop/webhook")
        assert view.status_code == 200, view.text
        url = urlsplit(view.json()["data"]["url"]).path
        made_hook = Hook(admin, f"{path}/triggers/shop", url, clock)
        if data.get("signature") != "none":
            await made_hook.make_secret()
        return made_hook

    return make


async def starts(session: AsyncSession) -> list[Inbox]:
    return list((await session.scalars(select(Inbox).where(Inbox.kind == 6).order_by(Inbox.id))).all())
