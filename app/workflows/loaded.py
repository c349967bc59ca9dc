"""A stored flow document with its parsed form, encoding, hash and diagnostics, each computed at most once per request."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from app.counters.run_counters import Totals
from app.flow.diagnostic import Diagnostics
from app.flow.document import Flow
from app.models import Workflow, WorkflowVersion


class LoadedFlow:
    """One document, of the workflow `workflow_id`, None of a new one. `stored` is the JSON value of the row that it came from; nothing here
    changes it."""

    def __init__(self, stored: dict[str, Any], workflow_id: UUID | None = None) -> None:
        self.stored, self.workflow_id = stored, workflow_id
        self.diagnostics: Diagnostics | None = None
        """What is wrong with it; filled by `Drafts.diagnostics`."""

    @classmethod
    def of(cls, flow: Flow, diagnostics: Diagnostics | None = None, workflow_id: UUID | None = None) -> LoadedFlow:
        """One that is about to be stored; `diagnostics` when it was checked already."""
        loaded = cls(flow.document(), workflow_id)
        loaded.flow, loaded.document, loaded.diagnostics = flow, loaded.stored, diagnostics
        return loaded

    @classmethod
    def published(cls, version: WorkflowVersion) -> LoadedFlow:
        """That of a version, whose hash was stored with it."""
        loaded = cls(version.graph, version.workflow_id)
        loaded.content_hash = version.content_hash
        return loaded

    def normal(self) -> LoadedFlow:
        """The same in the form in which it is stored from now on: what an older release wrote is brought to the present one."""
        loaded = LoadedFlow(self.document, self.workflow_id)
        loaded.flow, loaded.document, loaded.diagnostics = self.flow, self.document, self.diagnostics
        loaded.content_hash = self.content_hash
        return loaded

    @cached_property
    def flow(self) -> Flow:
        """For the engine's rules, ops and comparisons."""
        return Flow.load(self.stored)

    @cached_property
    def document(self) -> dict[str, Any]:
        """For the API and pages: the one form that all parts can rely on."""
        return self.flow.document()

    @cached_property
    def content_hash(self) -> bytes:
        """See `Flow.content_hash`."""
        return self.flow.content_hash()


class WorkflowListItem(msgspec.Struct, kw_only=True):
    """A row of the list, with what its page shows beside it."""

    workflow: Workflow
    flow: Flow
    has_unpublished_changes: bool
    totals: Totals
