"""let memberships begin as invitations that the person accepts, and sessions end

An address may have several accounts: each is what the link of one workspace made. A session knows whether it was meant to last,
because how long it may live is no longer told by the distance between two of its times.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017_invitations"
down_revision = "0016_principals"
INSTANT = postgresql.TIMESTAMP(timezone=True)
NOW = sa.text("clock_now()")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("sessions", sa.Column("lasting", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Until now a session slid by the distance of these two: 30 days when it was meant to last, 12 hours when it was not.
    op.execute("update sessions set lasting = expires_at - seen_at > interval '13 hours'")
    op.execute(
        """
        update sessions set expires_at = least(
          expires_at,
          seen_at + case when lasting then interval '7 days' else interval '2 hours' end,
          created_at + case when lasting then interval '30 days' else interval '12 hours' end)
        """
    )
    op.create_index(op.f("sessions_tenant_id_user_id"), "sessions", ["tenant_id", "user_id"])
    op.add_column("sign_in_links", sa.Column("created_at", INSTANT, server_default=NOW, nullable=False))
    op.add_column("sign_in_links", sa.Column("created_by", sa.UUID(), nullable=True))
    op.add_column("sign_in_links", sa.Column("mailed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("sign_in_links", sa.Column("told_at", INSTANT, nullable=True))
    op.create_foreign_key(
        op.f("sign_in_links_created_by_fkey"), "sign_in_links", "users", ["created_by"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("sign_in_links_user_id"), "sign_in_links", ["user_id"])
    op.drop_index("users_email_key", table_name="users")
    op.create_index("users_email", "users", [sa.literal_column("lower(email)")])
    op.create_table(
        "invitations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.UUID(), nullable=True),
        sa.Column("mailed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("invitations_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["users.id"], name=op.f("invitations_invited_by_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("invitations_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("invitations_token_hash_key")),
        sa.UniqueConstraint("tenant_id", "email", name=op.f("invitations_tenant_id_email_key")),
    )
    op.create_table(
        "account_mails",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("about", sa.UUID(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["workspaces.id"], name=op.f("account_mails_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("account_mails_pkey")),
    )
    op.create_index("account_mails_about", "account_mails", ["tenant_id", "about"])
    op.create_index("account_mails_due", "account_mails", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("account_mails")
    op.drop_table("invitations")
    op.drop_index("users_email", table_name="users")
    # Older releases know one account an address: the oldest keeps it, the others cannot sign in until somebody renames them.
    op.execute(
        """
        update users u set email = u.id || '+' || u.email, disabled_at = coalesce(u.disabled_at, clock_now())
        where exists (select from users o where lower(o.email) = lower(u.email) and (o.created_at, o.id) < (u.created_at, u.id))
        """
    )
    op.create_index("users_email_key", "users", [sa.literal_column("lower(email)")], unique=True)
    op.drop_index(op.f("sign_in_links_user_id"), table_name="sign_in_links")
    for column in ("created_at", "created_by", "mailed", "told_at"):
        op.drop_column("sign_in_links", column)
    op.drop_index(op.f("sessions_tenant_id_user_id"), table_name="sessions")
    op.execute(
        "update sessions set expires_at = seen_at + case when lasting then interval '30 days' else interval '12 hours' end"
    )
    op.drop_column("sessions", "lasting")
