"""Whether the sample of a workflow meets the conditions of a form, said below them while somebody writes. Nothing is stored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.flow import paths
from app.flow.conditions import Condition, Match, diagnostics_of, single_conditions
from app.flow.judging import compile_list
from app.flow.operators import ConditionError
from app.flow.sample_texts import SampleStep
from app.flow.segment_membership import wanted_ids
from app.lib.translation import gettext
from app.models.status import Role
from app.test_runs.samples import heard_names
from app.workflows.service import WorkflowService

OF_SAMPLE = ("contact.", "event.")
"""What the sample has, as reads of conditions begin. Earlier steps, variables, messages, consent and segments are what a test knows."""


class WrittenRule(msgspec.Struct):
    """The conditions of a form, as they stand there."""

    conditions: list[Condition] = []
    match: Match = "all"


class SampleMatch(msgspec.Struct, frozen=True):
    """`words`: what the conditions say of the sample, empty where only a run can say it. `held`: do they hold?"""

    words: str = ""
    held: bool | None = None


@post("/workflows/{workflow_id:uuid}/sample-matches", role=Role.MARKETER, status_code=200)
async def match_sample(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
) -> SampleMatch:
    """Judged as the engine judges, with the contact and the event that texts and tests of the workflow are tried with."""
    form: FormMultiDict = await request.form()
    flow = workflows.draft(await workflows.get(workflow_id)).flow
    try:
        rule = msgspec.json.decode(str(form.get("rule") or "{}"), type=WrittenRule)
    except (msgspec.MsgspecError, RecursionError):
        return SampleMatch()
    if not rule.conditions or diagnostics_of(rule.conditions):
        return SampleMatch()
    who, sample = await form_options.sample(heard_names(flow.triggers), workflow_id=workflow_id)
    return verdict_on(who, sample, rule)


def verdict_on(who: str, sample: SampleStep, rule: WrittenRule) -> SampleMatch:
    """What conditions without faults say of `who`."""
    reads = set[str]()
    judge = compile_list(rule.conditions, rule.match, reads)
    if not who or not all(_is_known(one, sample) for one in single_conditions(rule.conditions)):
        return SampleMatch()
    if "contact.consent" in reads or not all(read.startswith(OF_SAMPLE) for read in reads):
        return SampleMatch()
    try:
        held = judge(sample).held
    except ConditionError as error:
        return SampleMatch(f"{who}: {error}")
    return SampleMatch(
        gettext("%(name)s matches", name=who) if held else gettext("%(name)s does not match", name=who), held
    )


def _is_known(condition: Condition, sample: SampleStep) -> bool:
    """Membership is not of a sample; and no event came in yet whose properties could be looked at."""
    if wanted_ids(condition.field, condition.operator, condition.value) is not None:
        return False
    return bool(sample.event) or paths.names_of(condition.field)[0] != "event"


ROUTES: list[Any] = [match_sample]
