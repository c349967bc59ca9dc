"""Calls of a workspace: keys lead with the workspace."""

from __future__ import annotations

revision = "0027_calls"
down_revision = "0026_runs_without_contact"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
