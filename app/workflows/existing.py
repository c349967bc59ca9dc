"""Who enters at once when a workflow goes live: the audiences that its triggers name (`TriggerType.enrols`)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.dates.preview import DatePreviews
from app.dates.upkeep import contact_date_of
from app.enrolments import audience_repository, service
from app.enrolments.audience_repository import SegmentGone
from app.flow.audience import Audience
from app.flow.contact_date import ContactDate
from app.flow.document import Flow, Trigger, triggers_of
from app.flow.trigger_registry import typed
from app.lib.translation import gettext
from app.models import Workflow
from app.models.status import WorkflowStatus
from app.workflows.versions import Versions


class Enrolling(NamedTuple):
    """A trigger that lets an audience in at once."""

    trigger_id: str
    audience: Audience


class Expected(NamedTuple):
    """An audience before it enters. `contacts` None: nobody counted; `exact` False: it is an estimate. `name`: of the segment, or what a
    trigger that watches a date is called, for those whose date has come already (`by_date`)."""

    trigger_id: str
    segment_id: UUID | None
    name: str
    contacts: int | None
    exact: bool = True
    by_date: bool = False


def enrolling(triggers: Iterable[Trigger]) -> list[Enrolling]:
    """Those of `triggers` that are switched on and let an audience in at once."""
    on = [(trigger.id, *typed(trigger)) for trigger in triggers if trigger.enabled]
    audiences = [(trigger_id, kind.enrols(config)) for trigger_id, kind, config in on]
    return [Enrolling(trigger_id, audience) for trigger_id, audience in audiences if audience is not None]


class ExistingContacts:
    """Lets those in whom triggers that are live now, and were not before, let in at once.

    So publishing other changes, pausing and resuming let nobody in a second time.
    """

    def __init__(self, session: AsyncSession, versions: Versions, principal: Principal) -> None:
        self._session, self._versions, self._principal = session, versions, principal

    @asynccontextmanager
    async def enter(self, workflow: Workflow) -> AsyncIterator[None]:
        """Around what makes a version live. A workflow that is paused waits with it until it goes on."""
        before = enrolling(await self._live(workflow))
        yield
        those = [one for one in enrolling(await self._live(workflow)) if one not in before]
        for one in await self._sizes(workflow.tenant_id, those):
            await self._begin(workflow, one)

    async def expected(self, workflow: Workflow, draft: Flow) -> list[Expected]:
        """Who would enter at once if the draft went live now."""
        before = enrolling(await self._live(workflow))
        audiences = await self._sizes(
            workflow.tenant_id, [one for one in enrolling(draft.triggers) if one not in before]
        )
        return [*audiences, *await self._dated(await self._live(workflow), draft.triggers)]

    async def _dated(self, live: Sequence[Trigger], wanted: Sequence[Trigger]) -> list[Expected]:
        """Those whose date has come, for triggers that are new or say something else than before; `app.dates` lets them in."""
        before, previews = _watching(live), DatePreviews(self._session, self._principal)
        rows = []
        for trigger_id, watched in _watching(wanted).items():
            if watched.existing != "ignore" and before.get(trigger_id) != watched:
                counts = await previews.of(watched)
                title = next(_title(one) for one in wanted if one.id == trigger_id)
                rows.append(Expected(trigger_id, None, title, counts.at_once, counts.exact, by_date=True))
        return rows

    async def _live(self, workflow: Workflow) -> Sequence[Trigger]:
        """The triggers by which contacts can enter; none before the first activation."""
        live = None if workflow.status == WorkflowStatus.DRAFT else await self._versions.live(workflow)
        return triggers_of(live.graph) if live is not None else ()

    async def _sizes(self, tenant_id: int, those: Sequence[Enrolling]) -> list[Expected]:
        """An audience whose segment was deleted is left out: validation says so."""
        rows = []
        for trigger_id, audience in those:
            try:
                contacts = await audience_repository.size(self._session, tenant_id, audience)
            except SegmentGone:
                continue
            name = await audience_repository.name(self._session, tenant_id, audience)
            rows.append(Expected(trigger_id, audience.segment_id, name, contacts))
        return rows

    async def _begin(self, workflow: Workflow, one: Expected) -> None:
        properties: dict[str, Any] = {}
        if one.segment_id is not None:
            properties = {"segmentId": str(one.segment_id), "segmentName": one.name}
        await service.begin(
            self._session,
            workflow.tenant_id,
            workflow_id=workflow.id,
            trigger_id=one.trigger_id,
            audience=Audience(one.segment_id),
            properties=properties,
            reason=gettext("Everybody in %(name)s when the workflow went live", name=one.name),
            started_by=self._principal.name,
        )


def _watching(triggers: Sequence[Trigger]) -> dict[str, ContactDate]:
    """The dates that triggers watch which are switched on, by the triggers' ids."""
    dates = {one.id: contact_date_of(one) for one in triggers if one.enabled}
    return {trigger_id: date for trigger_id, date in dates.items() if date is not None}


def _title(trigger: Trigger) -> str:
    kind, config = typed(trigger)
    return kind.title(config)


async def audience_size(session: AsyncSession, tenant_id: int, triggers: Sequence[Trigger]) -> int | None:
    """How many contacts the triggers that are switched on let in at once, at most; None where nobody counted them, or there are none."""
    sizes = []
    for trigger in triggers:
        kind, config = typed(trigger)
        audience, timetable = kind.enrols(config), kind.timetable(config)
        if timetable is not None and timetable.of_contacts:
            audience = Audience(timetable.segment_id)
        if trigger.enabled and audience is not None:
            with contextlib.suppress(SegmentGone):
                sizes.append(await audience_repository.size(session, tenant_id, audience))
    return max((size for size in sizes if size is not None), default=None)
