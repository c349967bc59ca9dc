"""What keeps dynamic segments up to date: what events add up to, where each contact stands, and versions of rules being built."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base
from app.models.personal import rows_go


class SegmentFactDefinition(Base):
    """Something that rules count: events of a name whose properties meet conditions. Rules that count the same share it."""

    __tablename__ = "segment_fact_definitions"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str]
    event: Mapped[str]
    match: Mapped[str]
    conditions: Mapped[str]
    """JSON in the one form of which `hash` is made."""
    keep: Mapped[int] = mapped_column(SmallInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    """Contacts whose state was built before this one have not been counted."""

    __table_args__ = (Index("segment_fact_definitions_hash_key", "tenant_id", "hash", unique=True),)


class SegmentFact(Base):
    """How often it happened to a contact, when first, and when lately. Instants are microseconds since 2000, the newest first.

    The contact stands before the fact in the key: whoever is judged is read in one place.
    """

    __tablename__ = "segment_facts"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    fact: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]
    first_at: Mapped[int] = mapped_column(BigInteger)
    recent: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))

    __table_args__ = ({"postgresql_with": {"fillfactor": "80"}, "info": rows_go()},)


class EventHistory(Base):
    """What a contact did before its events left, by the name of the event. Instants are microseconds since 2000."""

    __tablename__ = "event_history"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = ({"info": rows_go()},)


class ContactStanding(Base):
    """Where a contact stands: the dynamic segments that it is in, by number, and when time alone may change that.

    `built`: the epoch up to which versions of rules were built for it. Whoever locks a contact that is behind builds it first.
    """

    __tablename__ = "segment_state"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    built: Mapped[int] = mapped_column(BigInteger, server_default="0")
    segments: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    next_at: Mapped[datetime | None]
    """Only ever written earlier; that a turn has moved later is found out when this one comes."""

    __table_args__ = (
        Index("segment_state_next", "next_at", postgresql_where=text("next_at is not null")),
        {"postgresql_with": {"fillfactor": "75"}, "info": rows_go()},
    )


class SegmentBuild(Base):
    """A version of a rule, by its number, which is or was built for all contacts."""

    __tablename__ = "segment_builds"

    tenant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    """Numbers of what it counts."""
    reached: Mapped[UUID | None]
    """Up to which contact it is built."""
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How many contacts there were when it began."""
    started_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    finished_at: Mapped[datetime | None]
    ready: Mapped[bool] = mapped_column(server_default=text("false"))
    """It was built to the end once: who moves is told of it from then on, if it is the version that counts."""
    dropped_at: Mapped[datetime | None]
    """Nobody asks for it any more: its rows go in pieces."""

    __table_args__ = (
        Index(
            "segment_builds_open",
            "tenant_id",
            "number",
            postgresql_where=text("finished_at is null or dropped_at is not null"),
        ),
    )
