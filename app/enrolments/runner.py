"""Moves enrolments: a piece of contacts is asked for, then the next when its time has come."""

from __future__ import annotations

from collections.abc import Container, Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.enrolments import audience_repository, entering_repository, repository, service
from app.enrolments.audience_repository import AudiencePiece
from app.enrolments.repository import DueEnrolment
from app.flow import paths
from app.flow.audience import Audience
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import SegmentRule, as_group, leaves, segment_rule
from app.flow.trigger_registry import typed
from app.flow.trigger_type import Admission
from app.lib.translation import gettext
from app.models.status import EnrolmentStatus, WorkflowStatus

PIECE = 1_000
"""Contacts that are asked for at once: a transaction of some 20 ms."""
ARE_THEY_THROUGH_S = 10.0
"""How often it is looked whether the called runs are through for which another run waits. The last one that ends has it looked at once;
this is for those that end at the same time, and see each other as open."""
LOOK_AGAIN_S = 30.0
"""How long a piece waits before it looks again whether its paused workflow goes on."""
LINE_AGAIN_S = 5.0
"""How long one waits before it looks again whether the line before it is shorter."""
COUNT_AGAIN_S = 0.5
"""How long one waits before it looks again who of its last piece has entered."""


async def step(session: AsyncSession) -> bool:
    """Ask for the next piece of one enrolment that is due, in the caller's transaction. False: none was due."""
    due = await repository.take_due(session)
    if due is None:
        return False
    counted = await _count_entered(session, due)
    if counted is None:
        return True
    due = counted
    if due.status != EnrolmentStatus.RUNNING:
        await _tell_caller(session, due)
    elif due.counts_entries and due.most is not None and due.enrolled >= due.most:
        await repository.end(session, due, EnrolmentStatus.DONE)
    elif (fault := await _fault(session, due)) is not None:
        await repository.end(session, due, EnrolmentStatus.STOPPED, fault)
    elif due.workflow_status == WorkflowStatus.PAUSED:
        await repository.advance(session, due, enrolled=0, reached=None, pause_s=LOOK_AGAIN_S)
    elif await entering_repository.line_is_long(session, due.tenant_id, due.workflow_id):
        await repository.look_again(session, due, LINE_AGAIN_S)
    else:
        await _piece(session, due)
    return True


async def _count_entered(session: AsyncSession, due: DueEnrolment) -> DueEnrolment | None:
    """The same with who of its last piece has entered; None: of somebody it is not decided, and it looks again.

    Of one that only has to keep a line short it is enough that the engine has read the piece.
    """
    if not due.open_runs:
        return due
    outcome = await entering_repository.outcome_of(session, due.tenant_id, due.open_runs)
    if outcome.unread or (outcome.waiting and due.counts_entries):
        await repository.look_again(session, due, COUNT_AGAIN_S if outcome.unread else LINE_AGAIN_S)
        return None
    entered = outcome.entered if due.counts_entries else 0
    await repository.advance(session, due, enrolled=entered, reached=None, pause_s=0)
    return due._replace(enrolled=due.enrolled + entered, open_runs=None)


async def _fault(session: AsyncSession, due: DueEnrolment) -> str | None:
    """Why nobody can enter any more."""
    if due.deleted:
        return gettext("The workflow was deleted.")
    if due.workflow_status not in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED):
        return gettext("The workflow is %(workflow_status)s.", workflow_status=due.workflow_status)
    if due.run_id is not None:
        abandoned = due.awaited and not (await repository.caller(session, due)).waits
        return gettext("The run that called does not wait any more.") if abandoned else None
    return gettext("The trigger was switched off, or is not part of the live version.") if due.trigger is None else None


async def _ask(session: AsyncSession, due: DueEnrolment, contact_ids: Sequence[UUID]) -> Sequence[UUID]:
    """A run for each of these contacts, at a trigger, or as the called runs of a step. Answers the ids of the former."""
    if due.run_id is None or due.seq is None:
        return await inbox.start_at(
            session,
            due.tenant_id,
            workflow_id=due.workflow_id,
            trigger_id=due.trigger_id,
            contact_ids=contact_ids,
            properties=due.event,
        )
    called_by = (await repository.caller(session, due)).workflow_id or due.workflow_id
    step = inbox.CallingStep(due.tenant_id, due.run_id, due.seq, called_by)
    await inbox.call(
        session,
        step,
        workflow_id=due.workflow_id,
        contact_ids=contact_ids,
        properties=due.event,
        depth=due.depth,
        lane=due.lane,
    )
    return ()


