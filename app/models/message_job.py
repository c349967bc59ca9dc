"""What people and rules decided about messages that had come to an end, and the work of doing it for many."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.lib.translation import gettext, of_stored, translatable
from app.models.base import Base, HasTenantKey, Json
from app.models.personal import personal


class MessageDecision(Base):
    """One decision about one message. `act`: sent, failed or resent; `fence` is the message's from then on, so each is one row.

    What the message was before (`was_…`) and after how many tries stays here, for the row of the message says what it is now.
    """

    __tablename__ = "message_decisions"

    tenant_id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    act: Mapped[str]
    by_kind: Mapped[str]
    """user, key, or rule: that of the workflow."""
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    was_status: Mapped[int] = mapped_column(SmallInteger)
    was_reason: Mapped[str | None]
    was_error: Mapped[str | None] = mapped_column(info=personal())
    was_since: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger)

    @property
    def in_words(self) -> str:
        """Who decided what, as a clause for pages."""
        if self.by_kind == "rule":
            return gettext(_BY_RULE[self.act])
        return gettext(_BY_NAME[self.act], name=of_stored(self.by_name))


_BY_RULE = {
    "sent": translatable("assumed sent by the workflow’s rule"),
    "failed": translatable("marked as not sent by the workflow’s rule"),
    "resent": translatable("sent again by the workflow’s rule"),
}
_BY_NAME = {
    "sent": translatable("assumed sent by %(name)s"),
    "failed": translatable("marked as not sent by %(name)s"),
    "resent": translatable("sent again by %(name)s"),
}


class MessageJob(HasTenantKey, Base):
    """Something to do with many messages, some hundred in each transaction. `act`: resend, sent, failed; or release, of held ones."""

    __tablename__ = "message_jobs"

    act: Mapped[str]
    wanted: Mapped[Json]
    """Which messages: a filter; of a release, the cause that is over."""
    by_kind: Mapped[str]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    matched: Mapped[int] = mapped_column(server_default="0")
    """How many messages fitted when it began, up to a limit."""
    moved: Mapped[int] = mapped_column(server_default="0")
    skipped: Mapped[int] = mapped_column(server_default="0")
    """Fitted, but somebody else had moved them when it was their turn."""
    reached: Mapped[Json | None]
    """The last message that was looked at."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    touched_at: Mapped[datetime] = mapped_column(server_default=text("clock_now()"))
    finished_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None]
    """Who ended it before all was done."""

    __table_args__ = (Index("message_jobs_open", "touched_at", postgresql_where=text("finished_at is null")),)
