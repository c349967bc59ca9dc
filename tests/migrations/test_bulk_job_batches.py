"""Batches of jobs have rows of their own; an older release finds all of them on the job's row again."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0086_bulk_jobs_before", "0087_bulk_job_batches"


def test_what_batches_changed_comes_back_on_the_way_down() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        place = Old(url)
        first, second, third = uuid7(), uuid7(), uuid7()
        with_batches, without = uuid7(), uuid7()
        for job in (with_batches, without):
            place.db.execute(
                "insert into bulk_jobs (tenant_id, id, list_name, verb, arguments, target_ids, matched, changed_ids, before, by_id,"
                " by_name, next_at) values (%s, %s, 'workflows', 'tag', '{}', %s, 3, %s, %s, %s, 'Ada', now())",
                (place.tenant, job, [first, second, third], [first], Jsonb({str(first): "a"}), uuid7()),
            )
        migrate(url, "upgrade", NEW)
        for reached, one, had in ((2, third, "c"), (1, second, "b")):
            place.db.execute(
                "insert into bulk_job_batches values (%s, %s, %s, %s, %s)",
                (place.tenant, with_batches, reached, [one], Jsonb({str(one): had})),
            )
        migrate(url, "downgrade", OLD)
        rows = place.db.execute("select id, changed_ids, before from bulk_jobs").fetchall()
        assert {row[0]: row[1:] for row in rows} == {
            with_batches: ([first, second, third], {str(first): "a", str(second): "b", str(third): "c"}),
            without: ([first], {str(first): "a"}),
        }
        migrate(url, "upgrade", NEW)
        place.db.close()
