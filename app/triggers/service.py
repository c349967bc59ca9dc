"""Start a run of one contact by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.accounts.principal import Principal
from app.contacts.repository import ContactRepository
from app.engine.entry import reentry_refusal
from app.errors import Conflict, Invalid
from app.flow import paths
from app.flow.document import Flow
from app.flow.settings import FlowSettings
from app.lib import clock, jsonlimits
from app.lib.formats import moment_text
from app.lib.readings import as_key, follow
from app.lib.zones import zone_of
from app.models import Contact
from app.models.status import WorkflowStatus
from app.triggers.repository import EntryRepository
from app.workflows.candidates import Candidate, met_goal
from app.workflows.service import WorkflowService

REASONS = {
    "already_active": "This contact is in the workflow already. Wait until that run is over, or cancel it.",
    "entered_before": "This contact went through the workflow before, and it lets everybody in once.",
    "cooling_down": "This contact was in the workflow a short while ago. It may enter again on {until}.",
}


class NotActive(Conflict):
    """Only an active workflow starts runs. Activate it first."""

    code = "workflow_not_active"


class EntryRefused(Conflict):
    """The workflow's rules do not let this contact in now: it is inside, was there before, or has reached the goal."""

    code = "entry_refused"


class UnknownContact(Invalid):
    """There is no such contact in this workspace."""

    code = "unknown_contact"


class TriggerService:
    """Starts runs in the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._tenant_id = session, principal.tenant_id
        self._timezone = principal.timezone
        self._entries = EntryRepository(session, principal.tenant_id)
        self._contacts = ContactRepository(session, principal.tenant_id)
        self._workflows = WorkflowService(session, principal)

    async def start(self, workflow_id: UUID, contact_id: UUID, properties: dict[str, Any]) -> UUID:
        """Queue a run of the live version and promise its id.

        Raises WorkflowNotFound, NotActive, UnknownContact, EntryRefused, and Invalid for properties that cannot be stored.
        Whoever enters by another way in the same moment may still be first: then the refusal is recorded instead.
        """
        workflow = await self._workflows.get(workflow_id)
        if workflow.status != WorkflowStatus.ACTIVE or workflow.live_version is None:
            raise NotActive(f"This workflow is {workflow.status}. Only an active one starts runs: activate it first.")
        contact = await self._contacts.get(contact_id)
        if contact is None:
            message = f"There is no contact {contact_id} in this workspace. Create it first."
            raise UnknownContact(message, errors=[{"path": "contactId", "message": message}])
        try:
            jsonlimits.storable(properties)
        except jsonlimits.Unstorable as error:
            raise Invalid(errors=[{"path": "properties", "message": str(error)}]) from error
        version = await self._workflows.version(workflow, workflow.live_version)
        await self._check_entry(workflow_id, contact, Flow.load(version.graph), properties)
        return await inbox.start(
            self._session, self._tenant_id, workflow_id=workflow_id, contact_id=contact_id, properties=properties
        )

    async def _check_entry(self, workflow_id: UUID, contact: Contact, flow: Flow, properties: dict[str, Any]) -> None:
        settings = flow.settings
        active, last = await self._entries.earlier(workflow_id, contact.id, entry_key(settings, properties))
        cooldown = settings.cooldown_seconds if isinstance(settings.cooldown_seconds, int) else 0
        refused = reentry_refusal(settings.reentry, cooldown, active, last, clock.now())
        if refused is not None:
            reason, detail = refused
            zone, now = zone_of(self._timezone), clock.now()
            times = {
                key: moment_text(datetime.fromisoformat(at), zone, now, "day") for key, at in (detail or {}).items()
            }
            raise EntryRefused(REASONS[reason].format(**times), reason=reason)
        goal = met_goal(flow.goals)(Candidate.of(contact, self._timezone))
        if goal is not None:
            message = (
                f"This contact has reached the goal {goal.name or goal.id} already, so there is nothing to do here."
            )
            raise EntryRefused(message, reason="goal_already_reached")


def entry_key(settings: FlowSettings, properties: dict[str, Any]) -> str:
    """The value that tells this contact's runs apart, '' when the workflow has no entry key."""
    if not isinstance(settings.entry_key, str) or not settings.entry_key:
        return ""
    return as_key(follow(properties, paths.names_of(settings.entry_key.removeprefix("event."))))
