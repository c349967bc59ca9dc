"""Goals that a contact reached after a run began: asked of a run that is over, which no event ends any more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.flow.document import Flow, Goal
from app.models import Contact
from app.runs.past_event_repository import PastEventRepository
from app.segment_member_repository import SegmentMemberRepository
from app.workflows.candidates import Candidate, goals_by_event, segments_asked


class ReachedGoals:
    """What contacts of a workspace did since; `timezone`: the workspace's, for contacts without one."""

    def __init__(self, session: AsyncSession, tenant_id: int, timezone: str) -> None:
        self.session, self.tenant_id, self.timezone = session, tenant_id, timezone

    async def first(self, flow: Flow, contact: Contact, since: datetime, after: UUID | None) -> Goal | None:
        """The goal of `flow` that the first such event reached, by how the contact is now; None where none did.

        `since`: from which instant on, by when things happened; `after`: the event that the run began by, which is none of them.
        """
        names = {goal.event for goal in flow.goals if goal.event}
        if not names:
            return None
        events = await PastEventRepository(self.session, self.tenant_id).since(names, contact.id, since, after)
        if not events:
            return None
        standings = await SegmentMemberRepository(self.session, self.tenant_id).standings(
            segments_asked(flow), [contact.id]
        )
        reached = goals_by_event(flow.goals)
        for name, properties in events:
            candidate = Candidate.of(contact, self.timezone, properties, standings.get(contact.id))
            if goal := reached(name, candidate):
                return goal
        return None
