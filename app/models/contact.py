"""A person: addresses, attributes, tags, consent per topic."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenant, HasTenantKey, HasTimes, Json, small_letters
from app.models.personal import About, rows_go

NAME_KEYS = ("name", "fullName", "full_name", "firstName", "first_name", "lastName", "last_name")
"""The attributes that a name is made of (`app.values.contact_view`)."""
SEARCH = "lower({})".format(
    " || ' ' || ".join(
        [
            *(f"coalesce({column}, '')" for column in ("email", "external_id", "phone")),
            *(f"coalesce(left(attributes ->> '{key}', 100), '')" for key in NAME_KEYS),
        ]
    )
)
"""All that the search looks through, as SQL. Blanks lie between its parts, and no term has one: nothing is found across two of them."""
NO_ADDRESS = "coalesce(email, '') = ''"
BROKEN_ADDRESS = r"email !~ '^[^\s<>]+@[^\s<>@]+$'"
NO_CONSENT = (
    """jsonb_path_exists(consent, '$.keyvalue() ? (@.key like_regex "^email$" flag "i" && @.value == false)')"""
)
"""Why no mail goes to a contact, as SQL over its own row: the indexes of those few."""
_NEWEST = "tenant_id", "created_at", "id"
SAMPLE = "(uuid_hash_extended(id, 0::bigint) & 1023::bigint)"
"""A number below 1,024 of each contact, as SQL. Those below SAMPLED are people to try a rule on, whatever came in together."""
SAMPLED = 16


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
    search: Mapped[str] = mapped_column(Computed(SEARCH, persisted=True), nullable=True, deferred=True)
    """What the search looks through, in small letters. A column, because an index on an expression over `attributes` is written with
    every change of a contact: 46 us instead of 10."""

    __table_args__ = (
        Index("contacts_external_id_key", "tenant_id", "external_id", unique=True),
        Index("contacts_email_key", "tenant_id", "email", unique=True),
        CheckConstraint(small_letters("email"), name="email_lower"),
        Index("contacts_newest", "tenant_id", text("created_at desc"), text("id desc")),
        Index("contacts_source", "tenant_id", "source", "created_at", "id"),
        Index("contacts_phone", "tenant_id", "phone", postgresql_where=text("phone is not null")),
        Index("contacts_no_address", *_NEWEST, postgresql_where=text(NO_ADDRESS)),
        Index("contacts_broken_address", *_NEWEST, postgresql_where=text(BROKEN_ADDRESS)),
        Index("contacts_no_consent", *_NEWEST, postgresql_where=text(NO_CONSENT)),
        Index("contacts_sample", "tenant_id", text(SAMPLE), postgresql_where=text(f"{SAMPLE} < {SAMPLED}")),
        Index(
            "contacts_search",
            "tenant_id",
            "search",
            postgresql_using="gin",
            postgresql_ops={"search": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": "1024"},
        ),
        {"postgresql_with": {"fillfactor": "70"}, "info": rows_go(About.SELF)},
    )


class ContactTag(Base):
    """A tag of a contact, as in `contacts.tags`, in the order of lists: a tag's contacts are one range of the key.

    An index on the array would be written with every change of a contact (33 us instead of 10). Whoever writes `contacts.tags` writes
    these rows in the same statement (`app.contacts.tag_repository`).
    """

    __tablename__ = "contact_tags"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(primary_key=True)
    """That of the contact, which never changes."""
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = ({"info": rows_go(About.TAGS)},)
