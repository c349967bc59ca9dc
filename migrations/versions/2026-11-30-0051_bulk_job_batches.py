"""What a job of many rows changed stands in a row for each batch; those that began before keep what they have."""

from __future__ import annotations

from alembic import op

revision = "0087_bulk_job_batches"
down_revision = "0086_bulk_jobs_before"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        create table bulk_job_batches (
          tenant_id integer not null,
          job_id uuid not null,
          reached integer not null,
          changed_ids uuid[] not null,
          before jsonb not null default '{}',
          primary key (tenant_id, job_id, reached),
          foreign key (tenant_id, job_id) references bulk_jobs (tenant_id, id) on delete cascade
        )
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        update bulk_jobs j set
          changed_ids = j.changed_ids || array(
            select one from bulk_job_batches b, unnest(b.changed_ids) with ordinality as each (one, place)
            where b.tenant_id = j.tenant_id and b.job_id = j.id order by b.reached, place),
          before = j.before || coalesce((
            select jsonb_object_agg(had.key, had.value) from bulk_job_batches b, jsonb_each(b.before) as had
            where b.tenant_id = j.tenant_id and b.job_id = j.id), '{}')
        where exists (select from bulk_job_batches b where b.tenant_id = j.tenant_id and b.job_id = j.id)
        """
    )
    op.execute("drop table bulk_job_batches")
