"""SQL of addresses, the bodies that came in lately, and deliveries that were taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute
from app.models import Webhook, WebhookPayload, Workflow, Workspace
from app.models.tenant_repository import TenantRepository, refers_to

KEPT = 20
"""Bodies that are kept of each address."""
_PLACE = "tenant_id = %(tenant)s and workflow_id = %(workflow)s and trigger_id = %(trigger)s"
_TAKE = """
insert into webhook_deliveries (tenant_id, workflow_id, trigger_id, message_id, run_id, at)
values (%(tenant)s, %(workflow)s, %(trigger)s, %(message)s, %(run)s, %(now)s)
on conflict (tenant_id, workflow_id, trigger_id, message_id) do nothing returning run_id
"""
_TAKEN = f"select run_id from webhook_deliveries where {_PLACE} and message_id = %(message)s"  # noqa: S608  constants
# A few with each delivery, so that their number follows what comes in.
_FORGET = f"""
delete from webhook_deliveries where {_PLACE} and message_id = any(array(
  select message_id from webhook_deliveries where {_PLACE} and at < %(before)s order by at limit 20))
"""  # noqa: S608  constants
_KEEP = f"""
with kept as (
  insert into webhook_payloads (tenant_id, workflow_id, trigger_id, at, payload, headers, error, run_id, contact_id)
  values (%(tenant)s, %(workflow)s, %(trigger)s, %(now)s, %(payload)s, %(headers)s, %(error)s, %(run)s, %(contact)s))
delete from webhook_payloads where {_PLACE} and id <= (
  select id from webhook_payloads where {_PLACE} order by id desc offset {KEPT - 1} limit 1)
"""  # noqa: S608  constants
# Real time: whoever moves the clock of the product slows no sender down.
_TAKE_BLOCK = f"""
with address as (
  select tenant_id, workflow_id, trigger_id, greatest(full_at, now()) + make_interval(secs => %(seconds)s) as after
  from webhooks where {_PLACE} for update),
taken as (
  update webhooks h set full_at = a.after from address a
  where (h.tenant_id, h.workflow_id, h.trigger_id) = (a.tenant_id, a.workflow_id, a.trigger_id)
    and a.after <= now() + make_interval(secs => %(window)s)
  returning 1)
select case when exists (select from taken) then 0 else extract(epoch from after - now()) - %(window)s end::float as wait from address
"""  # noqa: S608  constants
_CREATE = """
insert into webhooks (tenant_id, workflow_id, trigger_id, token_hash, sealed)
values (%(tenant)s, %(workflow)s, %(trigger)s, %(hash)s, %(sealed)s)
on conflict (tenant_id, workflow_id, trigger_id) do nothing
"""
# Nobody takes back an edit of the day before yesterday.
_SWEEP = """
with gone as (
  delete from webhooks h using workflows f
  where f.tenant_id = h.tenant_id and f.id = h.workflow_id and f.updated_at < %(before)s and (f.deleted_at is not null or (
    not exists (select from jsonb_array_elements(coalesce(f.draft->'triggers', jsonb_build_array(f.draft->'trigger'))) t
      where coalesce(t->>'id', 'trigger') = h.trigger_id)
    and not exists (select from workflow_versions v,
        jsonb_array_elements(coalesce(v.graph->'triggers', jsonb_build_array(v.graph->'trigger'))) t
      where v.tenant_id = f.tenant_id and v.workflow_id = f.id and v.version = f.live_version
        and coalesce(t->>'id', 'trigger') = h.trigger_id)))
  returning h.tenant_id, h.workflow_id, h.trigger_id),
payloads as (delete from webhook_payloads p using gone g
  where p.tenant_id = g.tenant_id and p.workflow_id = g.workflow_id and p.trigger_id = g.trigger_id),
deliveries as (delete from webhook_deliveries d using gone g
  where d.tenant_id = g.tenant_id and d.workflow_id = g.workflow_id and d.trigger_id = g.trigger_id)
