"""Keeps the rows of polls as the live versions of workflows are."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.dates.upkeep import PublishedTrigger
from app.flow.document import Trigger
from app.flow.row_poll import RowPoll
from app.flow.trigger_registry import typed
from app.polls import repository
from app.polls.repository import StoredPoll


def row_poll_of(trigger: Trigger) -> RowPoll | None:
    """What a trigger asks for; None: it does not."""
    kind, config = typed(trigger)
    return kind.row_poll(config)


def read_poll(trigger_id: str, stored: dict[str, object]) -> RowPoll | None:
    """The same of a trigger as its row has it."""
    return row_poll_of(msgspec.convert({"id": trigger_id, **stored}, Trigger))


async def compare(session: AsyncSession, tenant_id: int, live: Sequence[PublishedTrigger]) -> None:
    """Bring the polls of one workspace to what its live versions are now.

    One that is switched off stays where it is, as one that is paused: what it knows would else start twice when it is on again.
    """
    wanted: dict[tuple[UUID, str], tuple[StoredPoll, RowPoll]] = {}
    for one in live:
        if (poll := row_poll_of(one.trigger)) is not None:
            plain = {"type": one.trigger.type, "data": one.trigger.data}
            wanted[one.workflow_id, one.trigger.id] = (
                StoredPoll(one.workflow_id, one.trigger.id, plain, one.active),
                poll,
            )
    existing = {(row.workflow_id, row.trigger_id): row for row in await repository.stored_polls(session, tenant_id)}
    for key, row in existing.items():
        if key not in wanted:
            await repository.drop_poll(session, tenant_id, row)
    for key, (row, poll) in wanted.items():
        before = existing.get(key)
        if before is None or before.trigger != row.trigger:
            earlier = read_poll(before.trigger_id, before.trigger) if before else None
            await repository.store_poll(session, tenant_id, row, anew=earlier is None or earlier.source != poll.source)
        elif before.active != row.active:
            await repository.switch_poll(session, tenant_id, row)
