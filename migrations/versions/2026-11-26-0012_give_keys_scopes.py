"""give API keys scopes and a maker, and remember which secret key sealed what"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018_scopes"
down_revision = "0017_invitations"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("api_keys", sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True))
    for name in ("created_by_key", "replaced_by"):
        op.add_column("api_keys", sa.Column(name, sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"api_keys_{name}_fkey"), "api_keys", "api_keys", [name], ["id"], ondelete="SET NULL"
        )
    # A maker whose user row goes must stay written down: "nobody" means the command line, whose keys no role caps.
    op.drop_constraint("api_keys_created_by_fkey", "api_keys", type_="foreignkey")
    op.create_table(
        "secret_keys",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column(
            "first_used_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("clock_now()"), nullable=False
        ),
        sa.Column("retired_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("secret_keys_pkey")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("secret_keys")
    # Before, a key could do all that its role allows, whoever its maker is by now: what would grow by that ends instead.
    op.execute(
        "UPDATE api_keys k SET revoked_at = clock_now() WHERE revoked_at IS NULL AND (scopes IS NOT NULL OR ("
        " created_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM memberships m"
        " WHERE m.tenant_id = k.tenant_id AND m.user_id = k.created_by)))"
    )
    op.execute(
        "UPDATE api_keys k SET created_by = NULL"
        " WHERE created_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = k.created_by)"
    )
    op.create_foreign_key(
        op.f("api_keys_created_by_fkey"), "api_keys", "users", ["created_by"], ["id"], ondelete="SET NULL"
    )
    for name in ("replaced_by", "created_by_key", "scopes"):
        op.drop_column("api_keys", name)
