"""All SQL of idempotency keys. Answers are sealed, because they hold people."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Conflict
from app.lib import clock, crypto
from app.models.idempotency_key import IdempotencyKey

KEPT_HOURS = 24
_WAIT_MS = 5_000


class StillRunning(Conflict):
    """The first request with this Idempotency-Key is still at work. Send it again in a few seconds for its answer."""

    code = "idempotency_in_progress"


class RequestKey(NamedTuple):
    """Whose key it is. Two principals may use the same key for different things, as if the other were not there."""

    tenant_id: int
    principal_kind: str
    principal_id: UUID
    key: str

    @property
    def is_row(self) -> ColumnElement[bool]:
        """Finds the key's row."""
        return (
            (IdempotencyKey.tenant_id == self.tenant_id)
            & (IdempotencyKey.principal_kind == self.principal_kind)
            & (IdempotencyKey.principal_id == self.principal_id)
            & (IdempotencyKey.key == self.key)
        )

    @property
    def aad(self) -> str:
        """Binds the sealed answer to its row: one that was put into another row does not open."""
        return f"idempotency:{self.tenant_id}:{self.principal_kind}:{self.principal_id}:{self.key}"


async def take(session: AsyncSession, key: RequestKey, request_hash: bytes) -> bool:
    """Put the key's row in place, in the request's transaction. False when an answer is there; waits for one under way.

    Raises StillRunning when the one under way takes longer than five seconds.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MS}"))
    new_row = insert(IdempotencyKey).values(
        **key._asdict(), request_hash=request_hash, status_code=None, headers={}, body=None, created_at=clock.now()
    )
    try:
        inserted_key = await session.scalar(new_row.on_conflict_do_nothing().returning(IdempotencyKey.key))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != "55P03":
            raise
        await session.rollback()
        raise StillRunning(retry_after=max(1, _WAIT_MS // 1000)) from error
    await session.execute(text("SET LOCAL lock_timeout = 0"))
    return inserted_key is not None


async def stored(session: AsyncSession, key: RequestKey) -> IdempotencyKey:
    """The key's row, which is there."""
    return (await session.execute(select(IdempotencyKey).where(key.is_row))).scalar_one()


async def write_answer(
    session: AsyncSession, key: RequestKey, *, status_code: int, headers: dict[str, str], content: bytes
) -> None:
    """Keep what was answered."""
    body = crypto.seal(content, key.aad)
    answered = update(IdempotencyKey).where(key.is_row)
    await session.execute(answered.values(status_code=status_code, headers=headers, body=body))


async def reseal(session: AsyncSession) -> int:
    """Seal answers again, with the present secret key, that an old one sealed. Returns how many."""
    rows = await session.scalars(
        select(IdempotencyKey)
        .where(
            IdempotencyKey.body.is_not(None),
            func.substring(IdempotencyKey.body, 1, len(crypto.present_mark())) != crypto.present_mark(),
        )
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in rows:
        key = RequestKey(row.tenant_id, row.principal_kind, row.principal_id, row.key)
        try:
            row.body = crypto.seal(crypto.unseal(row.body or b"", key.aad), key.aad)
        except crypto.CannotUnseal:
            continue
        count += 1
    await session.flush()
    return count


async def delete_old(session: AsyncSession) -> None:
    """Drop answers that are older than a day."""
    hours = text(f"clock_now() - interval '{KEPT_HOURS} hours'")
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < hours))
