"""What templates of a channel say beside subject, HTML and text: an opt-out line, the name and the variables of a WhatsApp template."""

from __future__ import annotations

from alembic import op

revision = "0057_text_channels"
down_revision = "0056_message_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table templates add column content jsonb not null default '{}'")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table templates drop column content")
