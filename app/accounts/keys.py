"""API keys: `tl_<prefix>_<secret>`. The prefix finds the row, the secret is stored as SHA-256, the key is shown once."""

from __future__ import annotations

import secrets
import string
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Forbidden, Invalid, NotFound
from app.lib import clock, crypto
from app.models.api_key import ApiKey
from app.models.status import Role
from app.models.workspace import Workspace

MAX_DAYS = 3650
_ALPHABET = string.ascii_lowercase + string.digits


async def listed(session: AsyncSession, tenant_id: int) -> list[ApiKey]:
    """The workspace's keys that were not revoked, the newest first."""
    rows = await session.scalars(
        select(ApiKey)
        .where(ApiKey.tenant_id == tenant_id, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    )
    return list(rows)


async def create(
    session: AsyncSession, principal: Principal, *, name: str, role: str, days: int | None = None
) -> tuple[ApiKey, str]:
    """Make a key with at most the role of `principal`, good for `days` or without end. Returns the row and the key."""
    wanted = _role(role)
    if not principal.role.covers(wanted):
        raise Forbidden(f"A key can have at most your own role, {principal.role}.")
    return await _add(session, principal.tenant_id, name, wanted, days, principal.user_id)


async def create_api_key(session: AsyncSession, workspace_slug: str | None, name: str, role: str) -> str:
    """For the command line: a key of the workspace, or of the first one when none is named."""
    query = select(Workspace.id).order_by(Workspace.id).limit(1)
    tenant_id = await session.scalar(query.where(Workspace.slug == workspace_slug) if workspace_slug else query)
    if tenant_id is None:
        raise NotFound(f"There is no workspace {workspace_slug or ''!r}. Start the product once, or check the name.")
    _, key = await _add(session, tenant_id, name, _role(role), None, None)
    return key


async def revoke(session: AsyncSession, tenant_id: int, key_id: UUID) -> ApiKey:
    """End a key now. NotFound when it is not of this workspace or has ended already."""
    row: ApiKey | None = await session.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.tenant_id == tenant_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .returning(ApiKey)
    )
    if row is None:
        raise NotFound
    return row


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        choices = ", ".join(Role)
        raise Invalid(errors=[{"path": "role", "message": f"Choose one of {choices}."}]) from None


async def _add(
    session: AsyncSession, tenant_id: int, name: str, role: Role, days: int | None, created_by: UUID | None
) -> tuple[ApiKey, str]:
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise Invalid(errors=[{"path": "name", "message": "Give the key a name of 1 to 100 characters."}])
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Invalid(
            errors=[{"path": "expiresInDays", "message": f"Send a number from 1 to {MAX_DAYS}, or leave it out."}]
        )
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    row = ApiKey(
        tenant_id=tenant_id,
        name=name,
        prefix=prefix,
        key_hash=crypto.fingerprint(secret),
        role=role.value,
        expires_at=clock.now() + timedelta(days=days) if days else None,
        created_by=created_by,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row, f"tl_{prefix}_{secret}"
