"""Language, time zone and theme of a person, over those of the workspace and the browser."""

from __future__ import annotations

from alembic import op

revision = "0068_reader_settings"
down_revision = "0064_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE users ADD COLUMN language text, ADD COLUMN timezone text, ADD COLUMN theme text")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE users DROP COLUMN language, DROP COLUMN timezone, DROP COLUMN theme")
