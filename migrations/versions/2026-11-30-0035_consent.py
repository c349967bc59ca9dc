"""A person's consent of a connector: sealed refresh token, since when, and one that is being asked for."""

from __future__ import annotations

from alembic import op

revision = "0071_consent"
down_revision = "0070_floods"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "ALTER TABLE connectors ADD COLUMN consent bytea, ADD COLUMN consented_at timestamptz, ADD COLUMN consent_pending bytea"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE connectors DROP COLUMN consent, DROP COLUMN consented_at, DROP COLUMN consent_pending")
