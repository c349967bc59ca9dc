"""keep what people call an attribute, and the cells of an import that were left out while their row came in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_contacts"
down_revision = "0013_suppressions"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "attribute_labels",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("attribute_labels_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("attribute_labels_pkey")),
    )
    op.add_column("contact_imports", sa.Column("warned_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "contact_import_errors", sa.Column("imported", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM contact_import_errors WHERE imported")
    op.drop_column("contact_import_errors", "imported")
    op.drop_column("contact_imports", "warned_count")
    op.drop_table("attribute_labels")
