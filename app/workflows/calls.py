"""Workflows that call others: none is published that comes back to itself, and what is called must take what it is called with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from app import usage
from app.errors import Conflict
from app.flow.diagnostic import Diagnostic, incomplete, warning
from app.flow.document import Flow, Trigger, triggers_of
from app.flow.node_type import WorkflowCall
from app.flow.node_words import call_of
from app.flow.scope import is_constant
from app.flow.trigger_registry import switched_off, trigger_by_hand, typed
from app.lib.conversions import quoted
from app.lib.translation import gettext, translatable
from app.models import Workflow
from app.models.status import WorkflowStatus
from app.workflows.repository import LiveDocument, WorkflowRepository

SELF = translatable("This workflow would call itself, for ever. Choose another one.")


class WorkflowInUse(Conflict):
    """Other workflows call this one. Take it out there first."""

    code = "workflow_in_use"


class CallingNode(NamedTuple):
    """A step that calls: its place among the nodes."""

    place: int
    id: str
    call: WorkflowCall

    @property
    def path(self) -> str:
        return f"nodes[{self.place}].data"


def calling_nodes(flow: Flow) -> list[CallingNode]:
    """The steps of a document that call a workflow and are not switched off."""
    nodes = [
        (index, node.id, call_of(node.type, node.data)) for index, node in enumerate(flow.nodes) if not node.is_off
    ]
    return [CallingNode(index, node_id, call) for index, node_id, call in nodes if call is not None]


def _called_by(graph: dict[str, Any] | None) -> set[UUID]:
    """The workflows that a stored document calls."""
    nodes = (graph or {}).get("nodes", ())
    calls = [call_of(str(node.get("type")), node.get("data") or {}) for node in nodes if not node.get("disabled")]
    return {call.workflow_id for call in calls if call is not None}


async def call_diagnostics(
    repository: WorkflowRepository, flow: Flow, workflow_id: UUID | None
) -> Sequence[Diagnostic]:
    """What is wrong with the calls of a document of this workflow (None: it is new), by what is live of the others now.

    One query for each round of calls away from the document; none for a document without calls.
    """
    nodes = calling_nodes(flow)
    if not nodes:
        return ()
    live: dict[UUID, LiveDocument] = {}
    ahead = {node.call.workflow_id for node in nodes}
    looked_up = set(ahead)
    while ahead:
        documents = await repository.live_documents(ahead)
        live |= documents
        callees = {callee for one in documents.values() for callee in _called_by(one.graph)}
        ahead = callees - live.keys() - looked_up
        looked_up |= ahead
    diagnostics = list[Diagnostic]()
    for node in nodes:
        diagnostics += _of_node(node, live, workflow_id)
    return diagnostics


async def require_not_called(repository: WorkflowRepository, workflow: Workflow) -> None:
    """Raise WorkflowInUse while another one calls it. Nobody begins to before this transaction is over."""
    await repository.alone_with_calls()
    if uses := await usage.of_workflow(repository.session, workflow.tenant_id, workflow.id):
        message = gettext(
            "This workflow is called by %(in_words)s. Take it out there first.", in_words=usage.in_words(uses)
        )
        raise WorkflowInUse(message, usedBy=usage.as_documents(uses))


def _of_node(node: CallingNode, live: dict[UUID, LiveDocument], workflow_id: UUID | None) -> Iterator[Diagnostic]:
    callee = live.get(node.call.workflow_id)
    if node.call.workflow_id == workflow_id:
        yield incomplete(f"{node.path}.workflowId", SELF, node.id)
    elif callee is None:
        return  # the reference says so
    elif workflow_id is not None and (way := _way(node.call.workflow_id, workflow_id, live)):
        first, *others = [quoted(live[one].name) for one in way]
        message = gettext(
            "%(first)s calls this workflow, so they would call one another for ever. Choose another one.", first=first
        )
        if others:
            message = gettext(
                "%(first)s calls %(others)s calls this one again, so they would call one another for ever. Choose another one.",
                first=first,
                others=gettext(" calls ").join(others),
            )
        yield incomplete(f"{node.path}.workflowId", message, node.id)
    elif callee.status == WorkflowStatus.ARCHIVED:
        yield incomplete(
            f"{node.path}.workflowId",
            gettext("%(name)s is archived. Choose another one.", name=quoted(callee.name)),
            node.id,
        )
    elif callee.graph is None or callee.status != WorkflowStatus.ACTIVE:
        message = gettext("%(name)s is not active. Until it is, this step fails.", name=quoted(callee.name))
        yield warning(f"{node.path}.workflowId", message, node.id)
    else:
        yield from _of_entry(node, callee.name, triggers_of(callee.graph))


def _way(start: UUID, wanted: UUID, live: dict[UUID, LiveDocument]) -> list[UUID]:
    """The workflows from `start` to the one that calls `wanted`; none when no calls lead there."""
    came_by: dict[UUID, UUID | None] = {start: None}
    ahead = [start]
    for one in ahead:
        callees = _called_by(live[one].graph) if one in live else set[UUID]()
        if wanted in callees:
            way = [one]
            while (before := came_by[way[-1]]) is not None:
                way.append(before)
            return way[::-1]
        for callee in sorted(callees - came_by.keys()):
            came_by[callee] = one
            ahead.append(callee)
    return []


def _of_entry(node: CallingNode, name: str, triggers: Sequence[Trigger]) -> Iterator[Diagnostic]:
    """Does the called workflow take such runs, and the input?"""
    of_contact = node.call.of_contact
    trigger = trigger_by_hand(triggers, of_contact=of_contact)
    if trigger is None and switched_off(triggers, of_contact=of_contact):
        message = gettext(
            "The trigger by which others start %(name)s is switched off. Until it is on, this step fails.",
            name=quoted(name),
        )
        yield warning(f"{node.path}.workflowId", message, node.id)
        return
    if trigger is None:
        message = (
            gettext("%(name)s takes no contacts. Choose another one.", name=quoted(name))
            if of_contact
            else gettext("%(name)s takes no runs without a contact. Choose another one.", name=quoted(name))
        )
        yield incomplete(f"{node.path}.audience", message, node.id)
        return
    kind, config = typed(trigger)
    schema = kind.input_schema(config)
    if schema is None:
        return
    filled = schema.filled(node.call.properties)
    for problem in schema.problems(filled, "input"):
        value = filled.get(problem["path"].removeprefix("input.").partition(".")[0].partition("[")[0])
        if is_constant(value):  # what is filled in at the step is looked at then
            yield incomplete(f"{node.path}.input", f"{quoted(name)} asks: {problem['message']}", node.id)
