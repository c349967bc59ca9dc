"""Alembic's entry: runs the migrations over one psycopg connection, and compares models for the drift check."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine, pool, text

from app.lib.database import sqlalchemy_url
from app.models import Base
from app.ops import database_access


def _is_ours(_object: object, name: str | None, type_: str, reflected: bool, _compare_to: object) -> bool:
    return not (type_ == "table" and reflected and name not in Base.metadata.tables)


def run() -> None:
    engine = create_engine(sqlalchemy_url(), poolclass=pool.NullPool, hide_parameters=True)
    with engine.connect() as connection:
        # Two starts at once must not migrate at once: the second waits here, then finds nothing to do.
        connection.execute(text("select pg_advisory_lock(7331001)"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            include_object=_is_ours,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        script = context.get_context().script
        if script and set(context.get_context().get_current_heads()) == set(script.get_heads()):
            connection.commit()
            driver: Any = connection.connection.driver_connection
            driver.autocommit = True
            database_access.apply(driver)


run()
