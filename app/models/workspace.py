"""The tenant: every row belongs to one workspace."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Identity, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTimes, Json


class Workspace(HasTimes, Base):
    __tablename__ = "workspaces"

    id: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    settings: Mapped[Json] = mapped_column(server_default="{}")
    weight: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """Of its work among that of others while there is more than the workers do at once; operators set it."""

    __table_args__ = (CheckConstraint("weight between 1 and 100", name="weight"),)
