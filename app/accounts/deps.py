"""What handlers of all features receive: the authenticated request, its database session, and services of its principal.

A feature declares its services in its `api` or `pages` as `SERVICES`, by the name under which handlers ask for them:

    async def get_workflow(workflow_id: FromPath[UUID], workflows: NamedDependency[WorkflowService]) -> …
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.di import NamedDependency, Provide
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.models.tenant_repository import TenantRepository

AppRequest = Request[Principal, Any, Any]
"""`request.user` is the principal; None is possible on routes with `public=True` only."""
Database = NamedDependency[AsyncSession]
"""The session of the request, a parameter called `db_session`. Its transaction is committed with the answer."""


def injected(service: Callable[[AsyncSession, Any], Any]) -> Provide:
    """Make `service` in the request's transaction and in the name of who asks (a Principal), for each handler that wants it.

    A repository is made for their workspace: where a page needs plain reads only.
    """

    of_workspace = isinstance(service, type) and issubclass(service, TenantRepository)

    async def provide(request: AppRequest, db_session: Database) -> Any:
        return service(db_session, request.user.tenant_id if of_workspace else request.user)

    return Provide(provide)
