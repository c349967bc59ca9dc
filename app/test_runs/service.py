"""One test of a draft: read what it needs, walk, make the calls that leave nothing outside, fill in its messages.

Everything is read before the walk and between the calls nothing is held: the transaction ends where the test waits for something.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Conflict, FieldError, Invalid
from app.flow import registry
from app.flow.document import Flow, Trigger
from app.flow.entry_limits import EntryLimits
from app.flow.performers import (
    LONGEST_S,
    ServiceSign,
    performed_kinds,
)
from app.flow.segment_membership import segments_named
from app.flow.trigger_registry import typed
from app.lib import clock, held_connections
from app.lib.translation import gettext
from app.models import Workflow
from app.models.status import StepStatus
from app.runs.list_repository import RunFilter
from app.runs.repository import StepRepository
from app.runs.service import RunService
from app.segment_member_repository import SegmentMemberRepository
from app.test_runs import real_calls
from app.test_runs.approval import RealCall, WalkStart
from app.test_runs.entry_facts import NOTHING_KNOWN, EntryFacts, entry_facts
from app.test_runs.messages import rendered
from app.test_runs.performing import performed_answer
from app.test_runs.real_answers import RealAnswer, request_digest
from app.test_runs.real_calls import placed_call
from app.test_runs.samples import Sample, SamplePerson, SampleService
from app.test_runs.schemas import WalkOut, WalkRequest
from app.test_runs.spec import PendingCall, Walk, WalkContact, WalkSpec
from app.test_runs.story import story_of
from app.test_runs.turns import DraftTestTurns
from app.test_runs.walk import MOST_CALLS, walk

RUNS_LOOKED_AT = 3
"""The last runs, whose answers of services stand in for those of services that are not called."""
WALKERS = ThreadPoolExecutor(3, thread_name_prefix="walk")
"""A walk computes for seconds: the threads that all else of the process shares are left to it. One more than a workspace may hold."""
turns = DraftTestTurns()
"""A test takes seconds of processor time."""


class DraftTestService:
    """Tests of drafts of the principal's workspace. Reads alone: no row is written by a test."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.samples = SampleService(session, principal)
        self._who = principal.tenant_id, principal.kind, principal.id

    async def test(
        self, workflow: Workflow, flow: Flow, wanted: WalkRequest, really: RealCall | None = None
    ) -> WalkOut:
        """Walk the sample, or whom `wanted` names, through the draft. Ends the transaction. Raises Invalid, TooMany.

        `really`: the call that is made for real. Its answer is kept with the sample, which is pinned. Raises Conflict while its service
        takes no calls, and when the walk does not come to a call there; and what its `approve` raises.
        """
        place, start = (really.place, really.start) if really else ("", WalkStart.now())
        async with self._prepared(workflow, flow, wanted, place, start) as (sample, spec, person):
            walked = await self._walked(spec)
            if really:
                walked = await self._called(workflow, flow, sample, spec, walked, really)
            messages = await rendered(self.session, self.principal, walked.steps, person)
        return story_of(flow, spec.trigger_id, replace(sample, person=person), spec.began, walked, messages)

    async def call_at(
        self, workflow: Workflow, flow: Flow, wanted: WalkRequest, place: str, start: WalkStart
    ) -> PendingCall | None:
        """What would be called at this visit of a step; None when the walk does not come to a call there. Raises Invalid, TooMany."""
        async with self._prepared(workflow, flow, wanted, place, start) as (_, spec, _person):
            return (await self._walked(spec)).pending

    @asynccontextmanager
    async def _prepared(
        self, workflow: Workflow, flow: Flow, wanted: WalkRequest, really: str, start: WalkStart
    ) -> AsyncIterator[tuple[Sample, WalkSpec, SamplePerson | None]]:
        """Around a walk: whose turn it is, and all that is read for it. Nothing is held inside."""
        nodes = {node.id for node in flow.nodes}
        unknown = [name for name in (wanted.until, *wanted.ways) if name and name not in nodes]
        if unknown:
            message = gettext("There is no step %(name)s in this draft.", name=unknown[0])
            raise Invalid(errors=[FieldError(path="until" if wanted.until in unknown else "ways", message=message)])
        async with turns.take(self._who, self._let_go):
            sample = await self.samples.with_changes(workflow, flow, wanted)
            trigger = trigger_for(flow, sample.event_name)
            kind, config = typed(trigger)
            person = sample.person if True in kind.contact_rule(config).takes else None
            spec = await self._spec(workflow.id, flow, wanted, sample, person, trigger.id)
            real = await self.samples.answers(workflow.id) if sample.is_kept(wanted) else {}
            await held_connections.release_connection(self.session)
            facts = await self._facts(workflow.id, flow, person)
            began, run_id = start
            yield sample, replace(spec, real=real, really=really, facts=facts, began=began, run_id=run_id), person

    async def _facts(self, workflow_id: UUID, flow: Flow, person: SamplePerson | None) -> EntryFacts:
        """What the engine would ask before it lets the person in; without rules about it nothing is looked up."""
        limits = EntryLimits.of(flow.settings)
        who = person.id if person and person.stored and flow.settings.reentry != "always" else None
        if who is None and limits.at_once is None and limits.most is None:
            return NOTHING_KNOWN
        return await entry_facts(self.principal.tenant_id, workflow_id, who, limits)

    async def _let_go(self) -> None:
        await held_connections.release_connection(self.session)

    async def _spec(
        self,
        workflow_id: UUID,
        flow: Flow,
        wanted: WalkRequest,
        sample: Sample,
        person: SamplePerson | None,
        trigger_id: str,
    ) -> WalkSpec:
        events, happened = await self._events(flow, person)
        return WalkSpec(
            flow=flow,
            workflow_id=workflow_id,
            tenant_id=self.principal.tenant_id,
            timezone=self.principal.timezone,
            country=self.principal.country,
            contact=await self._contact(workflow_id, flow, person),
            trigger_id=trigger_id,
            event=sample.event,
            began=clock.now(),
            ways=wanted.ways,
            outputs=await self._outputs(workflow_id),
            events=events,
            happened=happened,
            performed=frozenset(name for name, kind in performed_kinds().items() if kind.harmless),
            until=wanted.until,
        )

    async def _contact(self, workflow_id: UUID, flow: Flow, person: SamplePerson | None) -> WalkContact | None:
        if person is None:
            return None
        segment_ids = {reference.id for reference in segments_named(msgspec.to_builtins(flow))}
        standings = await SegmentMemberRepository(self.session, self.principal.tenant_id).standings(
            segment_ids, {person.id}
        )
        variants = await self.samples.rows.variants(person.id, workflow_id) if person.stored else {}
        return WalkContact(
            person.id,
            person.columns,
            person.attributes,
            tuple(person.tags),
            person.consent,
            standings.get(person.id, {}),
            variants,
        )

    async def _events(
        self, flow: Flow, person: SamplePerson | None
    ) -> tuple[Mapping[str, dict[str, Any]], frozenset[str]]:
        """Of the events that steps wait for: the newest properties, those of the contact first, and which happened to the contact."""
        known: dict[str, dict[str, Any]] = {}
        happened = set[str]()
        for name in sorted({name for node in flow.nodes for name in _awaited(node.type, node.data)}):
            own = await self.samples.rows.last_of(name, person.id) if person and person.stored else None
            event = own or await self.samples.rows.last_of(name, None)
            if event is not None:
                known[name] = event.properties or {}
            if own is not None:
                happened.add(name)
        return known, frozenset(happened)

    async def _outputs(self, workflow_id: UUID) -> dict[str, dict[str, Any]]:
        """What steps of the last runs put out when they were through, by node."""
        outputs: dict[str, dict[str, Any]] = {}
        runs = await RunService(self.session, self.principal).list(RunFilter(workflow_id=workflow_id), RUNS_LOOKED_AT)
        steps = StepRepository(self.session, self.principal.tenant_id)
        for run in runs.items:
            for step in await steps.finished(run.id):
                if step.status == StepStatus.COMPLETED and isinstance(step.output, dict):
                    outputs.setdefault(step.node_id, step.output)
        return outputs

    async def _walked(self, spec: WalkSpec) -> Walk:
        """The walk, and again with each answer of a call that it needs: it is pure, so it comes to the same place.

        It stops before a call that is to be made for real.
        """
        answers, real_answers = dict[int, dict[str, Any]](), dict(spec.real)
        walked = await _in_a_thread(spec)
        while walked.pending is not None and walked.pending.place != spec.really:
            pending = walked.pending
            if await self._kept_answer(spec, pending, real_answers):
                spec = replace(spec, real=dict(real_answers))
            elif len(answers) == MOST_CALLS:
                break
            else:
                call = placed_call(spec, pending, LONGEST_S)
                answers[pending.seq] = await performed_answer(call, list[ServiceSign]())
            walked = await _in_a_thread(replace(spec, answers=answers))
        return walked

    async def _kept_answer(self, spec: WalkSpec, pending: PendingCall, real_answers: dict[str, RealAnswer]) -> bool:
        """Is it an answer that the sample keeps? Then it is put into `real_answers`, or taken out where it is gone."""
        real = real_answers.get(pending.place)
        if real is None or real.answer is not None or real.request != request_digest(pending.call):
            return False
        answer = await self.samples.answer(spec.workflow_id, pending.place, real.request)
        await self._let_go()
        if answer is None:
            del real_answers[pending.place]
        else:
            real_answers[pending.place] = real._replace(answer=answer)
        return True

    async def _called(
        self, workflow: Workflow, flow: Flow, sample: Sample, spec: WalkSpec, walked: Walk, really: RealCall
    ) -> Walk:
        """Make the call at which the walk stopped, when it is what was agreed to, keep its answer, and walk on with it."""
        pending = walked.pending
        if pending is None or pending.place != spec.really:
            raise Conflict(gettext("The test does not come to a call at this step any more. Nothing was called."))
        await really.approve(pending)
        await self._let_go()
        call = placed_call(spec, pending, real_calls.LONGEST_S)
        async with turns.calling(self._who):
            async with real_calls.admitted(self.principal, call) as signs:
                answer = await performed_answer(call, signs)
            real = RealAnswer(request_digest(pending.call), answer, clock.now().isoformat())
            await self.samples.keep_answer(workflow, flow, sample, pending.place, real)
            await self._let_go()
        return await self._walked(replace(spec, real={**spec.real, pending.place: real}, really=""))


async def _in_a_thread(spec: WalkSpec) -> Walk:
    context = contextvars.copy_context()  # the reader's language is in it
    return await asyncio.get_running_loop().run_in_executor(WALKERS, context.run, walk, spec)


def trigger_for(flow: Flow, event_name: str) -> Trigger:
    """The trigger by which somebody comes in with this event: the first that is switched on and listens for it, else the first one."""
    on = [trigger for trigger in flow.triggers if trigger.enabled]
    listening = [
        trigger for trigger in on for kind, config in [typed(trigger)] if event_name in kind.subscribes(config)
    ]
    return [*listening, *on, *flow.triggers][0]


def _awaited(type_: str, data: dict[str, Any]) -> list[str]:
    kind = registry.find(type_)
    config = registry.readable_config(kind, data) if kind else None
    return list(kind.events(config)) if kind is not None and config is not None else []
