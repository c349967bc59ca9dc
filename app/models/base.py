"""The declarative base and the columns that many tables share."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from advanced_alchemy.base import CommonTableAttributes
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, MetaData, SmallInteger, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.lib.ids import uuid7

Json = dict[str, Any]


class Base(CommonTableAttributes, DeclarativeBase):
    """All tables. Names of constraints are fixed so that migrations can name them."""

    __abstract__ = True
    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map = {
        datetime: TIMESTAMP(timezone=True),
        Json: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
        str: Text,
        UUID: PG_UUID(as_uuid=True),
        bytes: LargeBinary,
    }


class HasId:
    """A UUIDv7 primary key made in the app, of tables that stand above workspaces or are few rows."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-10)


class View(Base):
    """What is read like a table and is none. Not part of the tables' metadata: nothing creates it, compares it or deletes from it."""

    __abstract__ = True
    metadata = MetaData()


class HasTenantKey:
    """A key of the workspace and a UUIDv7 made in the app. The row is read by both: `session.get(Model, (tenant_id, id))`."""

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, sort_order=-11
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-10)


class HasTenant:
    """The workspace that the row belongs to."""

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), sort_order=-9)


class HasTimes:
    """When the row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.clock_now(), onupdate=func.clock_now(), sort_order=91
    )


def small_letters(column: str) -> str:
    """The condition that an address has no capital of ASCII. It is the same on every machine: "C" knows no locale.

    Other letters are folded by `app.lib.addresses` alone. What `lower` makes of them depends on the locale and on the version of
    Unicode of the server: one makes `i` of `İ`, which is another address, and a dump might not go back in.
    """
    return f'{column} = lower({column} COLLATE "C")'


__all__ = [
    "ARRAY",
    "JSONB",
    "Base",
    "BigInteger",
    "HasId",
    "HasTenant",
    "HasTenantKey",
    "HasTimes",
    "Json",
    "SmallInteger",
    "small_letters",
]
