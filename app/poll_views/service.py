"""How triggers that ask for rows stand, and trials of them: nothing is stored by a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.trial import turns
from app.contacts.body_mapping import mapped
from app.errors import FieldError, Invalid, NotFound
from app.flow import trigger_registry
from app.flow.document import Trigger
from app.flow.row_poll import RowPoll
from app.flow.trigger_registry import typed
from app.lib import database, held_connections
from app.lib.translation import gettext
from app.models.status import WorkflowStatus
from app.poll_views.schemas import CountedPoll, PollView, TriedPoll, TriedRow
from app.polls import repository
from app.polls.repository import PollRepository
from app.polls.sources import PollAnswer, PollFailed, PollSources
from app.polls.storing import row_key
from app.polls.upkeep import read_poll
from app.workflows.service import WorkflowService
from app.workflows.trigger_lookup import draft_or_live_trigger

SHOWN = 20


class NotPolled(NotFound):
    """This trigger asks nobody for rows."""

    code = "poll_not_found"


class NotComplete(Invalid):
    """The trigger does not say yet what it asks for. `errors` says what is missing."""

    code = "poll_incomplete"


class PollService:
    """Polls of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._principal = session, principal
        self._rows, self._workflows = PollRepository(session, principal.tenant_id), WorkflowService(session, principal)

    async def view(self, workflow_id: UUID, trigger_id: str) -> PollView:
        """How it stands; one that asks nobody, or is not live, asks not. Raises WorkflowNotFound."""
        workflow = await self._workflows.get(workflow_id)
        row = await self._rows.of_trigger(workflow_id, trigger_id)
        if row is None:
            return PollView(asks=False)
        asks = row.active and workflow.status == WorkflowStatus.ACTIVE
        return PollView(
            asks=asks,
            next_at=row.next_at if asks else None,
            polled_at=row.polled_at,
            cursor=row.cursor,
            last_rows=row.last_rows,
            started_rows=row.total_rows,
            refused_rows=row.refused_rows,
            failures=row.failures,
            failing_since=row.failing_since,
            error=row.error,
        )

    async def try_poll(self, workflow_id: UUID, trigger_id: str, data: dict[str, Any] | None = None) -> TriedPoll:
        """Ask for the newest rows, as the draft or `data` says. Ends the transaction. Raises NotPolled, NotComplete, TooMany."""
        poll, principal = await self._poll(workflow_id, trigger_id, data), self._principal
        try:
            answer = await self._ask(poll)
            rows = {row_key(poll, row): row for row in reversed(answer.rows)}
        except PollFailed as error:
            return TriedPoll(rows=[], error=str(error))
        known = await repository.known_keys(self._session, principal.tenant_id, workflow_id, trigger_id, list(rows))
        tried = [_tried(poll, row, principal.country, known=key in known) for key, row in rows.items()]
        return TriedPoll(rows=tried, total=answer.total)

    async def count(self, workflow_id: UUID, trigger_id: str) -> CountedPoll:
        """How many rows there are now, and what going live would do with them. As `try_poll`."""
        poll = await self._poll(workflow_id, trigger_id, None)
        row = await self._rows.of_trigger(workflow_id, trigger_id)
        before = read_poll(trigger_id, row.trigger) if row is not None else None
        reads_on = before is not None and before.source == poll.source
        try:
            answer = await self._ask(poll)
        except PollFailed as error:
            return CountedPoll(total=None, first=poll.first, reads_on=reads_on, error=str(error))
        return CountedPoll(total=answer.total, first=poll.first, reads_on=reads_on)

    async def _ask(self, poll: RowPoll) -> PollAnswer:
        """The newest rows. Ends the transaction. Raises PollFailed, TooMany."""
        principal = self._principal
        with turns.take((principal.tenant_id, principal.kind, principal.id)):
            await held_connections.release_connection(self._session)
            sources = PollSources()
            try:
                with database.outside_call("a poll"):
                    return await sources.ask(principal.tenant_id, poll, None, count=True, newest=SHOWN)
            finally:
                await sources.close()

    async def _trigger(self, workflow_id: UUID, trigger_id: str) -> Trigger:
        trigger = await draft_or_live_trigger(self._workflows, workflow_id, trigger_id)
        if trigger is None or not _asks(trigger):
            raise NotPolled
        return trigger

    async def _poll(self, workflow_id: UUID, trigger_id: str, data: dict[str, Any] | None) -> RowPoll:
        trigger = await self._trigger(workflow_id, trigger_id)
        kind = trigger_registry.find(trigger.type)
        faults = trigger_registry.diagnostics(kind, trigger.data if data is None else data) if kind else []
        if faults:
            raise NotComplete(errors=[FieldError(path=f"data.{one.path}", message=one.message) for one in faults])
        kind, config = typed(trigger if data is None else msgspec.structs.replace(trigger, data=data))
        poll = kind.row_poll(config)
        if poll is None:
            raise NotComplete
        return poll


def _asks(trigger: Trigger) -> bool:
    kind = trigger_registry.find(trigger.type)
    return kind is not None and kind.polls_rows


def _tried(poll: RowPoll, row: Any, country: str | None, *, known: bool) -> TriedRow:
    outcome = mapped(poll.reception, row, country)
    whom: Sequence[str] = list(outcome.identity.values())
    if outcome.errors:
        text = gettext("Is left out: %(reasons)s", reasons=" ".join(one["message"] for one in outcome.errors))
    elif known:
        text = gettext("Is known: it starts nothing more.")
    else:
        text = (
            gettext("Starts a run for %(whom)s.", whom=whom[0]) if whom else gettext("Starts a run without a contact.")
        )
    return TriedRow(
        id=poll.key_of(row),
        row=row,
        known=known,
        starts=not (known or outcome.errors),
        text=text,
        identity=outcome.identity,
        attributes=outcome.attributes,
        properties=outcome.properties,
    )
