"""Roles of the database: what each part of the product may do there, whoever it logs in as.

Every connection takes on one of them at its start (`app.lib.database`). What each may read and write is declared in
`app.models.access`; `tl_web` and `tl_read` see the rows of one workspace only, the one that their transaction says (`scope_to`), and
none when it says nothing.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

SETTING = "tl.tenant"
"""The setting that says whose rows a transaction sees."""
_TENANT = "tenant_of_rows"


class DatabaseRole(StrEnum):
    """The roles, by their names in the database."""

    OWNER = "tl_owner"
    """Tables and months are made and dropped by it, and commands run as it."""
    WEB = "tl_web"
    """Pages and API, in the name of somebody: rows of their workspace."""
    AUTH = "tl_auth"
    """Accounts, sessions and keys, before it is known who asks."""
    ENGINE = "tl_engine"
    """Workers, the scheduler, and whatever else works for all workspaces at once; no passwords, sessions and secrets of keys."""
    READ = "tl_read"
    """For programs of the operator that only read: rows of one workspace."""


def scope_to(session: AsyncSession, tenant_id: int) -> None:
    """Each transaction of this session sees the rows of this workspace. Raises RuntimeError when one has begun already."""
    if session.in_transaction():
        raise RuntimeError("a transaction is open: what it has read was of another workspace, or of none")
    session.sync_session.info[_TENANT] = tenant_id


@event.listens_for(Session, "after_begin")
def _scope(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    tenant_id = session.info.get(_TENANT)
    if tenant_id is not None and not transaction.nested:
        # For this transaction only: the next one on the same connection may be somebody else's.
        connection.exec_driver_sql(f"select set_config('{SETTING}', %s, true)", (str(tenant_id),))
