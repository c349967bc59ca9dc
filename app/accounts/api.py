"""Who a key is, and the keys of the workspace."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys
from app.accounts.schemas import ApiKeyIn, ApiKeyOut, MeOut, NewApiKeyOut
from app.lib.envelope import Envelope, ok
from app.models.status import Role

TAGS = ["Accounts"]


@get("/api/v1/me", role=Role.VIEWER, tags=TAGS, summary="Who this key is")
async def me(request: Request[Any, Any, Any]) -> Envelope[MeOut]:
    """The name, role and workspace of the key that asks."""
    return ok(MeOut.of(request.user))


@get("/api/v1/api-keys", role=Role.ADMIN, tags=TAGS, summary="List the API keys")
async def list_keys(
    request: Request[Any, Any, Any], db_session: NamedDependency[AsyncSession]
) -> Envelope[list[ApiKeyOut]]:
    """All keys that were not revoked, the newest first, without their secrets."""
    return ok([ApiKeyOut.of(row) for row in await keys.listed(db_session, request.user.tenant_id)])


@post("/api/v1/api-keys", role=Role.ADMIN, tags=TAGS, summary="Create an API key")
async def create_key(
    request: Request[Any, Any, Any], db_session: NamedDependency[AsyncSession], data: JSONBody[ApiKeyIn]
) -> Envelope[NewApiKeyOut]:
    """The answer holds the key itself, once. Its role is at most the role of the key that asks."""
    row, key = await keys.create(db_session, request.user, name=data.name, role=data.role, days=data.expires_in_days)
    shown = ApiKeyOut.of(row)
    return ok(NewApiKeyOut(**{name: getattr(shown, name) for name in shown.__struct_fields__}, key=key))


@delete("/api/v1/api-keys/{key_id:uuid}", role=Role.ADMIN, tags=TAGS, status_code=200, summary="Revoke an API key")
async def revoke_key(
    request: Request[Any, Any, Any], db_session: NamedDependency[AsyncSession], key_id: FromPath[UUID]
) -> Envelope[ApiKeyOut]:
    """The key ends at once. A key may revoke itself."""
    return ok(ApiKeyOut.of(await keys.revoke(db_session, request.user.tenant_id, key_id)))


HANDLERS: list[Any] = [me, list_keys, create_key, revoke_key]
