"""keep the answer to a repeated request for whoever asked, and for nobody else; count the mails of each workspace by the hour

Nobody knows who asked for the answers that are there. They stay for the processes of the release before, which is still
running during an update, and end after a day; no process of this release gives them to anybody.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_principals"
down_revision = "0015_maker_keys"

TABLE, NOBODY = "idempotency_keys", "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(TABLE, sa.Column("principal_kind", sa.Text(), nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("principal_id", sa.Uuid(), nullable=False, server_default=NOBODY))
    op.drop_constraint(op.f("idempotency_keys_pkey"), TABLE, type_="primary")
    op.create_primary_key(op.f("idempotency_keys_pkey"), TABLE, ["tenant_id", "principal_kind", "principal_id", "key"])

    op.create_table(
        "mail_counts",
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("mail_counts_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "hour", name=op.f("mail_counts_pkey")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("mail_counts")
    # Answers of this release are sealed for who asked, and several may share a key: nothing older can read them.
    op.execute(f"DELETE FROM {TABLE} WHERE principal_kind <> ''")
    op.drop_constraint(op.f("idempotency_keys_pkey"), TABLE, type_="primary")
    op.drop_column(TABLE, "principal_id")
    op.drop_column(TABLE, "principal_kind")
    op.create_primary_key(op.f("idempotency_keys_pkey"), TABLE, ["tenant_id", "key"])