async def _tell_caller(session: AsyncSession, due: DueEnrolment) -> None:
    """The run that waits goes on when all who had their turn are through; in the same transaction nobody looks again."""
    caller = await repository.caller(session, due)
    if caller.waits and caller.outstanding:
        await repository.look_again(session, due, ARE_THEY_THROUGH_S)
        return
    await repository.look_again(session, due, None)
    if caller.waits and caller.workflow_id is not None and due.run_id is not None and due.seq is not None:
        counts = await repository.outcomes(session, due)
        output = {
            "asked": due.enrolled,
            **counts,
            **({"stopped": True} if due.status == EnrolmentStatus.STOPPED else {}),
        }
        step = inbox.CallingStep(due.tenant_id, due.run_id, due.seq, caller.workflow_id)
        await inbox.called_all(session, step, output, due.error)


async def _piece(session: AsyncSession, due: DueEnrolment) -> None:
    remaining = None if due.most is None else due.most - due.enrolled
    most = min(PIECE, due.per_minute, PIECE if remaining is None else remaining)
    wanted = PIECE if due.counts_entries else most
    admission = _admission(due)
    rule = None if admission is None else _rule(due, admission)
    try:
        audience = msgspec.convert(due.audience, Audience)
        place = (session, due.tenant_id, audience)
        if rule is None:
            piece = await audience_repository.piece(*place, due.reached, wanted)
        else:
            piece = await audience_repository.matching_piece(*place, rule, due.reached, wanted)
    except audience_repository.SegmentGone:
        await repository.end(session, due, EnrolmentStatus.STOPPED, service.SEGMENT_DELETED)
        return
    reasons = dict[UUID, str]()
    if admission is not None and not admission.define_audience:
        reasons |= dict.fromkeys(piece.left_out, "conditions_not_met")
    if due.counts_entries:
        reasons_by_entry = await entering_repository.shut_out(
            session, due.tenant_id, due.workflow_id, due.graph or {}, piece.contact_ids
        )
        piece = _without(piece, reasons_by_entry, most)
        reasons |= reasons_by_entry
    open_runs = await _ask(session, due, piece.contact_ids)
    reached = piece.reached or UUID(int=0)
    refused = {contact_id: why for contact_id, why in reasons.items() if contact_id <= reached}
    await repository.refuse(session, due.tenant_id, due.workflow_id, due.trigger_id, refused)
    count = len(piece.contact_ids)
    pause_s = 60 * count / due.per_minute
    if due.counts_entries and count:  # whoever is refused makes room for another
        pause_s = max(pause_s, COUNT_AGAIN_S)
        await repository.advance(session, due, enrolled=0, reached=piece.reached, pause_s=pause_s, open_runs=open_runs)
        return
    watched = open_runs if entering_repository.makes_a_line(due.graph or {}) else ()
    await repository.advance(session, due, enrolled=count, reached=piece.reached, pause_s=pause_s, open_runs=watched)
    if piece.ends or count == remaining:
        await repository.end(session, due, EnrolmentStatus.DONE)


def _without(piece: AudiencePiece, shut_out: Container[UUID], most: int) -> AudiencePiece:
    """The first `most` of a piece that are not shut out; it reaches as far as the last of them."""
    open_to = [contact_id for contact_id in piece.contact_ids if contact_id not in shut_out]
    if len(open_to) <= most:
        return piece._replace(contact_ids=open_to)
    return piece._replace(contact_ids=open_to[:most], reached=open_to[most - 1], ends=False)


def _admission(due: DueEnrolment) -> Admission | None:
    """Whom the trigger lets in; None where a step calls, which goes by none."""
    if due.trigger is None or due.run_id is not None:
        return None
    kind, config = typed(due.trigger)
    return kind.admission(config)


def _rule(due: DueEnrolment, admission: Admission) -> SegmentRule | None:
    """The conditions of the trigger, when they look at nothing but the contact: asked of many at once, who does not meet them is not asked
    in one by one, and does not count. None: the engine asks them of each run, as it does for all in any case."""
    raw = msgspec.to_builtins({"match": admission.match, "conditions": admission.conditions})
    if not admission.conditions or rule_diagnostics(raw):
        return None
    rule = segment_rule(raw)
    shadowed = {*due.event, *paths.REPORTED}
    plain = all(
        leaf.kind == "segment" or (leaf.kind == "field" and paths.names_of(leaf.field)[0] not in shadowed)
        for leaf in leaves(as_group(rule))
    )
    return rule if plain else None
