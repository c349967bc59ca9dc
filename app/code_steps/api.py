"""The switch of code steps for programs."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, put
from litestar.openapi.spec import Tag
from litestar.params import JSONBody

from app.accounts.deps import AppRequest, Database
from app.code_steps import service
from app.code_steps.service import CodeSwitch
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok

TAGS = ["Code steps"]
PATH = "/api/v1/code-steps"


class CodeSwitchIn(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Off is how a workspace begins."""

    allowed: bool


@get(PATH, role=Role.VIEWER, scope=Scope.WORKFLOWS_READ, tags=TAGS, summary="May steps run code?")
async def show_code_switch(request: AppRequest, db_session: Database) -> Envelope[CodeSwitch]:
    """Whether steps of this workspace may run code, and who decided that when, newest first."""
    return ok(await service.code_switch(db_session, request.user.tenant_id))


@put(PATH, role=Role.ADMIN, scope=Scope.WORKFLOWS_PUBLISH, tags=TAGS, summary="Allow code in steps, or forbid it")
async def turn_code_switch(
    request: AppRequest, db_session: Database, data: JSONBody[CodeSwitchIn]
) -> Envelope[CodeSwitch]:
    """While it is off no workflow with code can be activated, and runs that come to such a step are held until somebody releases them."""
    return ok(await service.turn_code_switch(db_session, request.user, allowed=data.allowed))


API_TAGS = [Tag(name="Code steps", description="May steps of this workspace run code?")]
ROUTES: list[Any] = [show_code_switch, turn_code_switch]
