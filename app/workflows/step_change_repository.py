"""SQL of who changed a step last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.flow.document import Flow, Node, Trigger
from app.lib.database import execute
from app.models import ApiKey, StepChange, User
from app.models.tenant_repository import TenantRepository

_WRITE = """
insert into step_changes (tenant_id, workflow_id, step_id, user_id, key_id, at)
select %(tenant)s, %(workflow)s, step_id, %(user)s, %(key)s, %(at)s from unnest(%(changed)s::text[]) step_id
on conflict (tenant_id, workflow_id, step_id) do update set user_id = excluded.user_id, key_id = excluded.key_id, at = excluded.at
"""


def changed_steps(before: Flow, after: Flow) -> tuple[list[str], list[str]]:
    """Ids of the steps and triggers whose settings differ or that are new, and of those that are gone. Where a card lies is no setting."""
    known = {card.id: card for card in before.cards}
    changed = [card.id for card in after.cards if card.id not in known or _differ(known[card.id], card)]
    return changed, list(known.keys() - {card.id for card in after.cards})


def _differ(one: Node | Trigger, other: Node | Trigger) -> bool:
    if one is other:
        return False
    if type(one) is not type(other):
        return True
    return any(getattr(one, name) != getattr(other, name) for name in one.__struct_fields__ if name != "position")


class StepChangeRepository(TenantRepository[StepChange]):
    """Who changed the steps of a workspace's drafts last."""

    model = StepChange

    async def write(
        self, workflow_id: UUID, principal: Principal, changed: Sequence[str], removed: Sequence[str], at: datetime
    ) -> None:
        """These steps were changed by `principal`, and what is known of `removed` ones leaves. Two statements at most."""
        if changed:
            await execute(
                self.session,
                _WRITE,
                tenant=self.tenant_id,
                workflow=workflow_id,
                user=principal.user_id,
                key=principal.key_id,
                at=at,
                changed=list(changed),
            )
        if removed:
            await self.delete_where(StepChange.workflow_id == workflow_id, StepChange.step_id.in_(removed))

    async def last(self, workflow_id: UUID, step_id: str) -> StepChange | None:
        """Who changed this step last, if that was written down."""
        return await self.get_one_or_none(StepChange.workflow_id == workflow_id, StepChange.step_id == step_id)


async def name_of_author(session: AsyncSession, change: StepChange) -> str | None:
    """What the person is called now, or their address, or the name of the key, also of one that was revoked; by the role of accounts.

    None: nobody's change, or the person was erased.
    """
    person = select(func.coalesce(func.nullif(User.name, ""), User.email)).where(User.id == change.user_id)
    key = select(ApiKey.name).where(ApiKey.tenant_id == change.tenant_id, ApiKey.id == change.key_id)
    name: str | None = await session.scalar(person if change.user_id else key)
    return name