select 1 from gone
"""


class Called(NamedTuple):
    """An address that is called, with its workflow, and the zone and country of its workspace."""

    webhook: Webhook
    workflow: Workflow
    timezone: str
    country: str | None


class WebhookRepository(TenantRepository[Webhook]):
    """The addresses of a workspace."""

    model = Webhook

    async def called(self, token_hash: bytes) -> Called | None:
        """The address with this token."""
        query = (
            select(Webhook, Workflow, Workspace.timezone, Workspace.settings["country"].astext)
            .join(Workflow, refers_to(Webhook.workflow_id, Workflow))
            .join(Workspace, Workspace.id == Webhook.tenant_id)
            .where(self.own, Webhook.token_hash == token_hash, Workflow.deleted_at.is_(None))
        )
        row = (await self.session.execute(query)).first()
        return None if row is None else Called(*row)

    async def of_trigger(self, workflow_id: UUID, trigger_id: str, *, lock: bool = False) -> Webhook | None:
        """The address of a trigger."""
        place = Webhook.workflow_id == workflow_id, Webhook.trigger_id == trigger_id
        return await self.get_one_or_none(*place, lock=lock, fresh=lock)

    async def create(self, workflow_id: UUID, trigger_id: str, token_hash: bytes, sealed: bytes) -> None:
        """Add one; the first of two requests makes it."""
        await execute(
            self.session,
            _CREATE,
            tenant=self.tenant_id,
            workflow=workflow_id,
            trigger=trigger_id,
            hash=token_hash,
            sealed=sealed,
        )

    async def take_block(self, workflow_id: UUID, trigger_id: str, *, seconds: float, window: float) -> float:
        """Take so many seconds of an address's allowance, of which there are `window` at most; 0, or after how long there are."""
        rows = await execute(
            self.session,
            _TAKE_BLOCK,
            tenant=self.tenant_id,
            workflow=workflow_id,
            trigger=trigger_id,
            seconds=seconds,
            window=window,
        )
        return float(rows[0].wait) if rows else 0.0

    async def samples(self, workflow_id: UUID, trigger_id: str) -> Sequence[WebhookPayload]:
        """The last bodies that came to an address, the newest first."""
        query = (
            select(WebhookPayload)
            .where(
                WebhookPayload.tenant_id == self.tenant_id,
                WebhookPayload.workflow_id == workflow_id,
                WebhookPayload.trigger_id == trigger_id,
            )
            .order_by(WebhookPayload.id.desc())
            .limit(KEPT)
        )
        return (await self.session.scalars(query)).all()

    async def forget_samples(self, workflow_id: UUID, trigger_id: str) -> None:
        """Delete what came to an address."""
        await self.session.execute(
            delete(WebhookPayload).where(
                WebhookPayload.tenant_id == self.tenant_id,
                WebhookPayload.workflow_id == workflow_id,
                WebhookPayload.trigger_id == trigger_id,
            )
        )


class DeliveryRepository:
    """What comes to one address."""

    def __init__(self, session: AsyncSession, webhook: Webhook) -> None:
        self._session = session
        self._place = {"tenant": webhook.tenant_id, "workflow": webhook.workflow_id, "trigger": webhook.trigger_id}

    async def take(self, message_id: str, run_id: UUID, now: datetime) -> UUID | None:
        """Note a delivery. None when it is new, else the run of the first with this id: waits for one that is being handled."""
        parameters = {**self._place, "message": message_id}
        if await execute(self._session, _TAKE, **parameters, run=run_id, now=now):
            return None
        earlier: Any = await execute(self._session, _TAKEN, **parameters)
        first: UUID = earlier[0].run_id
        return first

    async def forget(self, before: datetime) -> None:
        """Let go of a few ids of deliveries from before."""
        await execute(self._session, _FORGET, **self._place, before=before)

    async def keep(
        self,
        payload: Any,
        headers: Mapping[str, str],
        now: datetime,
        *,
        error: str | None = None,
        run: UUID | None = None,
        contact: UUID | None = None,
    ) -> None:
        """Keep a body, with its headers, among the last ones."""
        await execute(
            self._session,
            _KEEP,
            **self._place,
            payload=Jsonb(payload),
            headers=Jsonb(headers),
            now=now,
            error=error,
            run=run,
            contact=contact,
        )


async def sweep(session: AsyncSession, before: datetime) -> int:
    """Delete the addresses of triggers that neither a draft nor a live version has, in workflows that nobody touched since `before`."""
    return len(await execute(session, _SWEEP, before=before))


async def with_other_seals(
    session: AsyncSession, after: tuple[int, UUID, str] | None, mark: bytes, limit: int = 500
) -> Sequence[Any]:
    """Addresses that are not sealed with the present secret key, in the order of their keys."""
    return await execute(
        session,
        """
        select tenant_id, workflow_id, trigger_id, sealed from webhooks
        where (%(tenant)s::int is null or (tenant_id, workflow_id, trigger_id) > (%(tenant)s, %(workflow)s::uuid, %(trigger)s::text))
          and substring(sealed for %(length)s) <> %(mark)s
        order by tenant_id, workflow_id, trigger_id limit %(limit)s
        """,
        tenant=after[0] if after else None,
        workflow=after[1] if after else None,
        trigger=after[2] if after else None,
        mark=mark,
        length=len(mark),
        limit=limit,
    )


async def replace_sealed(session: AsyncSession, place: tuple[int, UUID, str], before: bytes, sealed: bytes) -> int:
    """Put another seal on an address unless it was changed meanwhile. Returns how many were."""
    rows = await execute(
        session,
        f"update webhooks set sealed = %(sealed)s where {_PLACE} and sealed = %(before)s returning 1",  # noqa: S608  constants
        tenant=place[0],
        workflow=place[1],
        trigger=place[2],
        sealed=sealed,
        before=before,
    )
    return len(rows)
