"""Moves enrolments: a piece of contacts is asked for, then the next when its time has come."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.enrolments import audience_repository, repository, service
from app.enrolments.repository import DueEnrolment
from app.flow import paths
from app.flow.audience import Audience
from app.flow.segment_rule_checks import rule_diagnostics
from app.flow.segment_rules import SegmentRule, as_group, leaves, segment_rule
from app.flow.trigger_registry import typed
from app.flow.trigger_type import Admission
from app.models.status import EnrolmentStatus, WorkflowStatus

PIECE = 1_000
"""Contacts that are asked for at once: a transaction of some 20 ms."""
ARE_THEY_THROUGH_S = 10.0
"""How often it is looked whether the called runs are through for which another run waits. The last one that ends has it looked at once;
this is for those that end at the same time, and see each other as open."""
LOOK_AGAIN_S = 30.0
"""How long a piece waits before it looks again whether its paused workflow goes on."""


async def step(session: AsyncSession) -> bool:
    """Ask for the next piece of one enrolment that is due, in the caller's transaction. False: none was due."""
    due = await repository.take_due(session)
    if due is None:
        return False
    if due.status != EnrolmentStatus.RUNNING:
        await _tell_caller(session, due)
    elif (fault := await _fault(session, due)) is not None:
        await repository.end(session, due, EnrolmentStatus.STOPPED, fault)
    elif due.workflow_status == WorkflowStatus.PAUSED:
        await repository.advance(session, due, enrolled=0, reached=None, pause_s=LOOK_AGAIN_S)
    else:
        await _piece(session, due)
    return True


async def _fault(session: AsyncSession, due: DueEnrolment) -> str | None:
    """Why nobody can enter any more."""
    if due.deleted:
        return "The workflow was deleted."
    if due.workflow_status not in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED):
        return f"The workflow is {due.workflow_status}."
    if due.run_id is not None:
        abandoned = due.awaited and not (await repository.caller(session, due)).waits
        return "The run that called does not wait any more." if abandoned else None
    return "The trigger was switched off, or is not part of the live version." if due.trigger is None else None


async def _ask(session: AsyncSession, due: DueEnrolment, contact_ids: Sequence[UUID]) -> None:
    """A run for each of these contacts, at a trigger, or as the called runs of a step."""
    if due.run_id is None or due.seq is None:
        await inbox.start_at(
            session,
            due.tenant_id,
            workflow_id=due.workflow_id,
            trigger_id=due.trigger_id,
            contact_ids=contact_ids,
            properties=due.event,
        )
        return
    called_by = (await repository.caller(session, due)).workflow_id or due.workflow_id
    step = inbox.CallingStep(due.tenant_id, due.run_id, due.seq, called_by)
    await inbox.call(
        session, step, workflow_id=due.workflow_id, contact_ids=contact_ids, properties=due.event, depth=due.depth
    )


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
    wanted = min(PIECE, due.per_minute, PIECE if remaining is None else remaining)
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
    await _ask(session, due, piece.contact_ids)
    if admission is not None and not admission.define_audience:
        await repository.refuse(session, due, piece.left_out)
    count = len(piece.contact_ids)
    pause_s = 60 * count / due.per_minute
    await repository.advance(session, due, enrolled=count, reached=piece.reached, pause_s=pause_s)
    if piece.ends or count == remaining:
        await repository.end(session, due, EnrolmentStatus.DONE)


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
