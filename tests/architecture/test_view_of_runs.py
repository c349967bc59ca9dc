"""`runs` is a view over active and ended runs: PostgreSQL takes FOR UPDATE on it, and locks nothing. Who locks names the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_IN_SQL = re.compile(r"\b(?:from|join)\s+runs\b[^\"']*?\bfor\s+(?:no\s+key\s+)?(?:update|share)\b", re.IGNORECASE)
_IN_PYTHON = re.compile(r"\bselect\(Run\b(?:(?!select\()[\s\S])*?with_for_update", re.IGNORECASE)


def locks_the_view(source: str) -> bool:
    return bool(_IN_SQL.search(source) or _IN_PYTHON.search(source))


def test_nobody_locks_the_view_of_runs() -> None:
    texts = {path: path.read_text() for path in (ROOT / "app").rglob("*.py")}
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if locks_the_view(text)] == []


@pytest.mark.parametrize(
    "source",
    [
        '"select id from runs where id = %s for update"',
        '"select 1 from contacts c\njoin runs r on r.contact_id = c.id FOR NO KEY UPDATE of r skip locked"',
        "select(Run).where(Run.id == run_id).with_for_update(skip_locked=True)",
    ],
)
def test_a_lock_of_the_view_is_seen(source: str) -> None:
    assert locks_the_view(source)


@pytest.mark.parametrize(
    "source",
    [
        '"select id from active_runs where id = %s for update"',
        '"select count(*) from runs"; "select id from contacts for update"',
        "select(Run.id)\nselect(ActiveRun).with_for_update()",
    ],
)
def test_other_locks_are_not(source: str) -> None:
    assert not locks_the_view(source)
