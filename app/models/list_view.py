"""What people keep of lists: views with a name, and the columns that each of them wants to see."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenant, HasTenantKey, HasTimes, Json
from app.models.personal import About, personal


class ListView(HasTenantKey, HasTimes, Base):
    """A list as somebody wants to find it again: `query` maps parameters of its address to texts, filters, order and columns.

    Seen by who saved it, and `shared` by everybody of the workspace. A shared one stays when its owner is deleted.
    """

    __tablename__ = "list_views"

    list_name: Mapped[str]
    name: Mapped[str] = mapped_column(info=personal("'View'", about=About.NAMED_VIEW))
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    shared: Mapped[bool] = mapped_column(server_default="false")
    query: Mapped[Json] = mapped_column(info=personal("query - 'search' - 'contact'", about=About.VIEW))

    __table_args__ = (Index("list_views_list", "tenant_id", "list_name"),)


class ListColumns(HasTenant, Base):
    """The columns of a list that a person wants to see."""

    __tablename__ = "list_columns"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    list_name: Mapped[str] = mapped_column(primary_key=True)
    columns: Mapped[list[str]]
