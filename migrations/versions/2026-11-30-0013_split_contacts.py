"""Contacts by variant of a split: the version that gave it, when the contact reached a goal since, and counters of both."""

from __future__ import annotations

from alembic import op

revision = "0049_split_contacts"
down_revision = "0048_date_choices"
branch_labels = None
depends_on = None

# Of a run that was removed the version is not known any more: the last one that it may have been is taken.
_VERSIONS = """
UPDATE split_exposures e SET version = coalesce(
  (SELECT r.workflow_version FROM runs r WHERE r.tenant_id = e.tenant_id AND r.id = e.run_id),
  (SELECT max(v.version) FROM workflow_versions v
   WHERE v.tenant_id = e.tenant_id AND v.workflow_id = e.workflow_id AND v.created_at <= e.assigned_at),
  1)
"""
_CONVERSIONS = """
UPDATE split_exposures e SET converted_at = won.at FROM (
  SELECT x.tenant_id, x.contact_id, x.workflow_id, x.node_id, min(r.completed_at) AS at
  FROM ended_runs r JOIN split_exposures x
    ON x.tenant_id = r.tenant_id AND x.contact_id = r.contact_id AND x.workflow_id = r.workflow_id AND r.completed_at >= x.assigned_at
  WHERE r.status = 6 GROUP BY 1, 2, 3, 4) won
WHERE (e.tenant_id, e.contact_id, e.workflow_id, e.node_id) = (won.tenant_id, won.contact_id, won.workflow_id, won.node_id)
"""
_COUNTERS = """
INSERT INTO node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
SELECT tenant_id, workflow_id, version, node_id, v.key, 0, count(*) FROM split_exposures,
  LATERAL (VALUES ('variant.contacts.' || variant, true), ('variant.converted.' || variant, converted_at IS NOT NULL)) AS v(key, counts)
WHERE v.counts GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("ALTER TABLE split_exposures ADD version int NOT NULL DEFAULT 1, ADD converted_at timestamptz")
    op.execute(_VERSIONS)
    op.execute(_CONVERSIONS)
    op.execute(_COUNTERS)
    op.execute("ALTER TABLE split_exposures ALTER version DROP DEFAULT")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("DELETE FROM node_stats WHERE key LIKE 'variant.%'")
    op.execute("DELETE FROM retired_stats WHERE key LIKE 'variant.%'")
    op.execute("ALTER TABLE split_exposures DROP version, DROP converted_at")
