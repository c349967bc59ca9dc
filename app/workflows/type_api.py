"""`/api/v1/node-types` and `/api/v1/trigger-types`; `api` has their tags and puts them among its routes."""

from __future__ import annotations

import msgspec
from litestar import get

from app.flow import trigger_registry
from app.flow.step_types import INSTALLED
from app.flow.trigger_type import CATEGORY
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.workflows.schemas import StepTypeInfo


@get("/api/v1/node-types", role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=["Types"], summary="List node types")
async def list_node_types() -> Envelope[list[StepTypeInfo]]:
    """Every step type with its ports and the JSON Schema of its configuration (`nodes[].data`)."""
    return ok([StepTypeInfo(**info) for info in INSTALLED.catalogue()])


@get(
    "/api/v1/trigger-types", role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=["Types"], summary="List trigger types"
)
async def list_trigger_types() -> Envelope[list[StepTypeInfo]]:
    """Every trigger type with the JSON Schema of its fields (`trigger`)."""
    return ok(
        [
            StepTypeInfo(
                type=name,
                label=kind.label,
                category=CATEGORY,
                description=kind.description,
                ports=list(kind.ports),
                schema=msgspec.json.schema(kind.Config),
            )
            for name, kind in trigger_registry.types().items()
        ]
    )
