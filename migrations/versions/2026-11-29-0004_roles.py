"""Each part of the product works by a role of its own, and pages see the rows of one workspace.

Roles, grants and policies are no part of this file: `migrations/env.py` brings a database that stands at the newest migration to what
`app/models/access.py` declares, so no later table is forgotten. From here down there are none, and older code works as the user of
DATABASE_URL. Roles are of the server, other databases of it may use them, and tables stay those of `tl_owner`.
"""

from __future__ import annotations

from alembic import op

revision = "0036_roles"
down_revision = "0035_retention"
branch_labels = None
depends_on = None

ROLES = ("tl_web", "tl_auth", "tl_engine", "tl_read")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        f"""
        DO $$ DECLARE one record; BEGIN
          FOR one IN SELECT c.oid::regclass AS name FROM pg_class c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relrowsecurity LOOP
            EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', one.name);
          END LOOP;
          FOR one IN SELECT p.polname AS policy, p.polrelid::regclass AS name FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
            WHERE c.relnamespace = current_schema()::regnamespace LOOP
            EXECUTE format('DROP POLICY %I ON %s', one.policy, one.name);
          END LOOP;
          FOR one IN SELECT rolname FROM pg_roles WHERE rolname IN {ROLES} LOOP
            EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', current_schema(), one.rolname);
          END LOOP;
        END $$
        """
    )
