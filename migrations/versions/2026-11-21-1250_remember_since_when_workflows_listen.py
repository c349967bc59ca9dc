"""remember since when a workflow listens, and when an event arrived"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_lead"
down_revision = "0006_engine"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("inbox", sa.Column("at", at, server_default=sa.text("clock_now()"), nullable=False))
    op.add_column("workflows", sa.Column("listens_since", at, nullable=True))
    op.execute("UPDATE workflows SET listens_since = updated_at WHERE status = 'active'")
    op.execute(
        """
        CREATE FUNCTION note_listens_since() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.status = 'active' AND (TG_OP = 'INSERT' OR OLD.status <> 'active') THEN NEW.listens_since := clock_now(); END IF;
          RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER workflows_listen BEFORE INSERT OR UPDATE OF status ON workflows
        FOR EACH ROW EXECUTE FUNCTION note_listens_since()
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER workflows_listen ON workflows")
    op.execute("DROP FUNCTION note_listens_since()")
    op.drop_column("workflows", "listens_since")
    op.drop_column("inbox", "at")
