"""Manual start of a run, of one contact or without a contact."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
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
from app.flow.trigger_registry import takes_contacts, trigger_of_nobody, typed
from app.lib import clock, jsonlimits
from app.lib.conversions import as_key, follow
from app.lib.formats import moment_text
from app.lib.zones import zone_of
from app.models import Contact
from app.models.status import WorkflowStatus
from app.triggers.repository import EntryRepository
from app.workflows.candidates import Candidate, admission, met_goal
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


class ContactNeeded(Invalid):
    """Runs of this workflow are about a contact: say which one. Or let a trigger that is started by hand run without a contact."""

    code = "contact_needed"


class ContactNotTaken(Invalid):
    """Runs of this workflow have no contact: leave the contact out. Or let its trigger take contacts."""

    code = "contact_not_taken"


class UnknownContact(Invalid):
    """There is no such contact in this workspace."""

    code = "unknown_contact"


class StartableWorkflow(NamedTuple):
    """A workflow that takes runs without a contact, and perhaps runs of contacts too."""

    name: str
    takes_contacts: bool


class TriggerService:
    """Starts runs in the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._tenant_id = session, principal.tenant_id
        self._timezone = principal.timezone
        self._entries = EntryRepository(session, principal.tenant_id)
        self._contacts = ContactRepository(session, principal.tenant_id)
        self._workflows = WorkflowService(session, principal)

    async def start(
        self, workflow_id: UUID, contact_id: UUID | None, properties: dict[str, Any], *, field_name: str = "properties"
    ) -> UUID:
        """Queue a run of the live version, without a contact when `contact_id` is None. Returns the id that it will have.

        `named`: what who asks calls the properties.

        Raises WorkflowNotFound, NotActive, UnknownContact, ContactNeeded, ContactNotTaken, EntryRefused, and Invalid for properties that
        cannot be stored. Whoever enters by another way in the same moment may still be first: then the refusal is recorded instead.
        """
        flow = await self._live(workflow_id)
        contact = await self._contact(contact_id) if contact_id is not None else None
        try:
            jsonlimits.storable(properties)
        except jsonlimits.Unstorable as error:
            raise Invalid(errors=[{"path": field_name, "message": str(error)}]) from error
        if contact is None:
            self._check_input(flow, properties)
        elif takes_contacts(flow.triggers):
            await self._check_entry(workflow_id, contact, flow, properties)
        else:
            raise _about_contact(ContactNotTaken)
        return await inbox.start(
            self._session, self._tenant_id, workflow_id=workflow_id, contact_id=contact_id, properties=properties
        )

    async def startable_without_contact(self, workflow_id: UUID) -> StartableWorkflow:
        """A workflow that can be started without a contact. Raises WorkflowNotFound, NotActive, ContactNeeded."""
        triggers = (await self._live(workflow_id)).triggers
        if trigger_of_nobody(triggers) is None:
            raise _about_contact(ContactNeeded)
        return StartableWorkflow((await self._workflows.get(workflow_id)).name, takes_contacts(triggers))

    async def _live(self, workflow_id: UUID) -> Flow:
        workflow = await self._workflows.get(workflow_id)
        if workflow.status != WorkflowStatus.ACTIVE or workflow.live_version is None:
            raise NotActive(f"This workflow is {workflow.status}. Only an active one starts runs: activate it first.")
        return self._workflows.published(await self._workflows.version(workflow, workflow.live_version)).flow

    async def _contact(self, contact_id: UUID) -> Contact:
        contact = await self._contacts.get(contact_id)
        if contact is None:
            message = f"There is no contact {contact_id} in this workspace. Create it first."
            raise UnknownContact(message, errors=[{"path": "contactId", "message": message}])
        return contact

    def _check_input(self, flow: Flow, properties: dict[str, Any]) -> None:
        """Can a run without a contact start with these properties? A later refusal is shown only in the workflow's results."""
        trigger = trigger_of_nobody(flow.triggers)
        if trigger is None:
            raise _about_contact(ContactNeeded)
        if not admission(trigger)(Candidate.nobody(self._timezone, properties)):
            kind, config = typed(trigger)
            message = f"This workflow starts only when {kind.admission(config).words}."
            raise EntryRefused(message, reason="conditions_not_met")

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


def _about_contact(refused: type[Invalid]) -> Invalid:
    """The error with its sentence at the contact."""
    message = " ".join((refused.__doc__ or "").split())
    return refused(message, errors=[{"path": "contactId", "message": message}])


def entry_key(settings: FlowSettings, properties: dict[str, Any]) -> str:
    """The value that tells this contact's runs apart, '' when the workflow has no entry key."""
    if not isinstance(settings.entry_key, str) or not settings.entry_key:
        return ""
    return as_key(follow(properties, paths.names_of(settings.entry_key.removeprefix("event."))))
