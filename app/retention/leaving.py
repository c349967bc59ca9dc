"""Old months leave as a whole: taken out of their tables while others read and write those, then dropped.

    note     its rows are counted into sums that stay; from here on it is no part of what there is
    detach   concurrently, one table after the other; what an interrupted one left is finished
    finish   dropped, and an empty month with the same bounds in its place

Whoever dies in between leaves a row in `leaving_months`: the next round goes on from there. Each step looks at what is, not at what the
last one did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from app.lib.ids import first_uuid7_of
from app.lib.months import month_of
from app.retention import leaving_repository as repository
from app.retention import months
from app.retention.leaving_repository import Connection, Leaving

KEPT_EMPTY = 26
"""So many months back an emptied month is replaced: a run that waited for long ends into it. An older one goes for good."""
Limits = Mapping[int, datetime | None]
"""By workspace, before when its rows of a kind are too old; None: never."""


def leave(connection: Connection, limits: Mapping[str, Limits]) -> list[str]:
    """Take away every month that is too old for all who have rows of it. Answers their names. `limits`: by kind.

    Takes an autocommit connection of its own, without a time-out of statements, which it is to close: that ends the lock under which
    it is alone.
    """
    if not repository.wait_to_be_alone(connection):
        return []
    left = repository.begun(connection)
    for month in left:
        _take_away(connection, month)
    for kind, by_workspace in limits.items():
        for month in _old(connection, kind, by_workspace):
            if _note(connection, month, by_workspace):
                _take_away(connection, month)
                left.append(month)
    return [f"{month.kind}_{month.suffix}" for month in left]


def _old(connection: Connection, kind: str, limits: Limits) -> list[Leaving]:
    """Months that are too old for somebody. An empty one only when it goes for good."""
    bounds = [first_uuid7_of(at) for at in limits.values() if at is not None]
    for_good = months.this_month().later(-KEPT_EMPTY).first_id
    old = []
    for part in repository.parts(connection, kind):
        month = Leaving(kind, part.suffix, part.first, part.until, part.until > for_good)
        if part.until <= max(bounds, default=UUID(int=0)) and (
            not month.replaced or repository.workspaces_in(connection, month)
        ):
            old.append(month)
    return old


def _note(connection: Connection, month: Leaving, limits: Limits) -> bool:
    """Say that it leaves and count it, unless somebody keeps it longer or it is in use."""
    with connection.transaction():
        tenants = repository.workspaces_in(connection, month)
        if any(_keeps(limits, tenant, month) for tenant in tenants) or repository.in_use(connection, month):
            return False
        repository.note(connection, month, tenants, instant_of(month.until))
    return True


def _keeps(limits: Limits, tenant_id: int, month: Leaving) -> bool:
    """Does the workspace want what is of this month? Rows of one that is gone are wanted by nobody."""
    if tenant_id not in limits:
        return False
    before = limits[tenant_id]
    return before is None or first_uuid7_of(before) < month.until


def _take_away(connection: Connection, month: Leaving) -> None:
    tenants = repository.workspaces_in(connection, month)
    _delete_beside(connection, month, tenants)  # first: a key without its event would be answered with an error
    repository.detach(connection, month)
    _delete_beside(connection, month, tenants)
    with connection.transaction():
        repository.finish(connection, month)


def _delete_beside(connection: Connection, month: Leaving, tenants: Sequence[int]) -> None:
    for tenant_id in tenants:
        while repository.delete_beside(connection, month, tenant_id):
            pass


def bound_of(before: datetime, *, whole_months: bool) -> UUID:
    """The id below which rows are deleted one by one: where whole months leave, only those of months before."""
    bound = first_uuid7_of(before)
    return month_of(bound).first_id if whole_months else bound


def instant_of(bound: UUID) -> datetime:
    """When what has the first id from `bound` on was made."""
    return datetime.fromtimestamp((bound.int >> 80) / 1000, UTC)
