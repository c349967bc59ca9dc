"""What pasted steps name and this workspace does not have: each with what is here of its kind, to be chosen from. Nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.response import Template

from app.accounts.deps import AppRequest
from app.builder.form_options import FormOptions
from app.errors import Invalid
from app.flow.document import Node, most_steps
from app.flow.node_words import channel_number, references_of, title_of_plain
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry as channels
from app.models.status import Role
from app.web.fragments import page

KINDS = {
    "template": translatable("Template"),
    "connector": translatable("Connector"),
    "segment": translatable("Segment"),
    "workflow": translatable("Workflow"),
}
MOST_MISSING = 50
"""That are asked about in one dialog; others stay empty."""
MOST_OPTIONS = 5_000
"""Of all questions of one dialog together: with thousands of templates fewer are asked, one at least."""


class MissingRow(NamedTuple):
    """A row that is not here. `of`: the channel whose rows alone fit, empty where all of the kind do; `name`: what its file calls it."""

    kind: str
    id: UUID
    of: str
    variety: str
    name: str
    steps: list[str]
    options: list[tuple[str, str]]

    @property
    def chosen(self) -> str:
        """What is called the same here."""
        return next((id_ for id_, name in self.options if self.name and name == self.name), "")


@post("/workflows/paste", role=Role.MARKETER, status_code=200)
async def ask_for_missing(request: AppRequest, form_options: NamedDependency[FormOptions]) -> Template | Response[None]:
    """The dialog that asks what stands for what is missing; 204 when nothing is. Form fields: `nodes`, JSON; `names`, JSON: id → name."""
    form = await request.form()
    try:
        nodes, names = json.loads(str(form.get("nodes", ""))), json.loads(str(form.get("names") or "{}"))
    except (ValueError, RecursionError) as error:
        raise Invalid(gettext("These steps could not be read.")) from error
    if not isinstance(nodes, list) or len(nodes) > most_steps():
        raise Invalid(gettext("These steps could not be read."))
    titles_of: dict[tuple[str, UUID, str, str], list[str]] = {}
    for node in _readable(nodes):
        word = channels.word_of(number) if (number := channel_number(node.type)) is not None else ""
        for one in references_of(node):
            title = title_of_plain(msgspec.to_builtins(node))
            titles_of.setdefault((one.kind, one.id, word, one.variety), []).append(title)
    wanted: dict[str, set[UUID]] = {}
    for kind, id_, *_ in titles_of:
        wanted.setdefault(kind, set()).add(id_)
    present = await form_options.known_rows(wanted)
    absent = {key: steps for key, steps in titles_of.items() if key[1] not in present.get(key[0], {})}
    if not absent:
        return Response(None, status_code=204)
    rows = await form_options.nameable()
    missing, options = list[MissingRow](), 0
    for (kind, id_, word, variety), steps in [*absent.items()][:MOST_MISSING]:
        fitting = _fitting(rows.get(kind, {}), word, variety)
        options += len(fitting)
        if missing and options > MOST_OPTIONS:
            break
        missing.append(MissingRow(kind, id_, word, variety, _name(names, id_), steps, fitting))
    return page(request, "builder/paste.html", missing=missing, kinds=KINDS)


def _readable(nodes: list[Any]) -> Iterator[Node]:
    """Those that are steps; what is wrong with the others is said when they are saved."""
    for node in nodes:
        if isinstance(node, dict):
            plain = {key: node[key] for key in ("id", "type", "name", "data") if key in node}
            try:
                yield msgspec.convert(plain, Node)
            except msgspec.ValidationError:
                continue


def _name(names: Any, id_: UUID) -> str:
    name = names.get(str(id_)) if isinstance(names, dict) else None
    return name[:200] if isinstance(name, str) else ""


def _fitting(rows: Mapping[str, Mapping[str, str]], word: str, variety: str) -> list[tuple[str, str]]:
    """Of the same kind and channel, by name."""
    return [
        (id_, row["name"])
        for id_, row in rows.items()
        if (not word or row.get("channel", word) == word) and (not variety or row.get("kind", variety) == variety)
    ]


ROUTES = [ask_for_missing]
