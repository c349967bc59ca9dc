"""What a marketer does to one contact by hand: put it into a workflow, or say that something happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import history
from app.contacts.permission import TOLD_BY_US
from app.errors import AppError, Invalid
from app.events.record import NewEvent, record
from app.lib import clock, jobs, jsonlimits
from app.lib.ids import uuid7
from app.models.contact import Contact
from app.models.event import Inbox

MANUAL = 1
"""The kind of inbox row by which the engine starts a run by hand."""


class ActionForm(msgspec.Struct):
    """The fields of the dialogs, and which of them is open with what error."""

    open: str = ""
    workflow: str = ""
    event: str = ""
    properties: str = ""
    reason: str = ""
    errors: dict[str, str] = {}
    status: int = 200

    @classmethod
    def of(cls, data: Mapping[str, Any], action: str) -> ActionForm:
        """What the browser sent for `start`, `event` or `resubscribe`."""
        workflow, event, properties, reason = (
            str(data.get(name) or "") for name in ("workflow", "event", "properties", "reason")
        )
        return cls(open=action, workflow=workflow, event=event, properties=properties, reason=reason)

    def failed(self, error: AppError) -> ActionForm:
        """The same with what was wrong."""
        found = {complaint["path"]: complaint["message"] for complaint in error.errors}
        return msgspec.structs.replace(self, errors=found or {"workflow": error.message}, status=error.status_code)


class ContactActions:
    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal

    async def start(self, contact: Contact, form: ActionForm) -> str:
        """Ask an active workflow to let the contact in; its name. Its re-entry rule may still refuse, which the timeline says."""
        workflows = {str(row.id): row.name for row in await history.startable(self.session, self.principal.tenant_id)}
        if form.workflow not in workflows:
            raise Invalid(errors=[{"path": "workflow", "message": "Choose a workflow that is active."}])
        self.session.add(
            Inbox(
                tenant_id=self.principal.tenant_id,
                kind=MANUAL,
                name="manual",
                contact_id=contact.id,
                workflow_id=UUID(form.workflow),
                run_id=uuid7(),
                payload=_properties(form.properties),
                occurred_at=clock.now(),
            )
        )
        await self.session.flush()
        jobs.enqueue(self.session, "advance")
        return str(workflows[form.workflow])

    async def send(self, contact: Contact, form: ActionForm) -> None:
        """Record an event of the contact."""
        name = form.event.strip()
        if not name or len(name) > 200 or "\0" in name:
            raise Invalid(errors=[{"path": "event", "message": "Write the name of the event, like purchase."}])
        if name in TOLD_BY_US:
            message = "This event tells of a decision and does not make one. Edit the consent of the contact, or re-subscribe it."
            raise Invalid(errors=[{"path": "event", "message": message}])
        properties = _properties(form.properties)
        await record(
            self.session,
            self.principal.tenant_id,
            [NewEvent(name=name, contact_id=contact.id, properties=properties)],
        )


def _properties(text: str) -> dict[str, Any]:
    """Properties typed as JSON; none when blank."""
    if not text.strip():
        return {}
    try:
        found: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        jsonlimits.storable(found)
    except jsonlimits.Unstorable as error:
        raise Invalid(errors=[{"path": "properties", "message": str(error)}]) from error
    except (msgspec.MsgspecError, RecursionError) as error:
        message = 'Write a JSON object, like {"amount": 12.5}.'
        raise Invalid(errors=[{"path": "properties", "message": message}]) from error
    return found
