"""What was reported about each message, counted once each, steps that wait for a delivery, and bars beside the word of a person.

Reports that are there are marked and counted. A month that is on its way out gets the column too: what it was is summed up.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0064_reports"
down_revision = "0063_senders"
branch_labels = None
depends_on = None

_LEAVING = """
select c.relname from leaving_months l join pg_class c on c.relname = 'messages_' || l.suffix and c.relkind = 'r'
  and c.relnamespace = current_schema()::regnamespace
where l.kind = 'runs' and not exists (select from pg_inherits i where i.inhrelid = c.oid)
"""
_MARK = """
update messages m set reported = r.bits from (
  select tenant_id, run_id, seq, bit_or(1 << (kind - 1))::smallint as bits from message_reports group by 1, 2, 3) r
where m.tenant_id = r.tenant_id and m.run_id = r.run_id and m.seq = r.seq
"""
_COUNT = """
insert into node_stats (tenant_id, workflow_id, version, node_id, key, shard, n)
select tenant_id, workflow_id, workflow_version, node_id, 'message.reported.' || k.word, 0, count(*)
from messages, lateral (values (1, 'delivered'), (2, 'opened'), (4, 'clicked'), (8, 'bounced'), (16, 'complained'), (32, 'failed'),
  (64, 'replied'), (128, 'unsubscribed')) as k(bit, word)
where node_id <> '' and reported & k.bit > 0 group by 1, 2, 3, 4, 5
on conflict (tenant_id, workflow_id, version, node_id, key, shard) do update set n = node_stats.n + excluded.n
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    leaving = [row[0] for row in op.get_bind().execute(text(_LEAVING))]
    for table in ("messages", *leaving):
        op.execute(f"ALTER TABLE {table} ADD reported smallint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX messages_undelivered ON messages (due_at) WHERE status = 2 AND due_at IS NOT NULL")
    op.execute(_MARK)
    op.execute(_COUNT)
    op.execute("ALTER TABLE suppressions ADD barred boolean NOT NULL DEFAULT false")
    op.execute("UPDATE suppressions SET barred = true WHERE reason NOT IN ('complained', 'unsubscribed')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE suppressions DROP barred")
    op.execute("DELETE FROM node_stats WHERE starts_with(key, 'message.reported.')")
    op.execute("DELETE FROM retired_stats WHERE starts_with(key, 'message.reported.')")
    op.execute("DROP INDEX messages_undelivered")
    for table in ("messages", *[row[0] for row in op.get_bind().execute(text(_LEAVING))]):
        op.execute(f"ALTER TABLE {table} DROP reported")
