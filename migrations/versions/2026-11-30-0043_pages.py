"""How much each workspace had done by each hour, so that Home sets today against the weeks before."""

from __future__ import annotations

from alembic import op

revision = "0079_pages"
down_revision = "0077_samples"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        create table activity_hours (
          tenant_id integer not null,
          hour timestamptz not null,
          at timestamptz not null,
          entered bigint not null,
          completed bigint not null,
          failed bigint not null,
          goal_reached bigint not null,
          sent bigint not null,
          constraint activity_hours_pkey primary key (tenant_id, hour))
        """
    )
    # What was done before counts as done: else the first look at Home would call all of it today's.
    op.execute(
        """
        insert into activity_hours (tenant_id, hour, at, entered, completed, failed, goal_reached, sent)
        select tenant_id, date_trunc('hour', clock_now(), 'UTC'), clock_now(),
          coalesce(sum(n) filter (where node_id = '' and key = 'entered'), 0)
            - coalesce(sum(n) filter (where node_id = '' and key = 'moved'), 0),
          coalesce(sum(n) filter (where node_id = '' and key = 'completed'), 0),
          coalesce(sum(n) filter (where node_id = '' and key = 'failed'), 0),
          coalesce(sum(n) filter (where node_id = '' and key = 'goal_reached'), 0),
          coalesce(sum(n) filter (where key = 'message.sent'), 0)
        from node_stats where node_id = '' or key = 'message.sent' group by tenant_id
        """
    )
    # Last: it keeps others from changing workspaces, and what was read above can be millions of rows.
    op.execute(
        """
        alter table activity_hours add constraint activity_hours_tenant_id_fkey
          foreign key (tenant_id) references workspaces on delete cascade
        """
    )


def downgrade() -> None:
    op.execute("drop table activity_hours")
