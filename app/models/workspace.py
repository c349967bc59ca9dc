"""The tenant: every row belongs to one workspace."""

from __future__ import annotations

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTimes, Json


class Workspace(HasTimes, Base):
    __tablename__ = "workspaces"

    id: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    settings: Mapped[Json] = mapped_column(server_default="{}")
