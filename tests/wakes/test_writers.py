"""Who writes `resume_at` and who writes wakes: a list of few, so that nobody parks a run that is never looked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import wakes

APP = Path(wakes.__file__).parent
WAKES = re.compile(r"\b(insert\s+into|delete\s+from|update|copy|truncate)\s+wakes\b|\bWake\(\s*\w+=", re.IGNORECASE)
PARKS = re.compile(r"\bresume_at\s*=\s*(?!null\b|=)[\w.]+", re.IGNORECASE)
COPIES = re.compile(r"\b(insert\s+into|copy)\s+active_runs\b", re.IGNORECASE)
UPDATES = re.compile(r"\bupdate\s+active_runs\b", re.IGNORECASE)
APPENDS = {"engine/moves.py": "by wakes_of, with the batch", "engine/write.py": "by wakes_of"}


@pytest.mark.parametrize(
    ("pattern", "planted"),
    [
        (WAKES, "insert into wakes (at) values (now())"),
        (WAKES, "DELETE\n FROM wakes"),
        (WAKES, "Wake(tenant_id=1)"),
        (PARKS, "set resume_at = clock_now()"),
        (PARKS, "resume_at=u.at"),
    ],
)
def test_a_second_writer_is_seen(pattern: re.Pattern[str], planted: str) -> None:
    assert pattern.search(planted)


def test_nobody_else_writes_wakes() -> None:
    wrong = [str(path) for path in APP.rglob("*.py") if path != APP / "wakes.py" and WAKES.search(path.read_text())]
    assert not wrong, f"say it in app/wakes.py: {wrong}"


def test_who_updates_runs_so_that_they_go_on_appends_a_wake() -> None:
    for path in APP.rglob("*.py"):
        code, name = path.read_text(), str(path.relative_to(APP))
        if not (UPDATES.search(code) and PARKS.search(code)) and not COPIES.search(code):
            continue
        statements = len(
            [
                one
                for one in PARKS.finditer(code)
                if "update active_runs" in code[max(0, one.start() - 200) : one.start()]
            ]
        )
        assert code.count("append_sql(") >= statements or name in APPENDS, f"{name} parks runs and appends no wake"
