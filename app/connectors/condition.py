"""Changes of a connector's state by a person: a test mail reports its outcome, a change of settings or "Try again" ends a pause."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import repository
from app.connectors.release_repository import release_now_or_soon
from app.connectors.state import ConnectorState, change_of
from app.lib import jobs
from app.messaging.channels.result import Result
from app.models import Connector


def condition_of(connector: Connector) -> ConnectorState:
    """Its present state, to be read before it is used."""
    return ConnectorState(
        connector.id, connector.tenant_id, connector.state, connector.state_since, connector.updated_at
    )


async def note(session: AsyncSession, condition: ConnectorState, result: Result) -> None:
    """A test mail tells as much about its connector as any other; one that is sent ends a pause."""
    change = change_of(condition, result, by_hand=True)
    if change and await repository.change_state(session, change):
        change.log()
        if change.state == "ok":
            await release_now_or_soon(session, condition.tenant_id, "connector", condition.id)
            jobs.enqueue(session, "deliver")
