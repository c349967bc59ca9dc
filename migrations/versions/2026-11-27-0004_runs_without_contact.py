"""Runs, messages and inbox rows of no contact."""

from __future__ import annotations

revision = "0026_runs_without_contact"
down_revision = "0025_channels"
branch_labels = None
depends_on = None


def upgrade() -> None: ...


def downgrade() -> None: ...
