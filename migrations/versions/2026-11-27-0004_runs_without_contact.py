"""Runs without a contact: what started them, why they may not start, and what could not be handled of them."""

from __future__ import annotations

from alembic import op

revision = "0026_runs_without_contact"
down_revision = "0025_channels"
branch_labels = None
depends_on = None

TABLES = ("runs", "inbox", "entry_refusals", "dead_letters")
# What the runs of nobody have counted, told as the engine counts it: they take it with them.
COUNTED = """
WITH gone AS (SELECT * FROM runs WHERE contact_id IS NULL),
counted AS (
  SELECT g.workflow_id, g.workflow_version AS version, s.node_id,
    CASE WHEN s.status = 6 THEN 'goal' WHEN s.status = 7 THEN 'cancelled'
      WHEN s.seq = g.seq AND g.status = 5 AND s.status = 5 THEN 'failed'
      WHEN s.seq = g.seq AND g.status = 7 THEN 'exited' ELSE coalesce(s.port, 'next') END AS key, count(*) AS n
  FROM steps s JOIN gone g ON g.id = s.run_id GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT workflow_id, workflow_version, current_node_id, 'waiting', count(*) FROM gone
  WHERE status < 4 AND current_node_id IS NOT NULL GROUP BY 1, 2, 3
  UNION ALL
  SELECT workflow_id, workflow_version, '', 'entered', count(*) FROM gone GROUP BY 1, 2
  UNION ALL
  SELECT workflow_id, workflow_version, trigger_id, 'next', count(*) FROM gone WHERE trigger_id IS NOT NULL GROUP BY 1, 2, 3
  UNION ALL
  SELECT workflow_id, workflow_version, '',
    CASE status WHEN 4 THEN 'completed' WHEN 5 THEN 'failed' WHEN 6 THEN 'goal_reached' WHEN 7 THEN 'exited' ELSE 'cancelled' END,
    count(*)
  FROM gone WHERE status >= 4 GROUP BY 1, 2, 4),
kept AS (
  SELECT DISTINCT ON (s.workflow_id, s.version, s.node_id, s.key) s.workflow_id, s.version, s.node_id, s.key, s.shard, c.n
  FROM node_stats s JOIN counted c USING (workflow_id, version, node_id, key)
  ORDER BY s.workflow_id, s.version, s.node_id, s.key, s.shard)
UPDATE node_stats s SET n = s.n - k.n FROM kept k
WHERE (s.workflow_id, s.version, s.node_id, s.key, s.shard) = (k.workflow_id, k.version, k.node_id, k.key, k.shard)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ALTER contact_id DROP NOT NULL")
    # The index is empty until such runs come: building it reads the table once, and writes nothing.
    op.execute("CREATE INDEX runs_without_contact ON runs (tenant_id, id) WHERE contact_id IS NULL")


def downgrade() -> None:
    """An older release knows no such runs: they are removed, with their steps, their calls and what they counted."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(COUNTED)
    for table in ("steps", "step_attempts", "calls"):
        op.execute(f"DELETE FROM {table} WHERE run_id IN (SELECT id FROM runs WHERE contact_id IS NULL)")
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE contact_id IS NULL")
    op.execute("DROP INDEX runs_without_contact")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ALTER contact_id SET NOT NULL")
