"""Testing the draft on the canvas: the sample walks through it, and its way is lit as that of a run is; choosing the sample."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.accounts.principal import Principal
from app.builder import canvas
from app.builder.sample_choice import choice_page, curl_of, shown_events, wanted_sample
from app.contacts.service import ContactService
from app.errors import AppError, Invalid, NotFound
from app.flow import node_words, presentation
from app.flow.document import Flow, Trigger
from app.lib import clock, formats
from app.lib.translation import gettext
from app.messaging.channels import registry as channels
from app.messaging.channels.email import plain_text
from app.models import Workflow
from app.models.status import Role
from app.runs.service import RunService
from app.settings import settings
from app.test_runs.approval import RealCall
from app.test_runs.rests import declared_output
from app.test_runs.samples import SampleService, heard_names
from app.test_runs.schemas import InventedEvent, SampleIn, WalkedStepOut, WalkOut, WalkRequest
from app.test_runs.service import DraftTestService
from app.test_runs.story import assumption, callable_place
from app.web.flash import go
from app.web.fragments import page
from app.workflows.service import WorkflowService

ONE = "/workflows/{workflow_id:uuid}/test"
BAR = "bar"
"""The `place` of a choice that is made in the top bar of the builder."""
WAY = "way."
"""Begins the name of a field that says which way a step is left by."""
MOST_SHOWN = 4_000
"""Characters of a message that are shown."""

MOST_OF_RUN = 1_048_576
"""Bytes of what a run began with that a test takes: more than the events that steps and other workflows hand over (262,144)."""


class ShownStep(NamedTuple):
    """A step of a test as its panel shows it. `text`: what the message says; `place`: the visit whose service can be called for real."""

    step: WalkedStepOut
    assumed: str
    text: str
    place: str

    @property
    def mailable(self) -> bool:
        """Can the message be sent to an address of email?"""
        channel = channels.find(self.step.message.channel) if self.step.message else None
        return channel is not None and "html" in channel.parts


@post(ONE, role=Role.MARKETER, status_code=200, deadline=60)
async def show_test(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    draft_tests: NamedDependency[DraftTestService],
    workflow_id: FromPath[UUID],
) -> Template:
    """Walk the sample through the draft: the timeline for the panel, and the steps that the canvas lights."""
    workflow = await workflows.get(workflow_id)
    return await tested_page(request, workflows, workflow, samples, draft_tests, await request.form())


@post(ONE + "/nodes/{node_id:str}", role=Role.MARKETER, status_code=200, deadline=60)
async def show_step_test(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    draft_tests: NamedDependency[DraftTestService],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> Template:
    """What comes into one step and what it puts out for the sample; of a trigger the events that it received lately."""
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    node = next((one for one in flow.nodes if one.id == node_id), None)
    trigger = next((one for one in flow.triggers if one.id == node_id), None)
    if trigger is not None:
        return await _received(request, workflow, flow, samples, trigger)
    if node is None:
        raise NotFound(gettext("This step is gone. Somebody may have removed it."))
    context: dict[str, Any] = {
        "workflow_id": workflow_id,
        "node_id": node_id,
        "trigger": None,
        "problem": "",
        "shown": None,
    }
    context["declared"], context["called_rows"] = declared_output(node), await workflows.called_rows(flow)
    try:
        walked = await draft_tests.test(workflow, flow, WalkRequest(until=node_id))
    except AppError as error:
        context["problem"] = error.errors[0]["message"] if error.errors else error.message
        return page(request, "builder/step_test.html", name="", **context)
    if walked.steps and walked.steps[-1].node_id == node_id:
        step = walked.steps[-1]
        context["shown"] = ShownStep(step, assumption(step), _said(step), callable_place(step))
    return page(request, "builder/step_test.html", name=walked.contact.name if walked.contact else "", **context)


@get(ONE + "/sample", role=Role.MARKETER)
async def show_sample_choice(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    contacts: NamedDependency[ContactService],
    workflow_id: FromPath[UUID],
    q: FromQuery[str] = "",
    place: FromQuery[str] = "",
) -> Template:
    """Whom the workflow may be tried with: the last events that it received, whom a search finds, or somebody invented."""
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    return await choice_page(request, workflow, flow, samples, contacts, q.strip(), bar=place == BAR)


@post(ONE + "/sample", role=Role.MARKETER, status_code=200, deadline=60)
async def choose_sample(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    draft_tests: NamedDependency[DraftTestService],
    contacts: NamedDependency[ContactService],
    workflow_id: FromPath[UUID],
) -> Template:
    """Take somebody as the sample, for all that shows it; in Test they walk at once."""
    workflow = await workflows.get(workflow_id)
    flow = workflows.draft(workflow).flow
    form: FormMultiDict = await request.form()
    in_bar = form.get("place") == BAR
    try:
        await samples.put(workflow, flow, wanted_sample(form))
    except Invalid as error:
        return await choice_page(request, workflow, flow, samples, contacts, "", form, error.errors, bar=in_bar)
    trigger = next((one for one in flow.triggers if one.id == form.get("node")), None)
    if in_bar:
        shown = await _chosen(request, workflow, flow, samples)
    elif trigger is not None:
        shown = await _received(request, workflow, flow, samples, trigger)
    else:
        shown = await tested_page(request, workflows, workflow, samples, draft_tests, FormMultiDict({}))
    shown.headers["HX-Trigger"] = "wf:sample"
    return shown


@post(ONE + "/run/{run_id:uuid}", role=Role.MARKETER)
async def test_run_again(
    request: AppRequest,
    workflows: NamedDependency[WorkflowService],
    samples: NamedDependency[SampleService],
    runs: NamedDependency[RunService],
    workflow_id: FromPath[UUID],
    run_id: FromPath[UUID],
) -> Response[bytes]:
    """Take the contact and the event of a run as the sample, and show its way through the present draft, at the step that it stands on."""
    workflow = await workflows.get(workflow_id)
    loaded = await runs.get(run_id, workflow_id)
    run = await runs.detail_of(loaded)
    event = InventedEvent(name=run.trigger_event.name, properties=run.trigger_event.properties)
    contact_id = loaded.contact.id if loaded.contact is not None else None
    flow = workflows.draft(workflow).flow
    await samples.put(workflow, flow, SampleIn(contact_id=contact_id, event=event), most_bytes=MOST_OF_RUN)
    at = run.current_node_id or (run.steps[-1].node_id if run.steps else "")
    return go(request, f"/workflows/{workflow_id}?{urlencode({'mode': 'test', 'step': at})}")


async def _chosen(request: AppRequest, workflow: Workflow, flow: Flow, samples: SampleService) -> Template:
    """The sample in the top bar, once it was chosen there."""
    return page(
        request,
        "builder/sample_chip.html",
        url=f"/workflows/{workflow.id}",
        may_edit=True,
        chosen=True,
        sample=await samples.of(workflow, flow),
    )


async def _received(
    request: AppRequest, workflow: Workflow, flow: Flow, samples: SampleService, trigger: Trigger
) -> Template:
    """What a trigger received lately, and how such an event is sent."""
    sample, names = await samples.of(workflow, flow), heard_names([trigger])
    return page(
        request,
        "builder/step_test.html",
        workflow_id=workflow.id,
        node_id=trigger.id,
        trigger=trigger,
        problem="",
        sample=sample,
        received=shown_events(await samples.of_trigger(trigger)),
        names=names,
        curl=curl_of(settings().web.base_url, names[0], sample.event) if names else "",
    )


async def tested_page(
    request: AppRequest,
    workflows: WorkflowService,
    workflow: Workflow,
    samples: SampleService,
    draft_tests: DraftTestService,
    form: FormMultiDict,
    really: RealCall | None = None,
) -> Template:
    """The panel of a test, with the steps for the canvas. `really`: the call that is made for real."""
    ways, flow = chosen_ways(form), workflows.draft(workflow).flow
    chosen = {WAY + node_id: port for node_id, port in ways.items()}
    until = str(form.get("until", ""))
    context: dict[str, Any] = {
        "workflow_id": workflow.id,
        "until": until,
        "unseen": chosen,
        "really": really is not None,
    }
    document = flow.document()
    looks = {item["node"]["id"]: item["presentation"] for item in canvas.cards(document)}
    titles = {node["id"]: node_words.title_of_plain(node) for node in document["nodes"]}
    context |= {"looks": looks, "unknown": presentation.step(""), "step_titles": titles}
    context["called_rows"] = await workflows.called_rows(flow)
    try:
        walked = await draft_tests.test(workflow, flow, WalkRequest(ways=ways, until=until), really)
    except AppError as error:
        message = error.errors[0]["message"] if error.errors else error.message
        sample = await samples.of(workflow, flow)
        nothing: dict[str, Any] = {"name": _title(sample.name), "steps": []}
        return page(
            request, "builder/test.html", walked=None, problem=message, name=sample.name, data=nothing, **context
        )
    name = walked.contact.name if walked.contact else ""
    shown = [ShownStep(step, assumption(step), _said(step), callable_place(step)) for step in walked.steps]
    data = {"name": _title(name), "steps": _lit_test(walked, request.user)}
    context["refused_by"] = msgspec.to_builtins(walked.entry.rules)
    seen = {
        step.node_id for step in walked.steps
    }  # their choosers say it; what was chosen elsewhere is sent again all the same
    context["unseen"] = {way: port for way, port in chosen.items() if way.removeprefix(WAY) not in seen}
    return page(request, "builder/test.html", walked=walked, shown=shown, problem="", name=name, data=data, **context)


def chosen_ways(form: FormMultiDict) -> dict[str, str]:
    """The branches that somebody chose, by step."""
    return {name.removeprefix(WAY): str(port) for name, port in form.items() if name.startswith(WAY) and port}


def _title(name: str) -> str:
    return gettext("Test as %(name)s", name=name) if name else gettext("Test")


def _said(step: WalkedStepOut) -> str:
    """What a message says, as text."""
    message = step.message
    if message is None:
        return ""
    return (message.text or (plain_text.of_html(message.html) if message.html else ""))[:MOST_SHOWN]


def _lit_test(walked: WalkOut, reader: Principal) -> list[dict[str, Any]]:
    """Where the walk was, the trigger first, as the canvas lights the steps of a run."""
    zone, now = formats.readers_zone({"principal": reader}), clock.now()
    style = formats.time_style([walked.started_at, walked.ended_at])

    def moment(value: datetime | None) -> str:
        return formats.moment_text(value, zone, now, style)

    entry = walked.entry
    refused = "" if entry.admitted else gettext("Would not enter: %(reason)s", reason=entry.reason or "")
    steps = [
        {
            "nodeId": entry.trigger_id,
            "port": "next",
            "status": "completed" if entry.admitted else "failed",
            "note": refused or entry.explanation,
            "time": moment(walked.started_at),
        }
    ]
    for step in walked.steps:
        unsent = step.message is not None and (step.message.error or not step.message.allowed)
        steps.append(
            {
                "nodeId": step.node_id,
                "port": step.port or "",
                "status": "failed" if unsent or step.status == "failed" else step.status,
                "note": step.explanation,
                "time": moment(step.completed_at or step.started_at),
            }
        )
    return steps


ROUTES = [show_test, show_step_test, show_sample_choice, choose_sample, test_run_again]
