"""remember which event a run began with and when it happened, and look at goals again when a zone changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_occurrence"
down_revision = "0010_connectors"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    at = postgresql.TIMESTAMP(timezone=True)
    op.add_column("runs", sa.Column("event_id", sa.UUID(), nullable=True))
    op.add_column("runs", sa.Column("occurred_at", at, nullable=True))
    # Compiled versions know the zone and the country of their workspace.
    op.execute(
        """
        CREATE TRIGGER workspaces_epoch AFTER UPDATE OF timezone, settings ON workspaces
        FOR EACH STATEMENT EXECUTE FUNCTION raise_workflow_epoch()
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER workspaces_epoch ON workspaces")
    op.drop_column("runs", "occurred_at")
    op.drop_column("runs", "event_id")
