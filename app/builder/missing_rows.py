"""What steps from elsewhere name and this workspace does not have, each with what is here of its kind: pasted steps and files ask the same.

Topics of consent are asked for too: a topic that nobody here has heard of keeps nobody out, whatever its namesake is called here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from app.builder.form_options import FormOptions
from app.flow.document import Node
from app.flow.node_words import channel_number, references_of, title_of_plain, topics_of
from app.flow.references import Reference
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry as channels
from app.values import names as value_names
from app.workflows.repository import WEB

KINDS = {
    "template": translatable("Template"),
    "connector": translatable("Connector"),
    "segment": translatable("Segment"),
    "workflow": translatable("Workflow"),
    "topic": translatable("Topic"),
}
MOST_MISSING = 50
"""That are asked about at once; others stay as they are."""
MOST_OPTIONS = 5_000
"""Of all questions asked at once: with thousands of templates fewer are asked, one at least."""
TOPIC = "topic:"
"""What the key of a topic begins with, so that no id is taken for one."""
NOBODY_COMES: frozenset[UUID] = frozenset()


class MissingRow(NamedTuple):
    """A row, or a topic, that is not here. `key`: its id, or its name as a topic; `name`: what its file calls it; `steps`: titles of those
    that name it; `fields`: of their settings, of a topic; `fitting`: what is here, value → what people call it, one object for all rows of
    which the same fits; `chosen`: the value at first; `as_new`: what its own name is called where that may stand too."""

    kind: str
    key: str
    name: str
    steps: Sequence[str]
    fitting: Mapping[str, str]
    chosen: str = ""
    fields: Sequence[str] = ()
    as_new: str = ""

    @property
    def options(self) -> list[tuple[str, str]]:
        """Values with what people call them."""
        return [*([(self.name, self.as_new)] if self.as_new else ()), *self.fitting.items()]

    @property
    def first_options(self) -> list[tuple[str, str]]:
        """As many of them as one answer has."""
        return self.options[:MOST_OPTIONS]

    def takes(self, value: str) -> bool:
        """May this stand for it? Empty: nothing does."""
        return not value or value in self.fitting or (bool(self.as_new) and value == self.name)


class _Row(NamedTuple):
    """A row as steps name it. `of`: the channel whose rows alone fit, empty where all of the kind do."""

    kind: str
    id: UUID
    of: str
    variety: str


async def missing_rows(
    form_options: FormOptions,
    nodes: Iterable[Node],
    *,
    others: Iterable[tuple[str, Reference]] = (),
    names: Mapping[str, str],
    types: Mapping[str, str] | None = None,
    coming: Set[UUID] = NOBODY_COMES,
) -> list[MissingRow]:
    """What is not here of all that steps name, and triggers and goals (`others`: each with its title).

    `names` and `types` (of connectors): what a file says of ids. `coming`: rows that are made before the steps are.
    """
    titles_of: dict[_Row, list[str]] = {}
    topics: dict[str, tuple[list[str], list[str]]] = {}
    for node in nodes:
        word = channels.word_of(number) if (number := channel_number(node.type)) is not None else ""
        title = title_of_plain(msgspec.to_builtins(node))
        for one in references_of(node):
            titles_of.setdefault(_Row(one.kind, one.id, word, one.variety), []).append(title)
        for field, name in topics_of(node):
            fields, titles = topics.setdefault(name, ([], []))
            fields.append(field)
            titles.append(title)
    for title, one in others:
        titles_of.setdefault(_Row(one.kind, one.id, "", one.variety), []).append(title)
    missing = await _absent(form_options, titles_of, names, types or {}, coming)
    return [*missing, *await _unknown_topics(form_options, topics)]


async def _absent(
    form_options: FormOptions,
    titles_of: Mapping[_Row, list[str]],
    names: Mapping[str, str],
    types: Mapping[str, str],
    coming: Set[UUID],
) -> list[MissingRow]:
    wanted: dict[str, set[UUID]] = {}
    for row in titles_of:
        wanted.setdefault(row.kind, set()).add(row.id)
    present = await form_options.known_rows(wanted)
    absent = {
        row: titles
        for row, titles in titles_of.items()
        if row.id not in present.get(row.kind, {}) and row.id not in coming
    }
    if not absent:
        return []
    rows, missing = await form_options.nameable(), list[MissingRow]()
    # 400 unknown ids in a workspace of 2,000 templates are looked for among those once, not 400 times.
    alike: dict[tuple[str, ...], tuple[dict[str, str], dict[str, str]]] = {}
    for row, titles in absent.items():
        key = str(row.id)
        name, type_ = names.get(key, ""), types.get(key, "") if row.variety == WEB else ""
        group = row.kind, row.of, row.variety, type_
        if group not in alike:
            fitting = {id_: one["name"] for id_, one in rows.get(row.kind, {}).items() if _fits(one, row, type_)}
            # Of rows that are called alike the first.
            alike[group] = fitting, {called: id_ for id_, called in reversed(fitting.items())}
        fitting, by_name = alike[group]
        missing.append(MissingRow(row.kind, key, name, titles, fitting, by_name.get(name, "") if name else ""))
    return missing


def _fits(one: Mapping[str, str], row: _Row, type_: str) -> bool:
    """Is it of the same channel? `type_`: of the connector of a service, where it is known: others answer in other ways."""
    if row.kind == "connector" and row.variety == WEB:
        return one.get("channel") == channels.SERVICE_WORD and type_ in ("", one.get("type"))
    of_channel = not row.of or one.get("channel", row.of) == row.of
    return of_channel and (row.kind == "connector" or not row.variety or one.get("kind", row.variety) == row.variety)


async def _unknown_topics(
    form_options: FormOptions, topics: Mapping[str, tuple[list[str], list[str]]]
) -> list[MissingRow]:
    if not topics:
        return []
    known = await form_options.topics({field for fields, _ in topics.values() for field in fields})
    spelled, fitting = {_plain(name) for name in known}, {name: name for name in known}
    return [
        MissingRow(
            "topic",
            f"{TOPIC}{name}",
            name,
            titles,
            fitting,
            name,
            list(dict.fromkeys(fields)),
            gettext("%(name)s, as a new topic", name=name),
        )
        for name, (fields, titles) in topics.items()
        if _plain(name) not in spelled
    ]


def _plain(topic: str) -> str:
    """Two ways to write one topic are the same here, as they are when a message asks for consent."""
    return (value_names.fitting(topic) or topic).casefold()


def asked_at_once(missing: Sequence[MissingRow]) -> list[MissingRow]:
    """As many as one dialog asks about."""
    questions, options = list[MissingRow](), 0
    for one in missing[:MOST_MISSING]:
        options += len(one.fitting) + bool(one.as_new)
        if questions and options > MOST_OPTIONS:
            break
        questions.append(one)
    return questions


def readable_nodes(nodes: Iterable[Any]) -> Iterator[Node]:
    """Those parts of a document that are steps; what is wrong with the others is said when they are saved."""
    for node in nodes:
        if isinstance(node, dict):
            plain = {key: node[key] for key in ("id", "type", "name", "data") if key in node}
            try:
                yield msgspec.convert(plain, Node)
            except msgspec.ValidationError:
                continue


def with_topics(node: Any, chosen: Mapping[str, str]) -> Any:
    """A step of a document with the topics that were chosen, by their keys; one that was left empty is left out."""
    data = dict(node["data"]) if isinstance(node, dict) and isinstance(node.get("data"), dict) else {}
    for readable in readable_nodes([node]) if data else ():
        for field, name in topics_of(readable):
            if (topic := chosen.get(f"{TOPIC}{name}")) is not None:
                data = {key: value for key, value in data.items() if key != field} | ({field: topic} if topic else {})
    return {**node, "data": data} if data else node
