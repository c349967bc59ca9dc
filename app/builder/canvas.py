"""What the builder's templates are given: cards, the JSON of the canvas, the words of panels and dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from jinja2 import pass_context
from jinja2.runtime import Context
from msgspec.structs import asdict
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest
from app.accounts.principal import Principal
from app.builder import form_options
from app.builder.form_options import Choices
from app.flow import node_words, presentation, registry
from app.flow.diagnostic import Diagnostic
from app.flow.document import TRIGGER, Flow
from app.flow.operators import OPERATORS
from app.flow.paths import label_of
from app.flow.phrases import RuleLine, decision_in_words, sentence
from app.flow.retry import ONCE, Retry
from app.lib.formats import readers_zone
from app.models import Workflow
from app.models.status import Role, WorkflowStatus
from app.web.fragments import FragmentEngine
from app.workflows.service import WorkflowService

SPRITE = "/static/vendor/lucide-1.62.0/sprite.svg"
Json = dict[str, Any]


def teach(engine: FragmentEngine) -> None:
    """Give templates the words of conditions: the operators, a field's label, a whole list, and the rules of a decision."""

    @pass_context
    def told(context: Context, rules: list[Json]) -> list[RuleLine]:
        return decision_in_words(rules, readers_zone(context))

    engine.engine.globals.update(operators=OPERATORS, sentence=sentence, decision_in_words=told)
    engine.engine.filters.update(field_label=label_of)


def may_edit(principal: Principal, workflow: Workflow) -> bool:
    """May this person change this draft?"""
    return principal.may(Role.MARKETER) and workflow.status != WorkflowStatus.ARCHIVED


def trigger_presentation(document: Json) -> presentation.Presentation:
    """How the document's trigger looks; an unknown type looks like an event."""
    known = presentation.triggers()
    return known.get(document["trigger"]["type"]) or next(iter(known.values()))


def card(node: Json) -> Json:
    """What the card template of one step needs. `own_ports`: ways out that follow from its config, None when it has those of its type."""
    look, data = presentation.step(node["type"]), node.get("data") or {}
    ways = node_words.ports_of(node["type"], data)
    own = [asdict(port) for port in ways] if look.installed and ways != look.ports else None
    return {"node": node, "presentation": look, "summary": node_words.summary_of(node["type"], data), "own_ports": own}


def trigger_card(document: Json) -> Json:
    """The same for the trigger."""
    trigger = document["trigger"]
    return {
        "node": {"id": TRIGGER, "type": trigger["type"], "data": trigger},
        "presentation": trigger_presentation(document),
        "summary": "",
    }


def without_rule(document: Json, node: Json) -> dict[str, str]:
    """How often a step is tried that says nothing about it: in `words`, and as the number of `tries` when it has one."""
    rule = msgspec.convert(document["settings"].get("retry"), Retry | None)
    if rule is not None:
        return {"words": f"as the workflow, {rule.words}", "tries": str(rule.attempts)}
    kind = registry.find(node["type"])
    if kind is not None and kind.sends is not None:
        return {"words": "as every email, for about 24 hours and ever more rarely", "tries": ""}
    rule = kind.default_retry if kind else ONCE
    return {"words": rule.words, "tries": str(rule.attempts)}


def cards(document: Json, only: set[str] | None = None) -> list[Json]:
    """All cards of a document, or those of `only`."""
    found = [trigger_card(document), *(card(node) for node in document["nodes"])]
    return [item for item in found if only is None or item["node"]["id"] in only]


def blank_cards() -> list[Json]:
    """One card of each type as a new step shows it, for the canvas to copy, and one of an unknown type."""
    blanks = [{"id": "new", "type": one.type, "data": one.defaults} for one in presentation.steps().values()]
    return [card(node) for node in (*blanks, {"id": "new", "type": "unknown", "data": {}})]


def as_json(diagnostics: Sequence[Diagnostic]) -> list[Json]:
    """Issues for the canvas."""
    plain: list[Json] = msgspec.to_builtins([one.view() for one in diagnostics])
    return plain


def shared(workflow: Workflow, document: Json) -> Json:
    """The document with its name, as a reply carries it."""
    return {"name": workflow.name, "description": workflow.description, "graph": document}


def canvas_data(principal: Principal, workflow: Workflow, document: Json, issues: Sequence[Diagnostic]) -> Json:
    """The one JSON tag that the canvas boots from."""
    trigger = {"label": "Trigger", "category": "trigger", "ports": [{"id": "next", "label": ""}], "start": {}}
    return {
        "workflow": str(workflow.id),
        "rev": workflow.draft_rev,
        **shared(workflow, document),
        "types": {"trigger": trigger, **{one.type: one.for_canvas() for one in presentation.steps().values()}},
        "issues": as_json(issues),
        "mayEdit": may_edit(principal, workflow),
        "sprite": SPRITE,
    }


async def card_context(request: AppRequest, session: AsyncSession) -> Choices:
    """What cards are rendered with."""
    return await form_options.titles(session, request.user.tenant_id)


def render_cards(request: AppRequest, items: list[Json], known: Choices) -> dict[str, str]:
    """Cards as HTML by node id, for a version that is shown beside the draft."""
    template = request.app.template_engine.get_template("builder/card.html")  # type: ignore[union-attr]
    return {item["node"]["id"]: template.render(**item, choices=known) for item in items}


async def shown_version(
    request: AppRequest, session: AsyncSession, service: WorkflowService, workflow: Workflow, number: int
) -> Json:
    """The graph and cards of a version, when they are not what the draft shows; else nothing."""
    version = await service.version(workflow, number)
    if version.content_hash == service.draft(workflow).content_hash:
        return {}
    document = Flow.load(version.graph).document()
    known = await card_context(request, session)
    return {"graph": document, "cards": render_cards(request, cards(document), known)}
