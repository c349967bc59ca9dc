"""Who changed a step last, and when, for the foot of its panel."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest
from app.lib import clock
from app.web.transactions import short_transaction
from app.workflows.step_change_repository import StepChangeRepository, name_of_author


class LastChange(NamedTuple):
    """`kind`: `own` of who looks, `person`, `key`, `erased` of a person who has no account any more, `product` of the product itself."""

    kind: str
    name: str
    at: datetime


def own_change() -> LastChange:
    """One that was stored just now by who asks."""
    return LastChange("own", "", clock.now())


async def last_change(request: AppRequest, session: AsyncSession, workflow_id: UUID, step_id: str) -> LastChange | None:
    """The last change of a step; None where none was written down, as of a copy. One statement, and one of accounts for others' names."""
    tenant_id, principal = request.user.tenant_id, request.user
    change = await StepChangeRepository(session, tenant_id).last(workflow_id, step_id)
    if change is None:
        return None
    if change.user_id is not None and change.user_id == principal.user_id:
        return LastChange("own", "", change.at)
    if change.user_id is None and change.key_id is None:
        return LastChange("product", "", change.at)
    async with short_transaction(request.scope) as accounts:
        name = await name_of_author(accounts, change)
    if name is None:
        return LastChange("erased" if change.user_id else "product", "", change.at)
    return LastChange("person" if change.user_id else "key", name, change.at)
