"""Manual start of a run, of one contact or without a contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.accounts.principal import Principal
from app.contacts.repository import ContactRepository
from app.engine.entry import reentry_refusal
from app.errors import AppError, Conflict, Invalid
from app.flow.document import Flow, Trigger
from app.flow.entry_limits import Opening, Reason, entry_key_reader
from app.flow.input_schema import InputSchema
from app.flow.operators import ConditionError
from app.flow.scope import CompileScope
from app.flow.segment_membership import SegmentStanding
from app.flow.settings import FlowSettings
from app.flow.trigger_registry import by_hand, switched_off, trigger_by_hand, typed
from app.lib import clock, jsonlimits
from app.lib.conversions import as_key
from app.lib.formats import moment_text, number, word_inside
from app.lib.translation import gettext, translatable
from app.lib.zones import zone_of
from app.liquid.templates import LiquidError
from app.models import Contact
from app.models.status import WorkflowStatus
from app.segment_member_repository import SegmentMemberRepository
from app.triggers.repository import EarlierEntry, EntryRepository
from app.workflows.candidates import Candidate, admission, met_goal, segments_asked
from app.workflows.service import WorkflowService

REASONS = {
    "already_active": translatable(
        "This contact is in the workflow already. Wait until that run is over, or cancel it."
    ),
    "entered_before": translatable("This contact went through the workflow before, and it lets everybody in once."),
    "cooling_down": translatable("This contact was in the workflow a short while ago. It may enter again on {until}."),
    "not_open_yet": translatable("This workflow lets nobody in before {from}."),
    "closed": translatable("This workflow lets nobody in any more, since {until}."),
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


class TriggerNotStarted(Conflict):
    """This trigger does not start runs on demand: it is switched off, or made for something else. `GET …/triggers` lists them."""

    code = "trigger_not_started"


class InputNotValid(Invalid):
    """The input does not fit what the trigger takes. Look at `errors` for each field; nothing was started."""

    code = "input_not_valid"


class StartableWorkflow(NamedTuple):
    """A workflow that takes runs without a contact, and perhaps runs of contacts too."""

    name: str
    takes_contacts: bool
    schema: InputSchema | None
    """What its input must be; None: anything."""


class StartRequest(NamedTuple):
    """What a run starts with: `properties` (called `field_name` by who asks), and by which trigger.

    Without `trigger_id` it is the first that is made for whoever asks: a program, or a person.
    """

    properties: dict[str, Any]
    field_name: str = "properties"
    trigger_id: str | None = None
    by_program: bool = False


class StartOutcome(NamedTuple):
    """Runs that will be, and whom the workflow did not take, in the order in which they were asked for."""

    run_ids: dict[UUID, UUID]
    """By contact."""
    refused: dict[UUID, AppError]


class TriggerService:
    """Starts runs in the principal's workspace. Flushes, never commits."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self._session, self._tenant_id = session, principal.tenant_id
        self._timezone = principal.timezone
        self._entries = EntryRepository(session, principal.tenant_id)
        self._members = SegmentMemberRepository(session, principal.tenant_id)
        self._contacts = ContactRepository(session, principal.tenant_id)
        self._workflows = WorkflowService(session, principal)

    async def start(self, workflow_id: UUID, contact_id: UUID | None, request: StartRequest) -> UUID:
        """Queue a run of the live version, without a contact when `contact_id` is None. Returns the id that it will have.

        Raises WorkflowNotFound, NotActive, UnknownContact, ContactNeeded, ContactNotTaken, TriggerNotStarted, EntryRefused, and Invalid for
        properties that cannot be stored. Whoever enters by another way in the same moment may still be first: then the refusal is
        recorded instead.
        """
        if contact_id is not None:
            started = await self.start_many(workflow_id, [contact_id], request)
            for refusal in started.refused.values():
                raise refusal
            return started.run_ids[contact_id]
        flow = await self._open(workflow_id)
        trigger = self._checked(flow, request, of_contact=False)
        request = request._replace(properties=self._properties(request, trigger))
        if not admission(trigger)(Candidate.nobody(self._timezone, request.properties)):
            kind, config = typed(trigger)
            message = gettext("This workflow starts only when %(words)s.", words=kind.admission(config).words)
            raise EntryRefused(message, reason="conditions_not_met")
        (run_id,) = await self._queue(workflow_id, [None], request, trigger, flow)
        return run_id

    async def start_many(self, workflow_id: UUID, contact_ids: Sequence[UUID], request: StartRequest) -> StartOutcome:
        """Queue a run of each of these contacts, set-wise. Raises what concerns all of them; who is refused alone is in the answer."""
        flow, unique = await self._open(workflow_id), list(dict.fromkeys(contact_ids))
        trigger, request, refused = await self._judged(workflow_id, flow, unique, request)
        taken = [contact_id for contact_id in unique if contact_id not in refused]
        run_ids = await self._queue(workflow_id, taken, request, trigger, flow) if taken else []
        return StartOutcome(dict(zip(taken, run_ids, strict=True)), refused)

    async def refusal(self, workflow_id: UUID, contact_id: UUID | None, request: StartRequest) -> AppError | None:
        """Why `start` would raise now; None when it would queue a run."""
        try:
            flow = await self._open(workflow_id)
            if contact_id is None:
                self._properties(request, self._checked(flow, request, of_contact=False))
                return None
            _, _, refused = await self._judged(workflow_id, flow, [contact_id], request)
        except AppError as error:
            return error
        return refused.get(contact_id)

    async def _judged(
        self, workflow_id: UUID, flow: Flow, unique: Sequence[UUID], request: StartRequest
    ) -> tuple[Trigger, StartRequest, dict[UUID, AppError]]:
        """By which trigger and with what these contacts would be started, and who would be refused."""
        contacts = {contact.id: contact for contact in await self._contacts.list(Contact.id.in_(unique))}
        if len(unique) == 1 and not contacts:
            raise _unknown_contact(unique[0])
        trigger = self._checked(flow, request, of_contact=True)
        request = request._replace(properties=self._properties(request, trigger))
        keys, refused = self._keys(flow.settings, contacts, request.properties)
        earlier = await self._entries.earlier(workflow_id, keys) if keys else {}
        stands = await self._members.standings(segments_asked(flow), list(contacts))
        for contact_id in unique:
            if contact_id in refused:
                continue
            contact = contacts.get(contact_id)
            refusal = (
                _unknown_contact(contact_id)
                if contact is None
                else self._refusal(contact, flow, earlier.get(contact_id), stands.get(contact_id))
            )
            if refusal is not None:
                refused[contact_id] = refusal
        return trigger, request, refused

    async def startable_without_contact(self, workflow_id: UUID) -> StartableWorkflow:
        """A workflow that can be started without a contact. Raises WorkflowNotFound, NotActive, ContactNeeded, TriggerNotStarted."""
        triggers = (await self._live(workflow_id)).triggers
        trigger = self._trigger(triggers, of_contact=False)
        name = (await self._workflows.get(workflow_id)).name
        return StartableWorkflow(name, trigger_by_hand(triggers, of_contact=True) is not None, input_schema(trigger))

    async def input_of_contact(self, workflow_id: UUID) -> InputSchema | None:
        """What a person must hand over who starts it for a contact; None: anything. Raises WorkflowNotFound, NotActive."""
        triggers = (await self._live(workflow_id)).triggers
        return input_schema(trigger_by_hand(triggers, of_contact=True, by_program=False))

    async def _live(self, workflow_id: UUID) -> Flow:
        workflow = await self._workflows.get(workflow_id)
        if workflow.status != WorkflowStatus.ACTIVE or workflow.live_version is None:
            raise NotActive(
                gettext(
                    "This workflow is %(status)s. Only an active one starts runs: activate it first.",
                    status=word_inside(workflow.status),
                )
            )
        return self._workflows.published(await self._workflows.version(workflow, workflow.live_version)).flow

    async def _open(self, workflow_id: UUID) -> Flow:
        """The live version of a workflow that lets somebody in now: by its dates, and by how many it takes in all. Raises EntryRefused."""
        flow, now = await self._live(workflow_id), clock.now()
        reason = Opening.of(flow.settings, self._timezone).refusal(now, now)
        if reason is not None:
            raise EntryRefused(self._words(reason), reason=reason[0])
        most = flow.settings.max_entries
        if isinstance(most, int) and await self._entries.entered(workflow_id) >= most:
            message = gettext(
                "This workflow takes %(most)s entries, and there were as many. Raise the limit in its settings.",
                most=number(most),
            )
            raise EntryRefused(message, reason="entries_used_up")
        return flow

    def _words(self, reason: Reason) -> str:
        """A refusal as a sentence, with its instants as the workspace's clocks show them."""
        word, detail = reason
        zone, now = zone_of(self._timezone), clock.now()
        instants = {name: at for name, at in (detail or {}).items() if name != "zone"}
        times = {name: moment_text(datetime.fromisoformat(at), zone, now, "day") for name, at in instants.items()}
        return REASONS[word].format(**times)

    def _keys(
        self, settings: FlowSettings, contacts: Mapping[UUID, Contact], properties: dict[str, Any]
    ) -> tuple[dict[UUID, str], dict[UUID, AppError]]:
        """What tells the runs of each contact apart, '' when the workflow does not tell them apart; and whose cannot be worked out."""
        if not isinstance(settings.entry_key, str) or not settings.keeps_apart:
            return dict.fromkeys(contacts, ""), {}
        keys, refused = dict[UUID, str](), dict[UUID, AppError]()
        read = entry_key_reader(settings.entry_key, CompileScope())
        for contact_id, contact in contacts.items():
            try:
                keys[contact_id] = as_key(read(Candidate.of(contact, self._timezone, properties)))
            except (ConditionError, LiquidError) as error:
                message = gettext(
                    "What tells the runs of this contact apart cannot be worked out: %(error)s", error=error
                )
                refused[contact_id] = EntryRefused(message, reason="entry_key_error")
        return keys, refused

    def _checked(self, flow: Flow, request: StartRequest, *, of_contact: bool) -> Trigger:
        """The trigger that such a start goes by. Raises TriggerNotStarted, ContactNeeded, ContactNotTaken."""
        if request.trigger_id is None:
            return self._trigger(flow.triggers, of_contact=of_contact, by_program=request.by_program)
        trigger = next((one for one in by_hand(flow.triggers) if one.id == request.trigger_id), None)
        if trigger is None:
            raise TriggerNotStarted(errors=[{"path": "triggerId", "message": one_line(TriggerNotStarted)}])
        return self._trigger([trigger], of_contact=of_contact)

    @staticmethod
    def _trigger(triggers: Sequence[Trigger], *, of_contact: bool, by_program: bool = False) -> Trigger:
        trigger = trigger_by_hand(triggers, of_contact=of_contact, by_program=by_program)
        if trigger is None and switched_off(triggers, of_contact=of_contact):
            raise TriggerNotStarted
        if trigger is None:
            raise _about_contact(ContactNotTaken if of_contact else ContactNeeded)
        return trigger

    @staticmethod
    def _properties(request: StartRequest, trigger: Trigger) -> dict[str, Any]:
        """What the run starts with, with the defaults of the trigger. Raises Invalid for what does not fit, or cannot be stored."""
        properties, schema = request.properties, input_schema(trigger)
        if schema is not None:
            properties = schema.filled(properties)
            if wrong := schema.problems(properties, request.field_name):
                raise InputNotValid(
                    gettext("The input does not fit: %(wrong)s", wrong=wrong[0]["message"]), errors=wrong
                )
        try:
            jsonlimits.storable(properties)
        except jsonlimits.Unstorable as error:
            raise Invalid(errors=[{"path": request.field_name, "message": str(error)}]) from error
        return properties

    async def _queue(
        self,
        workflow_id: UUID,
        contact_ids: Sequence[UUID | None],
        request: StartRequest,
        trigger: Trigger,
        flow: Flow,
    ) -> list[UUID]:
        """Ask the engine. A trigger is named only where it would choose another one: it may be gone by then."""
        of_contact = contact_ids[0] is not None
        first = trigger_by_hand(flow.triggers, of_contact=of_contact)
        if request.trigger_id is not None or trigger is not first:
            return await inbox.start_at(
                self._session,
                self._tenant_id,
                workflow_id=workflow_id,
                trigger_id=trigger.id,
                contact_ids=contact_ids,
                properties=request.properties,
            )
        return await inbox.start(
            self._session,
            self._tenant_id,
            workflow_id=workflow_id,
            contact_ids=contact_ids,
            properties=request.properties,
        )

    def _refusal(
        self,
        contact: Contact,
        flow: Flow,
        earlier: EarlierEntry | None,
        segments: Mapping[UUID, SegmentStanding] | None,
    ) -> EntryRefused | None:
        """Why the workflow does not take this contact now; None when it does."""
        settings, now = flow.settings, clock.now()
        cooldown = settings.cooldown_seconds if isinstance(settings.cooldown_seconds, int) else 0
        active, last, ended = earlier or EarlierEntry(False, None)
        if settings.reentry == "cooldown" and settings.cooldown_from == "end":
            last = ended or last
        refused = reentry_refusal(settings.reentry, cooldown, active, last, now)
        if refused is not None:
            return EntryRefused(self._words(refused), reason=refused[0])
        goal = met_goal(flow.goals)(Candidate.of(contact, self._timezone, segments=segments))
        if goal is not None:
            message = gettext(
                "This contact has reached the goal %(value)s already, so there is nothing to do here.",
                value=goal.name or goal.id,
            )
            return EntryRefused(message, reason="goal_already_reached")
        return None


def input_schema(trigger: Trigger | None) -> InputSchema | None:
    """What a start by this trigger must hand over."""
    if trigger is None:
        return None
    kind, config = typed(trigger)
    return kind.input_schema(config)


def one_line(error: type[AppError]) -> str:
    """What an error says of itself, in one line."""
    return " ".join((error.__doc__ or "").split())


def _unknown_contact(contact_id: UUID) -> UnknownContact:
    message = gettext("There is no contact %(contact_id)s in this workspace. Create it first.", contact_id=contact_id)
    return UnknownContact(message, errors=[{"path": "contactId", "message": message}])


def _about_contact(refused: type[Invalid]) -> Invalid:
    """The error with its sentence at the contact."""
    message = one_line(refused)
    return refused(message, errors=[{"path": "contactId", "message": message}])
