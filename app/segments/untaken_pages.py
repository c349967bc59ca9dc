"""Branches of a draft that none of the contacts would take now, asked when nobody types: a few counts, each bounded in time, kept for a
revision of the draft."""

from __future__ import annotations

import time
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.accounts.deps import AppRequest
from app.flow.diagnostic import DiagnosticView
from app.flow.document import Flow
from app.flow.lint.untaken_branches import MOST, BranchQuestion, questions_of, untaken
from app.lib.held_connections import release_connection
from app.lib.translation import language
from app.models.status import Role
from app.segments.service import SegmentService
from app.workflows.service import WorkflowService

LONGEST_S = 4.0
"""For all branches of a draft; what was not asked by then is not told."""
FRESH_S = 600.0
"""So long an answer is good, as long as nobody changes the draft."""
MOST_KEPT = 500
MOST_AT_ONCE = 2
"""Drafts asked about at once in this process, of a workspace one: pages ask by themselves, and must not take the pool."""


class UntakenBranches(msgspec.Struct):
    """`rev`: of which revision of the draft. `again`: other questions are under way; ask later."""

    rev: int
    diagnostics: list[DiagnosticView] = []
    again: bool = False


_kept: dict[tuple[int, UUID, int, str], tuple[float, UntakenBranches]] = {}
_asking: set[int] = set()
"""Workspaces whose question is under way."""


@get("/workflows/{workflow_id:uuid}/untaken", role=Role.MARKETER)
async def show_untaken(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    segments: NamedDependency[SegmentService],
    workflow_id: FromPath[UUID],
    rev: Annotated[int, QueryParameter()] = 0,
) -> UntakenBranches:
    """Of the draft as it is: nothing when it is not at `rev` any more."""
    workflow = await workflows.get(workflow_id)
    if rev != workflow.draft_rev:
        return UntakenBranches(workflow.draft_rev)
    key = (workflow.tenant_id, workflow.id, rev, language())
    at, answer = _kept.get(key, (0.0, UntakenBranches(rev)))
    if at and time.monotonic() - at < FRESH_S:
        return answer
    tenant_id, flow = request.user.tenant_id, workflows.draft(workflow).flow
    if tenant_id in _asking or len(_asking) >= MOST_AT_ONCE:
        return UntakenBranches(rev, again=True)
    _asking.add(tenant_id)
    try:
        answer, whole = await _asked(segments, flow, rev, request.user.user_id)
    finally:
        _asking.discard(tenant_id)
    if whole:
        _kept.pop(key, None)
        _kept[key] = time.monotonic(), answer
        while len(_kept) > MOST_KEPT:
            del _kept[next(iter(_kept))]
    return answer


async def _asked(segments: SegmentService, flow: Flow, rev: int, person: UUID | None) -> tuple[UntakenBranches, bool]:
    """The answer, and whether every branch was asked about; one that was cut is worth telling, and not keeping.

    Between two questions it lets go of the connection, and of the lock that makes the person's own counts wait.
    """
    answer, end = UntakenBranches(rev), time.monotonic() + LONGEST_S
    for question in [*questions_of(flow)][:MOST]:
        if time.monotonic() > end:
            return answer, False
        total = await _nobody_of(segments, question, person)
        await release_connection(segments.session)
        if total is None:
            return UntakenBranches(rev, again=True), False
        if total:
            answer.diagnostics.append(untaken(question, total).view())
    return answer, True


async def _nobody_of(segments: SegmentService, question: BranchQuestion, person: UUID | None) -> int | None:
    """How many contacts there are when nobody would take the branch; 0: somebody would, or it cannot be said. None: ask later."""
    count = (await segments.rules.live(question.rule, None, person)).counted
    if count is None:
        return 0
    if count.busy:
        return None
    if count.preview is None or not count.preview.whole.exact or count.preview.whole.members:
        return 0
    return 0 if question.exact and count.preview.whole.unknown else count.total


ROUTES = [show_untaken]
