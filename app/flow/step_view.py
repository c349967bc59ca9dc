"""What a step sees of the person it runs for, and of what came before. Only types: the engine's state has these attributes.

A step is shown what its type has declared by `scope.field(…)`, a text or a condition; other reads raise (`app.flow.declared`).
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, Protocol, TypedDict


class ContactView(Protocol):
    """The contact as a step sees it: stored values plus the changes of this run so far."""

    id: bytes

    @property
    def columns(self) -> dict[str, Any]:
        """email, phone, external_id, source, timezone, locale, created_at."""

    @property
    def attributes(self) -> dict[str, Any]: ...

    @property
    def attributes_size(self) -> int:
        """How many bytes the attributes take as JSON, or a little more: so much is known without reading them."""

    @property
    def tags(self) -> list[str]: ...


class StepFailure(TypedDict):
    """A step that failed. `port`: the way out of the step that handles it which leads to the failed one, None when none does."""

    nodeId: str
    nodeType: str
    error: str
    attempt: int
    port: str | None


class StepView(Protocol):
    """All that a node may look at."""

    @property
    def contact(self) -> ContactView: ...

    @property
    def event(self) -> dict[str, Any]:
        """Properties of the event that started the run."""

    @property
    def event_name(self) -> str:
        """What happened; `manual` when the run was started by hand."""

    @property
    def steps(self) -> dict[str, Any]:
        """Outputs of earlier steps by node id."""

    @property
    def vars(self) -> dict[str, Any]: ...

    @property
    def visit(self) -> int:
        """How often the run has come to this step, this time included."""

    @property
    def failure(self) -> StepFailure | None:
        """The error that brought the run here; None when it came by a way without one."""

    @property
    def now(self) -> datetime: ...

    @property
    def zone(self) -> tzinfo:
        """Where the contact lives, else where the workspace is: what dates without a zone are of."""

    @property
    def workspace_zone(self) -> tzinfo:
        """Where the workspace is."""

    @property
    def country(self) -> str | None:
        """The workspace's (ISO 3166 alpha-2): what phone numbers without a country code are of."""


class StepRecord(Protocol):
    """A step that was taken, as the page of a run has it."""

    @property
    def output(self) -> dict[str, Any] | None: ...

    @property
    def port(self) -> str | None:
        """The way by which the run left it; None while it is there."""

    @property
    def started_at(self) -> datetime | None: ...

    @property
    def completed_at(self) -> datetime | None: ...
