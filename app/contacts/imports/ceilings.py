"""How much one workspace may import, so that its files do not keep those of the others waiting. The operator sets the limits."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts.imports.repository import ImportRepository
from app.errors import TooMany
from app.lib.translation import gettext
from app.settings import settings

HOUR = 3600


class ImportsFull(TooMany):
    """This workspace has as many imports under way as it may. Wait for one to end, or stop one, and start this one then."""

    code = "too_many_imports"
    retry_after = 60


class UploadsFull(TooMany):
    """Too many files were uploaded and not started. Start or stop some of them, and upload this one then."""

    code = "too_many_uploads"
    retry_after = 60


class RowsFull(TooMany):
    """This workspace has imported as many rows in 24 hours as it may. The file stays here for a day: start it later."""

    code = "too_many_rows"
    retry_after = HOUR


async def room_for_upload(session: AsyncSession, tenant_id: int) -> None:
    """Raises UploadsFull. Two uploads at the same instant may both take the last place."""
    if (await ImportRepository(session, tenant_id).load()).uploaded >= settings().ceilings.uploads_at_once:
        raise UploadsFull


async def room_to_start(session: AsyncSession, tenant_id: int, rows: int) -> None:
    """Raises ImportsFull or RowsFull. Others of the workspace that start wait until this transaction is over."""
    await ImportRepository(session, tenant_id).lock_workspace()
    limits, load = settings().ceilings, await ImportRepository(session, tenant_id).load()
    if load.under_way >= limits.imports_at_once:
        raise ImportsFull
    if load.rows and load.rows + rows > limits.import_rows_a_day:
        raise RowsFull(
            gettext(
                "This workspace may import %(import_rows_a_day)s rows in 24 hours and has started %(rows)s; this "
                "file has %(rows_2)s. It stays here for a day: start it later.",
                import_rows_a_day=f"{limits.import_rows_a_day:,}",
                rows=f"{load.rows:,}",
                rows_2=f"{rows:,}",
            )
        )
