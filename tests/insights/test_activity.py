"""Today against the usual: what is written down each hour, and what Home reads out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.insights import activity, activity_repository, home_view
from app.insights.activity import KnownTotals, day_so_far, spans_of
from app.insights.service import InsightService
from app.models import ActivityHour, NodeStat, Workspace
from app.models.status import Role
from tests.fixtures.clock import Clock
from tests.fixtures.people import BrowserClients

FRIDAY = datetime(2026, 6, 5, 12, 30, tzinfo=UTC)
OLD = FRIDAY - timedelta(days=400)


def totals(at: datetime, entered: int, failed: int = 0) -> KnownTotals:
    return KnownTotals(at, (entered, 0, failed, 0, 0))


def every_hour(begin: datetime, hours: int, rate: int, start: int = 0) -> list[KnownTotals]:
    return [totals(begin + timedelta(hours=hour), start + rate * hour) for hour in range(hours + 1)]


def test_a_day_is_set_against_the_same_weekdays() -> None:
    midnight = FRIDAY.replace(hour=0, minute=0)
    known = [
        *every_hour(midnight - timedelta(weeks=2), 24, 10),
        *every_hour(midnight - timedelta(weeks=1), 24, 20, start=1_000),
        *every_hour(midnight, 12, 30, start=5_000),
    ]
    today = day_so_far(FRIDAY, UTC, OLD, known, (5_375, 0, 0, 0, 0))
    assert today is not None and today.whole and today.since == midnight and today.weeks == 2
    entered = today.measures["entered"]
    # Half past twelve: 12.5 hours of 10 and of 20 an hour.
    assert entered.today == 375 and entered.usual == pytest.approx(187.5) and entered.change == pytest.approx(100)
    assert len(entered.curve) == 14 and entered.curve[:2] == [0, 30] and entered.curve[-1] == 375
    assert entered.usual_curve == pytest.approx([15 * hour for hour in range(25)])


def test_hours_without_a_row_had_brought_nothing() -> None:
    midnight = FRIDAY.replace(hour=0, minute=0)
    known = [totals(midnight - timedelta(days=3), 50), totals(midnight + timedelta(hours=9), 62)]
    today = day_so_far(FRIDAY, UTC, OLD, known, (62, 0, 0, 0, 0))
    assert today is not None
    assert today.measures["entered"].curve == [0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 12, 12, 12, 12]


def test_counting_that_began_today_says_since_when() -> None:
    began = FRIDAY.replace(hour=9, minute=4)
    today = day_so_far(FRIDAY, UTC, OLD, [totals(began, 700)], (707, 0, 0, 0, 0))
    assert today is not None and not today.whole and today.since == began and today.weeks == 0
    assert today.measures["entered"].today == 7 and today.measures["entered"].usual is None


def test_a_new_workspace_had_nothing_before() -> None:
    made = FRIDAY - timedelta(hours=1)
    for known in ([], [totals(FRIDAY - timedelta(minutes=20), 3)]):
        today = day_so_far(FRIDAY, UTC, made, known, (8, 0, 0, 0, 0))
        assert today is not None and today.whole and today.weeks == 0 and today.measures["entered"].today == 8
        assert today.measures["entered"].curve[:12] == [0] * 12
    assert day_so_far(FRIDAY, UTC, OLD, [], (8, 0, 0, 0, 0)) is None, "nobody knows what of it is of today"


def test_a_day_begins_at_the_readers_midnight_and_counters_that_shrink_are_no_negative_day() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    (begin, end), *before = spans_of(FRIDAY, tokyo)
    assert begin == datetime(2026, 6, 4, 15, tzinfo=UTC) and end - begin == timedelta(days=1) and len(before) == 4
    berlin = ZoneInfo("Europe/Berlin")
    (begin, end), *_ = spans_of(datetime(2026, 3, 29, 12, tzinfo=UTC), berlin)
    assert end - begin == timedelta(hours=23), "the day on which clocks go forward"
    today = day_so_far(FRIDAY, UTC, OLD, [totals(FRIDAY - timedelta(days=2), 90)], (80, 0, 0, 0, 0))
    assert today is not None and today.measures["entered"].today == 0


async def count(session: AsyncSession, workspace: Workspace, **counts: int) -> None:
    for key, n in counts.items():
        name = key.replace("_sent", ".sent")
        row = await session.get(NodeStat, (workspace.id, UUID(int=7), 1, "mail" if "." in name else "", name, 0))
        if row is None:
            session.add(
                NodeStat(
                    tenant_id=workspace.id, workflow_id=UUID(int=7), version=1,
                    node_id="mail" if "." in name else "", key=name, shard=0, n=n,
                )
            )  # fmt: skip
        else:
            row.n += n
    await session.flush()


async def record(session: AsyncSession) -> None:
    after: int | None = 0
    while after is not None:
        after = await activity_repository.record_totals(session, after, 1)


async def test_each_hour_is_written_down_once_and_only_where_something_moved(
    db_session: AsyncSession, workspace: Workspace, other_workspace: Workspace, clock: Clock
) -> None:
    await clock.store(db_session)
    await count(db_session, workspace, entered=9, moved=2, completed=3, message_sent=5)
    for _ in range(2):
        await record(db_session)
    for _ in range(3):
        clock.advance(hours=1)
        await clock.store(db_session)
        await record(db_session)
    await count(db_session, workspace, entered=1)
    await record(db_session)
    clock.advance(hours=1)
    await clock.store(db_session)
    await record(db_session)
    rows = (
        await db_session.scalars(
            select(ActivityHour).where(ActivityHour.tenant_id == workspace.id).order_by(ActivityHour.hour)
        )
    ).all()
    assert [(row.entered, row.completed, row.sent) for row in rows] == [(7, 3, 5), (8, 3, 5)]
    assert rows[1].hour - rows[0].hour == timedelta(hours=3)
    others = select(func.count()).where(ActivityHour.tenant_id == other_workspace.id)
    assert await db_session.scalar(others) == 1


async def test_old_hours_go_and_the_last_of_them_stays(
    db_session: AsyncSession, workspace: Workspace, clock: Clock
) -> None:
    await clock.store(db_session)
    for days in (50, 40, 37, 20):
        at = clock.at - timedelta(days=days)
        db_session.add(
            ActivityHour(
                tenant_id=workspace.id, hour=at, at=at, entered=days, completed=0, failed=0, goal_reached=0, sent=0
            )
        )
    await db_session.flush()
    await record(db_session)
    kept = await db_session.scalars(
        select(ActivityHour.entered).where(ActivityHour.tenant_id == workspace.id).order_by(ActivityHour.hour)
    )
    assert list(kept) == [37, 20, 0]


async def test_home_shows_the_day_beside_the_usual(
    browser: BrowserClients, db_session: AsyncSession, workspace: Workspace, principal: Principal, clock: Clock
) -> None:
    workspace.created_at = clock.at - timedelta(days=90)
    clock.set(FRIDAY)
    await clock.store(db_session)
    midnight = FRIDAY.replace(hour=0, minute=0)
    sums = {midnight - timedelta(weeks=1): 100, midnight - timedelta(days=6, hours=12): 150, midnight: 400}
    for at, entered in sums.items():
        db_session.add(
            ActivityHour(
                tenant_id=workspace.id, hour=at, at=at, entered=entered, completed=0, failed=0,
                goal_reached=0, sent=0,
            )
        )  # fmt: skip
    # Never in the sums of another day: a row before the first span.
    db_session.add(
        ActivityHour(
            tenant_id=workspace.id, hour=midnight - timedelta(weeks=9), at=midnight - timedelta(weeks=9), entered=100,
            completed=0, failed=0, goal_reached=0, sent=0,
        )
    )  # fmt: skip
    await count(db_session, workspace, entered=475)
    overview = await InsightService(db_session, principal).overview()
    assert overview.today is not None and overview.today.whole and overview.today.weeks == activity.WEEKS
    entered = overview.today.measures["entered"]
    # 75 today; of four Fridays one had brought 50 by now, the others nothing.
    assert entered.today == 75 and entered.usual == pytest.approx(12.5)
    (view, *_) = home_view.measures(overview.today, 0, FRIDAY)
    assert view.note == "+500% against the usual" and view.tone == "ok" and view.curve.startswith("M3.0,")
    text = (await (await browser(Role.VIEWER)).get("/")).text
    assert "grey is a usual Friday" in text and "+500% against the usual" in text


def test_bars_fill_the_width_and_keep_an_empty_hour_visible() -> None:
    bars = home_view.bars([0, 10, *[0] * 22])
    assert len(bars) == 24 and bars[0][3] == "2.0" and bars[1][1] == "0.0" and bars[1][3] == "48.0"
    assert float(bars[-1][0]) + float(bars[-1][2]) <= 312
