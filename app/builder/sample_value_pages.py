"""What the sample of a workflow has in each field that a form offers, as the field tree shows it beside the name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.accounts.deps import AppRequest
from app.builder.field_catalog import CONTACT_FIELDS, TAGS, inner_fields, steps_before
from app.builder.form_options import FormOptions
from app.flow.document import Node
from app.flow.sample_texts import SampleStep
from app.flow.trigger_registry import typed
from app.lib.conversions import is_blank, printed
from app.lib.formats import own_time
from app.lib.translation import gettext
from app.models.status import Role
from app.test_runs.rests import declared_output
from app.workflows.service import WorkflowService

LONGEST_VALUE = 80
MOST_VALUES = 1000


class FieldSamples(msgspec.Struct, frozen=True):
    """`values`: what stands in each field of the sample, by its path in conditions and texts; those without one are left out."""

    who: str
    event: str
    values: dict[str, str]


@get("/workflows/{workflow_id:uuid}/nodes/{node_id:str}/sample-values", role=Role.VIEWER)
async def show_sample_values(
    request: AppRequest,
    form_options: NamedDependency[FormOptions],
    workflows: NamedDependency[WorkflowService],
    workflow_id: FromPath[UUID],
    node_id: FromPath[str],
) -> FieldSamples:
    """Whom texts are tried on, and the value of each field of theirs; of earlier steps, what their types say that they put out."""
    draft = workflows.draft(await workflows.get(workflow_id))
    names = [name for one in draft.flow.triggers for kind, config in [typed(one)] for name in kind.subscribes(config)]
    who, sample = await form_options.sample(names, workflow_id=workflow_id)
    members = await form_options.segments_of(sample)
    pairs = [*_of_person(sample), *_conditions_held(sample, members), *_of_earlier(draft.document, node_id)]
    values = {path: _short(value) for path, value in pairs if not is_blank(value)}
    return FieldSamples(who, sample.event_name, dict(list(values.items())[:MOST_VALUES]))


def _of_person(sample: SampleStep) -> Iterator[tuple[str, Any]]:
    data = sample.data
    known = {**data["contact"], **sample.contact.columns}
    yield from ((f"contact.{name}", known.get(name)) for name in CONTACT_FIELDS)
    if any(sample.contact.id):
        yield "contact.id", data["contact"]["id"]
    yield TAGS, data["contact"].get("tags")
    for name, answer in sample.contact.consent.items():
        yield f"consent.{name}", gettext("yes") if answer else gettext("no")
    for name, value in sample.contact.attributes.items():
        yield from _by_leaf(f"contact.attributes.{name}", value)
    for name, value in data["event"].items():
        yield from _by_leaf(f"event.{name}", value)


def _by_leaf(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The paths under which the tree offers a value: an object by what is in it."""
    yield path, value
    yield from ((inner, values[0]) for inner, values in inner_fields(path, [value]) if inner != path)


def _conditions_held(sample: SampleStep, segments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The whole conditions of the catalogue that hold of the sample, by the row that they become and their value."""
    yield from ((f"row-tag:{tag}", gettext("yes")) for tag in sample.contact.tags)
    yield from ((f"row-segment:{segment}", gettext("yes")) for segment in segments)


def _of_earlier(document: Mapping[str, Any], node_id: str) -> Iterator[tuple[str, Any]]:
    for node in steps_before(document, node_id):
        output = declared_output(msgspec.convert(node, Node))
        yield from ((f"steps.{node['id']}.{name}", value) for name, value in output.items())


def _short(value: Any) -> str:
    written = own_time(value) if isinstance(value, datetime) else printed(value)
    text = " ".join(written.split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


ROUTES = [show_sample_values]
