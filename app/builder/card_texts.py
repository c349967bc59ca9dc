"""What cards of steps that write to people say: the subject or the text as it comes out for the sample of the workflow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from app.builder.message_pages import sample_fields
from app.flow import registry
from app.flow.references import references_in
from app.lib import held_connections, sandbox
from app.message_templates.sample import SAMPLE
from app.message_templates.service import TemplateService, contact_fields, preview_data, share_of
from app.messaging.channels.filling import one_line, openings
from app.test_runs.samples import Sample

MOST_CARDS = 200
"""Cards of one workflow that are filled in; further ones say what they read in words."""
MOST_ALONE = 20
"""Cards that are asked for by their ids: more do not fit into an address."""


def writing_steps(document: dict[str, Any]) -> dict[str, str | UUID]:
    """By id, the first steps that write to people: what each says itself, or the template that says it."""
    steps: dict[str, str | UUID] = {}
    for node in document["nodes"]:
        kind, data = registry.find(node["type"]), node.get("data") or {}
        config = registry.readable_config(kind, data) if kind else None
        if kind is None or config is None or len(steps) == MOST_CARDS:
            continue
        templates = (one.id for one in references_in(kind.Config, data) if one.kind == "template")
        if text := kind.own_text(config).strip():
            steps[node["id"]] = text
        elif kind.sends is not None and (template := next(templates, None)):
            steps[node["id"]] = template
    return steps


def sample_texts_url(workflow_id: UUID, steps: Collection[str]) -> str:
    """Where the lines of these cards are asked for; empty of none."""
    query = urlencode({"only": list(steps)}, doseq=True) if len(steps) <= MOST_ALONE else ""
    return f"/workflows/{workflow_id}/sample-texts?{query}" if steps else ""


async def texts_on_cards(templates: TemplateService, steps: dict[str, str | UUID], sample: Sample) -> dict[str, str]:
    """By id, what the cards of `writing_steps` say in one line; those whose text cannot be filled in are left out.

    Gives the connection back: to be asked last.
    """
    begins = await templates.rows.openings({one for one in steps.values() if isinstance(one, UUID)})
    texts = {id_: one if isinstance(one, str) else begins.get(one, "") for id_, one in steps.items()}
    lines = {text: one_line(text) for text in texts.values() if "{" not in text}
    sources = list(dict.fromkeys(text for text in texts.values() if text not in lines))
    lines |= zip(sources, await _filled(templates, sources, sample), strict=True)
    return {id_: line for id_, text in texts.items() if (line := lines[text])}


async def _filled(templates: TemplateService, sources: Sequence[str], sample: Sample) -> list[str]:
    if not sources:
        return []
    who = templates.principal
    contact = sample_fields(sample.step(who.timezone).contact) or contact_fields(SAMPLE)
    await held_connections.release_connection(templates.session)
    data = preview_data(contact, sample.event, who.timezone)
    try:
        return await sandbox.run(openings, sources, data, share=share_of(who))
    except (sandbox.TooCostly, sandbox.Busy):
        return [""] * len(sources)
