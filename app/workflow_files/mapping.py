"""What a file names and is not here: the same questions as for pasted steps, with keys of the file in place of ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from app.accounts.principal import Principal
from app.builder.form_options import FormOptions
from app.builder.missing_rows import MissingRow, asked_at_once, missing_rows, readable_nodes
from app.errors import FieldError, Invalid
from app.flow import trigger_registry
from app.flow.references import Reference
from app.flow.segment_membership import segments_named
from app.lib.conversions import quoted
from app.lib.translation import gettext
from app.models.scope import Scope
from app.workflow_files.places import KINDS, ids_in
from app.workflow_files.schemas import MissingOut, RowOption, Uses

_KEYS = UUID("4b0c1f7e-6f43-4f0a-9a5d-0a8f2a3c7e52")
"""The namespace of the ids by which keys such as `template:welcome` are asked for."""

_READ_BY = {
    "template": (Scope.TEMPLATES_READ,),
    "connector": (Scope.CONNECTORS_READ,),
    "segment": (Scope.SEGMENTS_READ,),
    "workflow": (Scope.WORKFLOWS_READ,),
    "topic": (Scope.CONTACTS_READ, Scope.WORKFLOWS_READ),
}
"""What lists the rows of a kind to a key; topics are of the consent of contacts and of steps of drafts."""


def id_of_key(key: str) -> UUID:
    """The id that stands for a key while it is asked for: its own, where it is one."""
    return next(ids_in(key), None) or uuid5(_KEYS, key)


async def missing_in_file(form_options: FormOptions, document: Mapping[str, Any], uses: Uses) -> list[MissingRow]:
    """What is not here and does not come with the file. `document`: with ids in place of keys (`id_of_key`, where nothing is here)."""
    keys = {str(id_of_key(key)): key for part in KINDS for key in getattr(uses, part)}
    names = {id_: used.name for id_, key in keys.items() for part in KINDS if (used := getattr(uses, part).get(key))}
    missing = await missing_rows(
        form_options,
        readable_nodes(_parts(document, "nodes")),
        others=_named_elsewhere(document),
        names=names,
        types={str(id_of_key(key)): used.type for key, used in uses.connectors.items()},
        coming={id_of_key(key) for key in (*uses.templates, *uses.segments)},
    )
    return [one._replace(key=keys.get(one.key, one.key)) for one in missing]


def check_mapping(missing: Sequence[MissingRow], mapping: Mapping[str, str]) -> None:
    """Raises Invalid for what cannot stand where it should. What is not missing needs nothing to stand for it."""
    faults = [
        FieldError(
            path=f"mapping.{one.key}",
            message=gettext(
                "This cannot stand for %(name)s here. Choose another one.", name=quoted(one.name or one.key)
            ),
        )
        for one in missing
        if not one.takes(mapping.get(one.key, ""))
    ]
    if faults:
        raise Invalid(errors=faults)


def in_answer(missing: Sequence[MissingRow], principal: Principal) -> list[MissingOut]:
    """The same for programs: as many as are asked about at once. A key gets the names of those kinds alone that its scopes open."""
    offered = [
        one if all(principal.may_touch(scope) for scope in _READ_BY[one.kind]) else one._replace(fitting={})
        for one in missing
    ]
    return [
        MissingOut(
            reference=one.key,
            kind=one.kind,
            name=one.name,
            steps=list(dict.fromkeys(one.steps)),
            options=[RowOption(value=value, name=name) for value, name in one.first_options],
            more_options=len(one.options) > len(one.first_options),
        )
        for one in asked_at_once(offered)
    ]


def _named_elsewhere(document: Mapping[str, Any]) -> Iterator[tuple[str, Reference]]:
    """Of triggers and goals, as far as they can be read."""
    for trigger in (*_parts(document, "triggers"), document.get("trigger")):
        if isinstance(trigger, dict) and isinstance(data := trigger.get("data"), dict):
            title = gettext("Trigger")
            yield from ((title, one) for one in trigger_registry.references(str(trigger.get("type", "")), data))
    for goal in _parts(document, "goals"):
        if isinstance(goal, dict):
            yield from (
                (str(goal.get("name") or gettext("Goal")), one) for one in segments_named(goal.get("conditions"))
            )


def _parts(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []
