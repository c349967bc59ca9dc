"""What is left of deleted segments goes in pieces, and old days are folded to one row each."""

from __future__ import annotations

from app.lib import database
from app.lib.database_roles import DatabaseRole
from app.segments import bulk_verbs, cleaning_repository

PIECE, PIECES = 10_000, 50
"""Members that one transaction deletes, and transactions of a round."""


async def forget_deleted_segments() -> None:
    """Delete members of segments that were deleted, then what they were."""
    for _ in range(PIECES):
        async with database.transaction(DatabaseRole.ENGINE) as session:
            if not await cleaning_repository.forget_deleted(session, PIECE):
                return


async def fold_segment_days() -> None:
    """Days that are over need no shards any more."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        await cleaning_repository.fold_days(session)


HOUSEKEEPING = [forget_deleted_segments, fold_segment_days]
BULK = [bulk_verbs.BULK]
"""Offered by every process that does or asks for them."""
