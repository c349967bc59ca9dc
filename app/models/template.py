"""What a message says: subject, HTML and text, with Liquid in each, and what else its channel asks for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, HasTimes
from app.models.folder import kept_in_folder


class Template(HasTenantKey, HasTimes, Base):
    __tablename__ = "templates"

    name: Mapped[str]
    channel: Mapped[str] = mapped_column(server_default="email")
    subject: Mapped[str] = mapped_column(server_default="")
    html: Mapped[str] = mapped_column(server_default="")
    text: Mapped[str] = mapped_column(server_default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sql("'{}'"))
    """By the names of the channel's `Content`."""
    updated_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    folder_id: Mapped[UUID | None]
    tags: Mapped[list[str]] = mapped_column(server_default="{}")

    __table_args__ = (Index("templates_name_key", "tenant_id", "name", unique=True), *kept_in_folder("templates"))
