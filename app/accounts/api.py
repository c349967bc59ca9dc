"""Who a key is, its workspace, and the keys of the workspace."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody, QueryParameter

from app.accounts import keys, repository, service
from app.accounts.deps import AppRequest, Database
from app.accounts.schemas import (
    ApiKeyIn,
    ApiKeyOut,
    MeOut,
    NewApiKeyOut,
    RotationIn,
    WorkspaceChangeIn,
    WorkspaceSettingsOut,
)
from app.lib.database_roles import DatabaseRole
from app.models.scope import Scope
from app.models.status import Role
from app.web.envelope import Envelope, ok
from app.web.transactions import by_role

TAGS = ["Accounts"]


@get("/api/v1/me", role=Role.VIEWER, scope=None, tags=TAGS, summary="Who this key is")
async def me(request: AppRequest) -> Envelope[MeOut]:
    """The name, role and workspace of the key that asks."""
    return ok(MeOut.of(request.user))


@get("/api/v1/workspace", role=Role.VIEWER, scope=Scope.WORKSPACE_READ, tags=TAGS, summary="Get the workspace")
async def get_workspace(request: AppRequest, db_session: Database) -> Envelope[WorkspaceSettingsOut]:
    """Name, time zone, country and stop words of the workspace of the key."""
    return ok(WorkspaceSettingsOut.of(await repository.workspace(db_session, request.user.tenant_id)))


@patch("/api/v1/workspace", role=Role.ADMIN, scope=Scope.WORKSPACE_WRITE, tags=TAGS, summary="Change the workspace")
async def patch_workspace(
    request: AppRequest, db_session: Database, data: JSONBody[WorkspaceChangeIn]
) -> Envelope[WorkspaceSettingsOut]:
    """What is left out stays; `stopWords` takes the place of all that were there."""
    return ok(WorkspaceSettingsOut.of(await service.change_workspace(db_session, request.user, data.change())))


@get("/api/v1/api-keys", role=Role.ADMIN, scope=Scope.API_KEYS_READ, tags=TAGS, summary="List the API keys")
async def list_keys(request: AppRequest, db_session: Database) -> Envelope[list[ApiKeyOut]]:
    """All keys that were not revoked, the newest first, without their secrets."""
    return ok([ApiKeyOut.of(row) for row in await keys.listed(db_session, request.user.tenant_id)])


@post(
    "/api/v1/api-keys",
    role=Role.ADMIN,
    scope=Scope.API_KEYS_WRITE,
    secret_answer=("key",),
    tags=TAGS,
    summary="Create an API key",
)
async def create_key(request: AppRequest, db_session: Database, data: JSONBody[ApiKeyIn]) -> Envelope[NewApiKeyOut]:
    """The answer holds the key itself, once: repeated with the same Idempotency-Key it has null there.

    The key gets at most the role and the scopes of the key that asks.

    It expires after 90 days unless `expiresInDays` says otherwise.
    """
    role, scopes = data.access()
    row, key = await keys.create(
        db_session, request.user, name=data.name, role=role, scopes=scopes, days=data.expires_in_days
    )
    return ok(NewApiKeyOut.with_key(await keys.shown(db_session, row), key))


@post(
    "/api/v1/api-keys/{key_id:uuid}/rotate",
    role=Role.ADMIN,
    scope=Scope.API_KEYS_WRITE,
    secret_answer=("key",),
    tags=TAGS,
    summary="Rotate an API key",
)
async def rotate_key(
    request: AppRequest,
    db_session: Database,
    key_id: FromPath[UUID],
    data: JSONBody[RotationIn],
) -> Envelope[NewApiKeyOut]:
    """A new key with the same name, role, scopes and length of life. The old one works on for `overlapHours`.

    The answer holds the new key, once. A key may rotate itself.
    """
    row, key = await keys.rotate(db_session, request.user, key_id, overlap_hours=data.overlap_hours)
    return ok(NewApiKeyOut.with_key(await keys.shown(db_session, row), key))


@delete(
    "/api/v1/api-keys/{key_id:uuid}",
    role=Role.ADMIN,
    scope=Scope.API_KEYS_WRITE,
    tags=TAGS,
    status_code=200,
    summary="Revoke an API key",
)
async def revoke_key(
    request: AppRequest,
    db_session: Database,
    key_id: FromPath[UUID],
    with_made: Annotated[bool, QueryParameter(name="withMade")] = False,
) -> Envelope[ApiKeyOut]:
    """The key ends at once; with `withMade=true` so do the keys that were made with it. A key may revoke itself.

    A key of a higher role than the asking one's is left to whoever covers that role.
    """
    ended = await keys.revoke(db_session, request.user, key_id, with_made=with_made)
    return ok(ApiKeyOut.of(await keys.shown(db_session, ended[0])), revoked=len(ended))


API_TAGS = [
    Tag(name="Accounts", description="Who a key is, its workspace, and the keys of the workspace."),
]
ROUTES: list[Any] = by_role(
    DatabaseRole.AUTH, [me, get_workspace, patch_workspace, list_keys, create_key, rotate_key, revoke_key]
)
