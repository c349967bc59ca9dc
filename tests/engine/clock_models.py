"""Waits by the clock of a zone, in plain Python on the standard library's zones alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from tests.engine.step_models import Result, fill, is_number, look_up, shown
from tests.nodes.person import Person

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOKED_AHEAD_DAYS = 1_500
"""Within these a window opens that any of these tests draws."""


def zone_meant(data: dict[str, Any], view: Person) -> tzinfo:
    """The contact's, the workspace's without one, or a fixed one."""
    name = data.get("zone", "contact")
    if name == "contact":
        name = view.contact.columns.get("timezone") or "workspace"
    return ZoneInfo(view.workspace if name == "workspace" else name)


def clock(instant: datetime, zone: tzinfo) -> datetime:
    """What clocks show."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def instant_of(local: datetime, zone: tzinfo) -> datetime:
    """The first instant at which clocks show this, or, where they jump over it, something later."""
    near = [local.replace(tzinfo=UTC) + timedelta(hours=number) for number in range(-36, 37, 6)]
    instants = sorted(local.replace(tzinfo=UTC) - (one.astimezone(zone).utcoffset() or timedelta()) for one in near)
    for instant in instants:
        if clock(instant, zone) == local:
            return instant
    second = instants[0].replace(microsecond=0)
    step = timedelta(days=1)
    while step:
        while clock(second + step, zone) < local:
            second += step
        step = timedelta(seconds=int(step.total_seconds()) // 2)
    return second + timedelta(seconds=1)


def _date(value: Any) -> date | datetime | None:
    if is_number(value):
        return datetime.fromtimestamp(value, UTC)
    try:
        text = shown(value) if isinstance(value, str) else ""
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return None


def _moment(data: dict[str, Any], view: Person) -> datetime | None:
    """Until when; None where no date stands."""
    zone = zone_meant(data, view)
    if "field" not in data:
        value, at, offset = _date(shown(fill(data["at"], view))), None, {}
    else:
        root, _, path = data["field"].partition(".")
        value, at, offset = _date(look_up(view, root, path)), data.get("at"), data.get("offset") or {}
    if value is None:
        return None
    aware = isinstance(value, datetime) and value.tzinfo is not None
    local = value if isinstance(value, datetime) else datetime.combine(value, time())
    local = clock(local, zone) if aware else local
    by = offset.get("duration", 0) * (-1 if offset.get("direction") == "before" else 1)
    if not by and not at and aware:
        assert isinstance(value, datetime)
        return value
    unit = offset.get("unit", "days")
    if unit in ("days", "weeks"):
        local += timedelta(days=by * (7 if unit == "weeks" else 1))
    else:
        moved = instant_of(local, zone) + timedelta(seconds=by * {"hours": 3_600, "minutes": 60, "seconds": 1}[unit])
        local = clock(moved, zone)
    return instant_of(datetime.combine(local.date(), time.fromisoformat(at)) if at else local, zone)


def _end(instant: datetime, zone: tzinfo) -> dict[str, Any]:
    return {"resumedAt": instant.astimezone(zone).isoformat(), "zone": str(zone)}


def wait_until(data: dict[str, Any], view: Person, noted: Any = None) -> Result:
    """`noted`: the end that it waited for, when that is over."""
    instant = _moment(data, view)
    if instant is None:
        return Result("fail", permanent=True)
    output = _end(instant, zone_meant(data, view))
    if instant > view.now:
        return Result("wait", output=output, until=instant)
    is_late = noted is None or datetime.fromisoformat(noted["resumedAt"]) != instant
    return Result("done", "passed" if is_late and data.get("past") == "port" else "next", output)


def time_window(data: dict[str, Any], view: Person, noted: Any = None) -> Result:
    """`noted`: what it had put down when it began to wait."""
    zone, now = zone_meant(data, view), view.now
    opens, closes = time.fromisoformat(data.get("from", "09:00")), time.fromisoformat(data.get("to", "17:00"))
    yesterday = clock(now, zone).date() - timedelta(days=1)
    for number in range(LOOKED_AHEAD_DAYS):
        day = yesterday + timedelta(days=number)
        if data.get("weekdays") and DAYS[day.weekday()] not in data["weekdays"]:
            continue
        if day.isoformat() in data.get("holidays", []):
            continue
        begin = instant_of(datetime.combine(day, opens), zone)
        last_day = day if opens < closes else day + timedelta(days=1)
        end = instant_of(datetime.combine(last_day, closes), zone)
        if begin <= now < end:
            return Result("done", output=noted or {"waited": False})
        if now < begin < end:
            return Result("wait", output={"waited": True, **_end(begin, zone)}, until=begin)
    return Result("fail", permanent=True)
