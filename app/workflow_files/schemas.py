"""The file of a workflow, and what came of an import."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from app.message_templates.schemas import NewTemplate
from app.segments.schemas import NewSegment
from app.web.structs import Camel

FORMAT = "throughline/1"
Key = Annotated[
    str,
    Meta(
        min_length=1, max_length=100, description="How the workflow of the file calls it: `template:welcome`, or an id."
    ),
]


class UsedConnector(Camel, forbid_unknown_fields=True):
    """A connector by name and type: its settings and its secret never travel."""

    name: str
    type: str


class UsedWorkflow(Camel, forbid_unknown_fields=True):
    """Another workflow, by name."""

    name: str


class Uses(Camel, forbid_unknown_fields=True, kw_only=True):
    """What the workflow names: templates and segments as a whole, connectors and other workflows by name."""

    templates: dict[Key, NewTemplate] = msgspec.field(default_factory=dict)
    segments: dict[Key, NewSegment] = msgspec.field(default_factory=dict)
    connectors: dict[Key, UsedConnector] = msgspec.field(default_factory=dict)
    workflows: dict[Key, UsedWorkflow] = msgspec.field(default_factory=dict)


class WorkflowFile(Camel, forbid_unknown_fields=True, kw_only=True):
    """A workflow with what it uses. `workflow` is what `POST /workflows` takes; where it names a row there stands a key of `uses`."""

    format: Literal["throughline/1"] = "throughline/1"
    workflow: dict[str, Any]
    uses: Uses = msgspec.field(default_factory=Uses)


class WorkflowImport(WorkflowFile, forbid_unknown_fields=True, kw_only=True):
    """A file, and what stands for what it names and is not here.

    `mapping`: by the `reference` of what is `missing`, the id of a row of this workspace, or the name of a topic; empty: chosen later.
    """

    mapping: Annotated[dict[Key, Annotated[str, Meta(max_length=100)]], Meta(max_length=1_000)] = msgspec.field(
        default_factory=dict
    )


class RowOption(Camel):
    """Something of this workspace that may stand for what is missing: `value` is what `mapping` takes."""

    value: str
    name: str


class MissingOut(Camel):
    """What a file names and is not here. `kind`: template, connector, segment, workflow or topic; `steps`: where it is used.

    `reference`: the key of the file, the id, or `topic:` with the name of the topic. `options`: of a key, only what its scopes let it
    read; `more_options`: these are the first, `mapping` takes others too.
    """

    reference: str
    kind: str
    name: str
    steps: list[str]
    options: list[RowOption]
    more_options: bool


class ToChoose(Camel):
    """Something that the file names and that is not here: what it is, and the step or trigger in which it is to be chosen."""

    kind: str
    name: str
    node_id: str | None
    message: str


class ImportedWorkflow(Camel):
    """The new draft. `created` and `existing`: templates and segments that were made, and rows that were there, by name.

    `missing`: with `ask=true`, what `mapping` says nothing of, the first 50 at most; then nothing was made, and `id` is null.
    `more_missing`: as many more are missing; ask again, with a `mapping` that has the first ones.
    """

    id: UUID | None
    name: str
    created: list[str]
    existing: list[str]
    to_choose: list[ToChoose]
    missing: list[MissingOut] = msgspec.field(default_factory=list)
    more_missing: int = 0
