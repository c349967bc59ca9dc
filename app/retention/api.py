"""`/api/v1/retention`: how long the workspace keeps what."""

from __future__ import annotations

from typing import Any

from litestar import get, patch
from litestar.di import NamedDependency
from litestar.openapi.spec import Tag
from litestar.params import JSONBody

from app.models.scope import Scope
from app.models.status import Role
from app.retention.schemas import RetentionChange, RetentionRule
from app.retention.service import RetentionService
from app.web.envelope import Envelope, ok

PATH = "/api/v1/retention"
TAGS = ["Retention"]


@get(PATH, role=Role.VIEWER, scope=Scope.RETENTION_READ, tags=TAGS, summary="How long data is kept")
async def get_retention(retention: NamedDependency[RetentionService]) -> Envelope[list[RetentionRule]]:
    """One rule for each kind of data. Runs leave with their steps, failed attempts, messages and decisions about those; the numbers of
    all results stay, and so does who may enter a workflow only once.
    """
    return ok(await retention.rules())


@patch(PATH, role=Role.ADMIN, scope=Scope.RETENTION_WRITE, tags=TAGS, summary="Keep data for a longer or shorter time")
async def change_retention(
    retention: NamedDependency[RetentionService], data: JSONBody[RetentionChange]
) -> Envelope[list[RetentionRule]]:
    """What is older than the new time is deleted within a few minutes, and cannot be brought back."""
    await retention.change(data.days)
    return ok(await retention.rules())


API_TAGS = [Tag(name="Retention", description="How long runs, events and reports are kept.")]
ROUTES: list[Any] = [get_retention, change_retention]
SERVICES = {"retention": RetentionService}
