"""Contacts and lists are looked up by indexes that lead with the workspace and the filter.

What the search of contacts looks through is a column of its own with an index of trigrams, and each tag of a contact a row of its own.
Adding the column writes `contacts` anew (some 10 s a million); nobody may work meanwhile.
"""

from __future__ import annotations

from alembic import op

revision = "0034_contact_search"
down_revision = "0033_wakes"
branch_labels = None
depends_on = None

SEARCH = "lower({})".format(
    " || ' ' || ".join(
        [
            *(f"coalesce({column}, '')" for column in ("email", "external_id", "phone")),
            *(
                f"coalesce(left(attributes ->> '{key}', 100), '')"
                for key in ("name", "fullName", "full_name", "firstName", "first_name", "lastName", "last_name")
            ),
        ]
    )
)
WITHDRAWN = """'$.keyvalue() ? (@.key like_regex "^email$" flag "i" && @.value == false)'"""
TRIGRAMS = "USING gin (tenant_id, {} gin_trgm_ops) WITH (gin_pending_list_limit = 1024)"
INDEXES = {
    "contacts": {
        "contacts_source": "(tenant_id, source, created_at, id)",
        "contacts_phone": "(tenant_id, phone) WHERE phone IS NOT NULL",
        "contacts_no_address": "(tenant_id, created_at, id) WHERE coalesce(email, '') = ''",
        "contacts_broken_address": r"(tenant_id, created_at, id) WHERE email !~ '^[^\s<>]+@[^\s<>@]+$'",
        "contacts_no_consent": f"(tenant_id, created_at, id) WHERE jsonb_path_exists(consent, {WITHDRAWN})",
        "contacts_search": TRIGRAMS.format("search"),
    },
    "active_runs": {
        "active_runs_node": "(tenant_id, workflow_id, current_node_id, id)",
        "active_runs_held": "(tenant_id, id) WHERE status = 3",
    },
    "ended_runs": {"ended_runs_early": "(tenant_id, status, id) WHERE status > 4"},
    "messages": {
        "messages_workflow": "(tenant_id, workflow_id, run_id, seq)",
        "messages_ended": "(tenant_id, status, run_id, seq) WHERE status > 2",
        "messages_ended_of_workflow": "(tenant_id, workflow_id, status, run_id, seq) WHERE status > 2",
    },
    "events": {"events_name": "(tenant_id, name, id)"},
    "suppressions": {
        "suppressions_newest": "(tenant_id, at, channel, address) WHERE lifted_at IS NULL",
        "suppressions_lifted": "(tenant_id, at, channel, address) WHERE lifted_at IS NOT NULL",
        "suppressions_reason": "(tenant_id, reason, at, channel, address) WHERE lifted_at IS NULL",
        "suppressions_channel": "(tenant_id, channel, at, address) WHERE lifted_at IS NULL",
        "suppressions_search": TRIGRAMS.format("address"),
    },
    "workflows": {"workflows_changed": "(tenant_id, updated_at, id) WHERE deleted_at IS NULL"},
    "workflow_versions": {"workflow_versions_newest": "(tenant_id, created_at)"},
}
# `like` tells of rows by its errors, as far as PostgreSQL knows, so row-level security keeps it from the index of trigrams. These look there
# for whoever is allowed to ask: requests and readers have to say their workspace, and see no other.
FUNCTION = """
CREATE FUNCTION {name}(tenant int, patterns text[], most int) RETURNS {returns} LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
  IF coalesce(current_setting('tl.tenant', true), '') = tenant::text
    OR coalesce(current_setting('tl.tenant', true), '') = '' AND current_setting('role') NOT IN ('tl_web', 'tl_read') THEN
    RETURN QUERY EXECUTE
      'SELECT {columns} FROM {table} t WHERE t.tenant_id = $1 AND '
      || (SELECT string_agg(format('t.{column} LIKE ($2)[%s]', n), ' AND ') FROM generate_subscripts(patterns, 1) AS n)
      || ' LIMIT $3' USING tenant, patterns, most;
  END IF;
END $$
"""
FUNCTIONS = {
    "contacts_found": FUNCTION.format(
        name="contacts_found", returns="SETOF uuid", columns="t.id", table="contacts", column="search"
    ),
    "suppressions_found": FUNCTION.format(
        name="suppressions_found",
        returns="TABLE (channel smallint, address text)",
        columns="t.channel, t.address",
        table="suppressions",
        column="address",
    ),
}
FAILED = "ended_runs_failed ON ended_runs (tenant_id, id) WHERE status = 5"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Both come with PostgreSQL, and whoever owns a database may create them in it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.execute(f"ALTER TABLE contacts ADD search text GENERATED ALWAYS AS ({SEARCH}) STORED")
    op.execute(
        "CREATE TABLE contact_tags (tenant_id int NOT NULL, tag text NOT NULL, created_at timestamptz NOT NULL,"
        " contact_id uuid NOT NULL)"
    )
    op.execute(
        "INSERT INTO contact_tags SELECT DISTINCT tenant_id, tag, created_at, id FROM contacts, unnest(tags) AS tag"
        " WHERE tag IS NOT NULL ORDER BY 1, 2, 3, 4"
    )
    op.execute(
        "ALTER TABLE contact_tags ADD CONSTRAINT contact_tags_pkey PRIMARY KEY (tenant_id, tag, created_at, contact_id)"
    )
    op.execute("DROP INDEX ended_runs_failed")
    for table, indexes in INDEXES.items():
        for name, index in indexes.items():
            op.execute(f"CREATE INDEX {name} ON {table} {index}")
    for function in FUNCTIONS.values():
        op.execute(function)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}(int, text[], int)")
    for indexes in INDEXES.values():
        for name in indexes:
            op.execute(f"DROP INDEX {name}")
    op.execute(f"CREATE INDEX {FAILED}")
    # The way down of the months looks for its part in the oldest table by the name that it gave it.
    op.execute("""
        DO $$ DECLARE part regclass; BEGIN
          SELECT i.indexrelid INTO part FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid
          WHERE i.indrelid = to_regclass('ended_runs_before') AND h.inhparent = 'ended_runs_failed'::regclass;
          IF part IS NOT NULL THEN EXECUTE format('ALTER INDEX %s RENAME TO ended_runs_before_failed', part); END IF;
        END $$
    """)
    op.execute("DROP TABLE contact_tags")
    op.execute("ALTER TABLE contacts DROP COLUMN search")
    # The extensions stay: whoever runs the server may have had them before.
