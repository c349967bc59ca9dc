"""A person: addresses, attributes, tags, consent per topic."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenant, HasTenantKey, HasTimes, Json, small_letters
from app.models.personal import About, rows_go


class AttributeLabel(HasTenant, Base):
    """What people call an attribute, such as the header of the column that it came from."""

    __tablename__ = "attribute_labels"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]


class Contact(HasTenantKey, HasTimes, Base):
    """`consent` maps a channel or topic to true or false; false means: do not send."""

    __tablename__ = "contacts"

    external_id: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    source: Mapped[str | None]
    attributes: Mapped[Json] = mapped_column(server_default="{}")
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    timezone: Mapped[str | None]
    locale: Mapped[str | None]
    consent: Mapped[Json] = mapped_column(server_default="{}")

    __table_args__ = (
        Index("contacts_external_id_key", "tenant_id", "external_id", unique=True),
        Index("contacts_email_key", "tenant_id", "email", unique=True),
        CheckConstraint(small_letters("email"), name="email_lower"),
        Index("contacts_newest", "tenant_id", text("created_at desc"), text("id desc")),
        {"postgresql_with": {"fillfactor": "70"}, "info": rows_go(About.SELF)},
    )
