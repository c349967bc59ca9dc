"""Folders and tags of workflows and templates."""

from __future__ import annotations

revision = "0081_folders"
down_revision = "0080_lists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
