"""A CSV file on its way in: the bytes in pieces, the mapping, the progress, the rows that did not fit."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, HasTimes, Json
from app.models.personal import About, personal, rows_go

WITHOUT_SAMPLE = """
jsonb_set(mapping, '{sample}', (
  select coalesce(jsonb_agg(r), '[]') from jsonb_array_elements(mapping->'sample') r where not lower(r::text) like any(%(traces)s)))
"""
"""The mapping without those rows of its sample that name the contact."""


class ContactImport(HasTenantKey, HasTimes, Base):
    __tablename__ = "contact_imports"

    filename: Mapped[str]
    status: Mapped[str]
    mapping: Mapped[Json] = mapped_column(server_default="{}", info=personal(WITHOUT_SAMPLE, about=About.IMPORT_SAMPLE))
    size: Mapped[int] = mapped_column(server_default="0")
    rows_total: Mapped[int] = mapped_column(server_default="0")
    rows_done: Mapped[int] = mapped_column(server_default="0")
    created_count: Mapped[int] = mapped_column(server_default="0")
    updated_count: Mapped[int] = mapped_column(server_default="0")
    failed_count: Mapped[int] = mapped_column(server_default="0")
    warned_count: Mapped[int] = mapped_column(server_default="0")
    """Rows that came in without one of their cells."""
    error: Mapped[str | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


def _of_import() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "import_id"], ["contact_imports.tenant_id", "contact_imports.id"], ondelete="CASCADE"
    )


class ContactImportChunk(Base):
    __tablename__ = "contact_import_chunks"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes]

    __table_args__ = (_of_import(),)


class ContactImportError(Base):
    __tablename__ = "contact_import_errors"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    message: Mapped[str]
    row: Mapped[Json]
    imported: Mapped[bool] = mapped_column(server_default="false")
    """The row came in, without the cells that `message` names."""

    __table_args__ = (_of_import(), {"info": rows_go(About.IMPORTED_ROW)})
