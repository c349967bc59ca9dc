"""What the builder's templates are given: cards, the JSON of the canvas, the words of panels and dialogs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from jinja2 import pass_context
from jinja2.runtime import Context

from app.accounts.deps import AppRequest
from app.accounts.principal import Principal
from app.builder.form_options import Choices, FormOptions
from app.flow import node_words, presentation, registry, trigger_registry
from app.flow.diagnostic import Diagnostic
from app.flow.document import NEXT, most_steps, triggers_of
from app.flow.field_names import field_name, steps_called
from app.flow.local_time import WEEKDAY_WORDS, amount_in_words, unit_choices
from app.flow.operators import OPERATORS
from app.flow.phrases import RuleLine, decision_in_words, sentence
from app.flow.placeholders import in_words
from app.flow.policies import ON_ERROR_WORDS
from app.flow.retry import MAIL, ONCE, Retry
from app.flow.segment_membership import wanted_ids
from app.flow.step_cards import CardNames, card, trigger_card
from app.flow.trigger_type import CATEGORY
from app.flow.value_rows import ValueRow, value_rows
from app.flow.verbatim import verbatim_fields
from app.lib.formats import readers_zone
from app.lib.translation import gettext
from app.messaging.channels import registry as channels
from app.messaging.channels import words
from app.models import Workflow
from app.models.status import Role, WorkflowStatus
from app.values.cron_words import cron_words
from app.values.zone_choices import offered_zones
from app.web.fragments import FragmentEngine
from app.workflows.loaded import LoadedFlow

SPRITE = "/static/vendor/lucide-1.62.0/sprite.svg"
SHOWN_AT_ONCE = 150
"""Of more cards than this the page comes with all hidden, and the canvas shows those in sight (CULL_ABOVE in static/canvas/viewport.js)."""
Json = dict[str, Any]


def teach(engine: FragmentEngine) -> None:
    """Give templates the words of conditions (the operators, a field's label, a whole list, the rules of a decision) and of messages."""

    @pass_context
    def rule_lines(context: Context, rules: list[Json]) -> list[RuleLine]:
        with _titles_of(context):
            return decision_in_words(rules, readers_zone(context))

    @pass_context
    def rows_of_value(context: Context, value: Any, node_type: str = "", data: bool = False) -> ValueRow:
        with _titles_of(context):
            return value_rows(value, node_type, data=data, called={} if data else context.get("called_rows") or {})

    @pass_context
    def field_label(context: Context, path: str) -> str:
        with _titles_of(context):
            return field_name(path)

    @pass_context
    def shown_in_words(context: Context, value: Any, empty: str = "…") -> str:
        with _titles_of(context):
            return in_words(value, empty)

    @pass_context
    def conditions_in_words(context: Context, conditions: Any, match: Any = "all") -> str:
        choices = context.get("choices")
        segments = choices.references.get("segment", {}) if isinstance(choices, Choices | CardNames) else None
        names = None if segments is None else {id_: row["name"] for id_, row in segments.items()}
        with _titles_of(context):
            return sentence(conditions, match, names)

    engine.engine.globals.update(operators=OPERATORS, sentence=conditions_in_words, decision_in_words=rule_lines)
    engine.engine.globals.update(wanted_segments=wanted_ids, value_rows=rows_of_value)
    engine.engine.globals.update(weekdays=WEEKDAY_WORDS, offered_zones=offered_zones, cron_words=cron_words)
    engine.engine.globals.update(on_error_choices=on_error_choices)
    engine.engine.filters.update(
        field_label=field_label, in_words=shown_in_words, units=unit_choices, amount=amount_in_words
    )
    engine.engine.filters.update(messages=words.counted_messages)
    engine.engine.globals.update(
        message_noun=words.noun,
        message_plural=words.plural,
        channel_shown=channels.shown,
        waits_for_channel=words.waits_for_channel,
    )


def _titles_of(context: Context) -> AbstractContextManager[None]:
    """What paths call steps on this page: `step_titles`, or the ids."""
    return steps_called(context.get("step_titles") or {})


def may_edit(principal: Principal, workflow: Workflow) -> bool:
    """May this person change this draft?"""
    return principal.may(Role.MARKETER) and workflow.status != WorkflowStatus.ARCHIVED


def other_steps(document: Json, node_id: str) -> list[tuple[str, str]]:
    """The steps of a document but one, each with its title; two of one title are told apart by their ids."""
    titles = {node["id"]: node_words.title_of_plain(node) for node in document["nodes"] if node["id"] != node_id}
    often = Counter(titles.values())
    return [(other, f"{title} ({other})" if often[title] > 1 else title) for other, title in titles.items()]


def plain_fields(type_: str) -> list[str] | None:
    """The fields of a step's form whose texts take no placeholders; None of types that take none anywhere, as triggers."""
    kind = registry.find(type_)
    return sorted(verbatim_fields(kind.Config)) if kind else None


def without_rule(document: Json, node: Json) -> dict[str, str]:
    """How often a step is tried that says nothing about it: in `words`, and as the number of `tries` when it has one."""
    rule = msgspec.convert(document["settings"].get("retry"), Retry | None)
    if rule is not None:
        return {"words": gettext("as the workflow, %(rule)s", rule=rule.words), "tries": str(rule.attempts)}
    kind = registry.find(node["type"])
    if kind is not None and kind.sends is not None:
        return {"words": _tried_as(kind.sends), "tries": ""}
    rule = kind.default_retry if kind else ONCE
    return {"words": rule.words, "tries": str(rule.attempts)}


def on_error_choices(of_workflow: str | None = None) -> list[tuple[str, str]]:
    """What may become of a run whose step failed for good, for a step (`of_workflow`: what the workflow says) or for the workflow."""
    texts = {name: gettext(text) for name, text in ON_ERROR_WORDS.items()}
    words = {name: text[0].upper() + text[1:] for name, text in texts.items()}
    if of_workflow is None:
        return [("", words.pop("fail")), *words.items()]
    return [("", gettext("As the workflow says: %(rule)s", rule=of_workflow)), *words.items()]


def on_error_of_workflow(document: Json) -> str:
    """What becomes of a run at a step that says nothing, in words."""
    return gettext(ON_ERROR_WORDS[document["settings"].get("onError") or "fail"])


def _tried_as(number: int) -> str:
    """How often messages of a channel are tried whose step says nothing."""
    channel = channels.known(number)
    if channel is None or channel.retry == MAIL:
        return gettext("as every message, for about 24 hours and ever more rarely")
    return gettext("as every message of this channel, %(rule)s", rule=channel.retry.words)


def cards(document: Json, only: set[str] | None = None, *, naming: bool = False) -> list[Json]:
    """All cards of a document, or those of `only`; `naming`: also those that name one of these."""
    triggers = msgspec.to_builtins(triggers_of(document))
    titles = {node["id"]: node_words.title_of_plain(node) for node in document["nodes"]}
    cards_of_all = [*map(trigger_card, triggers), *(card(node, titles) for node in document["nodes"])]
    if only is None:
        return cards_of_all
    return [
        item for item in cards_of_all if item["node"]["id"] in only or (naming and only & item.get("named", {}).keys())
    ]


def trigger_presentations() -> dict[str, presentation.Presentation]:
    """How trigger types look, by what the canvas calls them: a step type may have the same name."""
    return {f"{CATEGORY}:{name}": one for name, one in presentation.triggers().items()}


def nothing_decided(document: Json) -> bool:
    """Is the draft as empty as a new one, whose trigger is not chosen yet?"""
    first, *more = triggers_of(document)
    look = presentation.trigger(first.type)
    untouched = all((look.defaults or {}).get(name) == value for name, value in first.data.items())
    return not document["nodes"] and not document["notes"] and not more and unfinished(look) and untouched


def unfinished(look: presentation.Presentation) -> bool:
    """Is something still to be chosen in a new trigger of this type?"""
    kind = trigger_registry.find(look.type)
    return kind is not None and bool(trigger_registry.diagnostics(kind, look.defaults or {}))


def trigger_types() -> Json:
    """What the canvas modules need of trigger types: `fields` are kept when another type is chosen, `unfinished` asks for a choice."""
    unknown = {"label": "Trigger", "category": CATEGORY, "ports": [{"id": NEXT, "label": ""}], "defaults": {}}
    installed_types = {
        name: {
            **look.for_canvas(),
            "label": "Trigger",
            "trigger": True,
            "fields": trigger_registry.fields(look.type),
            "unfinished": unfinished(look),
        }
        for name, look in trigger_presentations().items()
    }
    return {CATEGORY: unknown, **installed_types}


def blank_cards() -> list[Json]:
    """One card of each type as a new step shows it, for the canvas to copy, and one of an unknown type."""
    blanks = [{"id": "new", "type": one.type, "data": one.defaults} for one in presentation.steps().values()]
    triggers = [
        {"node": {"id": "new", "type": name, "data": one.defaults}, "presentation": one, "summary": ""}
        for name, one in trigger_presentations().items()
    ]
    return [*triggers, *(card(node) for node in (*blanks, {"id": "new", "type": "unknown", "data": {}}))]


def as_json(diagnostics: Sequence[Diagnostic]) -> list[Json]:
    """Diagnostics for the canvas."""
    plain: list[Json] = msgspec.to_builtins([one.view() for one in diagnostics])
    return plain


def shared(workflow: Workflow, document: Json) -> Json:
    """The document with its name, as a reply carries it."""
    return {
        "name": workflow.name,
        "description": workflow.description,
        "priority": workflow.priority_word,
        "graph": document,
    }


def canvas_data(principal: Principal, workflow: Workflow, document: Json, diagnostics: Sequence[Diagnostic]) -> Json:
    """The one JSON tag that the canvas boots from."""
    return {
        "workflow": str(workflow.id),
        "rev": workflow.draft_rev,
        **shared(workflow, document),
        "types": {**trigger_types(), **{one.type: one.for_canvas() for one in presentation.steps().values()}},
        "diagnostics": as_json(diagnostics),
        "mayEdit": may_edit(principal, workflow),
        "sprite": SPRITE,
        "mostSteps": most_steps(),
    }


def render_cards(request: AppRequest, items: list[Json], choices: Choices) -> dict[str, str]:
    """Cards as HTML by node id, for a version that is shown beside the draft."""
    template = request.app.template_engine.get_template("builder/card.html")  # type: ignore[union-attr]
    return {item["node"]["id"]: template.render(**item, choices=choices) for item in items}


async def shown_version(request: AppRequest, options: FormOptions, draft: LoadedFlow, version: LoadedFlow) -> Json:
    """The graph and cards of a version, when they are not what the draft shows; else nothing."""
    if version.content_hash == draft.content_hash:
        return {}
    choices = await options.titles()
    return {"graph": version.document, "cards": render_cards(request, cards(version.document), choices)}
