"""Segments: sets of contacts, who is in them, and how many came and went."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, HasTenantKey, HasTimes, Json
from app.models.personal import About, rows_go


class Segment(HasTenantKey, HasTimes, Base):
    """A set of contacts: `static`, who was put in, or `dynamic`, who meets the rule.

    `number` is what rows of members, of days and of the rule's state carry: that of the version of the rule which counts now. A changed
    rule is built under a number of its own (`next_number`, `next_rule`) beside the one that counts, then they are swapped.
    """

    __tablename__ = "segments"

    number: Mapped[int]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str]
    """A SegmentKind."""
    rule: Mapped[Json | None]
    """`{match, conditions}`; None for a static one."""
    sentence: Mapped[str] = mapped_column(server_default="")
    """The rule in words, as of when it was saved."""
    version: Mapped[int] = mapped_column(server_default="1")
    """Raised by each change of the rule: what an editor was opened with must be the one that is changed."""
    state: Mapped[str] = mapped_column(server_default="ready")
    """A SegmentState."""
    next_number: Mapped[int | None]
    next_rule: Mapped[Json | None]
    built_to: Mapped[UUID | None]
    """Up to which contact the version under way is built."""
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    deleted_at: Mapped[datetime | None]
    """Nobody sees it any more; its rows go in pieces, then this one."""

    __table_args__ = (
        CheckConstraint("kind in ('static', 'dynamic')", name="kind"),
        CheckConstraint("state in ('ready', 'building', 'broken')", name="state"),
        Index("segments_number_key", "tenant_id", "number", unique=True),
        Index(
            "segments_name_key",
            "tenant_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("deleted_at is null"),
        ),
        Index("segments_deleted", "tenant_id", "deleted_at", postgresql_where=text("deleted_at is not null")),
    )


class SegmentNumber(Base):
    """The last number that a workspace gave to a segment or to a version of a rule: none is given twice."""

    __tablename__ = "segment_numbers"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    last: Mapped[int]


class SegmentMember(Base):
    """A contact is in the segment of this number, static or dynamic. Written by `app.segments.membership_repository` alone.

    There is no index by contact: which segments a contact is in is asked of each number, at most `MOST_SEGMENTS`.
    """

    __tablename__ = "segment_members"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    segment: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime]

    __table_args__ = ({"info": rows_go(About.MEMBER)},)


class SegmentDay(Base):
    """How many entered and left a segment on a day of UTC; the sums over all days are its members. Shards keep writers from waiting."""

    __tablename__ = "segment_days"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    segment: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    entered: Mapped[int] = mapped_column(BigInteger, server_default="0")
    departed: Mapped[int] = mapped_column(BigInteger, server_default="0")

    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)
