"""What the card of a step or trigger says: what its template needs, and by that the title that stands on it.

Drawings, lists and the page of a run call a step what its card calls it (`titles_on_cards`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from app.flow import node_words, presentation, registry, trigger_registry
from app.flow.document import triggers_of
from app.flow.field_names import steps_called
from app.flow.references import references_in
from app.flow.segment_membership import segments_named

Json = dict[str, Any]


@dataclass(frozen=True)
class CardNames:
    """How the rows are called that cards name: kind → id → its name, as `Choices` of the builder has them."""

    references: Mapping[str, Mapping[str, Mapping[str, str]]]


class CardModule(Protocol):
    """A rendered card template: `ns.title` is what its step is called that has no name of its own."""

    ns: Any


CardReader = Callable[[list[str], Json], CardModule]
"""Renders the first template of a list that is there (`FragmentEngine.rendered_module`)."""


def card(node: Json, titles: Mapping[str, str] = MappingProxyType({})) -> Json:
    """What the card template of one step needs. `own_ports`: the ports that its config declares, None when it has those of its type;
    `named`: what the steps are called that its settings name, of `titles`."""
    look, data = presentation.step(node["type"]), node.get("data") or {}
    ways = node_words.ports_of(node["type"], data)
    declared = look.installed and ways != look.ports
    read = _read_by(data, titles)
    with steps_called(titles):
        summary = node_words.summary_of(node["type"], data)
    own = [asdict(node_words.in_readers_language(port, node["type"])) for port in ways] if declared else None
    jumps = node_words.jumps_of(node["type"], data) if look.installed else []
    return {
        "node": node,
        "presentation": look,
        "summary": summary,
        "own_ports": own,
        "jumps": jumps,
        "named": {target: titles[target] for _, target in jumps if target in titles} | read,
        "step_titles": read,
    }


def _read_by(data: Json, titles: Mapping[str, str]) -> dict[str, str]:
    """Of `titles`, those of the steps that a step may read from: cards that name one are drawn anew when it is renamed."""
    written = msgspec.json.encode(data)
    if b"steps." not in written:
        return {}
    return {node_id: title for node_id, title in titles.items() if f"steps.{node_id}".encode() in written}


def trigger_card(trigger: Json) -> Json:
    """The same for a trigger."""
    return {"node": trigger, "presentation": presentation.trigger(trigger["type"]), "summary": ""}


def rows_named(document: Json, only: Set[str] | None = None) -> dict[str, set[UUID]]:
    """The rows of the workspace that the steps and triggers of a document name: kind → ids. `only`: these steps and triggers alone."""
    rows: dict[str, set[UUID]] = {}
    nodes = [node for node in document["nodes"] if only is None or node["id"] in only]
    triggers = [one for one in triggers_of(document) if only is None or one.id in only]
    kinds = [
        *((registry.find(node["type"]), node.get("data") or {}) for node in nodes),
        *((trigger_registry.find(one.type), one.data) for one in triggers),
    ]
    for kind, data in kinds:
        for reference in (*(references_in(kind.Config, data) if kind else ()), *segments_named(data)):
            rows.setdefault(reference.kind, set()).add(reference.id)
    return rows


def titles_on_cards(read: CardReader, document: Json, names: CardNames, only: Set[str] | None = None) -> dict[str, str]:
    """By id, what steps and triggers are called: their own name, else the title of their card. `only`: of these alone."""
    plain = {node["id"]: node_words.title_of_plain(node) for node in document["nodes"]}
    triggers: Sequence[Json] = msgspec.to_builtins(triggers_of(document))
    cards = [(trigger_card, one) for one in triggers] + [
        (lambda node: card(node, plain), one) for one in document["nodes"]
    ]
    titles = dict[str, str]()
    for look_of, node in cards:
        if only is None or node["id"] in only:
            one = look_of(node)
            titles[node["id"]] = node.get("name") or _title(read, one["presentation"].folder, {**one, "choices": names})
    return titles


def _title(read: CardReader, folder: str, context: Json) -> str:
    module = read([f"{folder}/card.html", "_shared/unknown.html"], context)
    return " ".join(module.ns.title.striptags().split())
