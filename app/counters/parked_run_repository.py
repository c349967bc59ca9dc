"""How many parked runs of each workflow go on within some time: by the index of workspace, workflow and time, up to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.selectable import LateralFromClause

from app.models import ActiveRun, Workflow

MOST = 10_000
"""Runs of one workflow that are counted; beyond it the number no longer matters and counting would cost."""


def parked_runs(*within: ColumnElement[bool], most: int = MOST, marks: Sequence[datetime] = ()) -> LateralFromClause:
    """`count`, up to `most`, and `first` instant of the runs of each `Workflow` that the query stands on; `within`: conditions on their
    time. With `marks` also `until`, an array: how many of them come up to each of these instants.
    """
    runs = (
        select(ActiveRun.resume_at)
        .where(ActiveRun.tenant_id == Workflow.tenant_id, ActiveRun.workflow_id == Workflow.id, *within)
        .order_by(ActiveRun.resume_at)
        .limit(most)
        .correlate(Workflow)
        .lateral()
    )
    columns = [func.count().label("count"), func.min(runs.c.resume_at).label("first")]
    if marks:
        columns.append(array([func.count().filter(runs.c.resume_at <= mark) for mark in marks]).label("until"))
    return select(*columns).select_from(runs).lateral()
