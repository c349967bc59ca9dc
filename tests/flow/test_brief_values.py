"""What an event brought, in two lines: what tells it from the others of a list comes first, and nothing is without bounds."""

from __future__ import annotations

from typing import Any

from app.flow.brief_values import LONGEST, MOST_FIELDS, BriefValues, brief_values


def shown(brief: BriefValues) -> dict[str, str]:
    return {one.label: one.text for one in brief.fields}


def test_what_differs_comes_first() -> None:
    both: dict[str, Any] = {"currency": "EUR", "source": "shop"}
    one, other = brief_values(
        [both | {"order": {"total": 49, "paid": True}}, both | {"order": {"total": 20, "paid": True}}]
    )
    assert [field.label for field in one.fields] == ["order › total", "currency", "source", "order › paid"]
    (deep,) = brief_values([{"order": {"items": [{"sku": "lamp"}], "total": 49}, "plan": "pro"}])
    assert [field.label for field in deep.fields] == ["plan", "order › total", "order › items › 1 › sku"]
    assert (shown(one)["order › total"], shown(other)["order › total"]) == ("49", "20")
    long = brief_values([{"note": "x" * 30, "plan": "pro"}, {"note": "y" * 30, "plan": "free"}])[0]
    assert [field.label for field in long.fields] == ["plan", "note"], "what is long comes after what is short"
    assert [field.label for field in brief_values([both | {"n": 1}])[0].fields] == ["currency", "source", "n"], (
        "as it came"
    )


def test_values_are_short_and_readable() -> None:
    at = "2026-11-28T09:00:00Z"
    (brief,) = brief_values(
        [{"skus": ["a", "b", "c", "d"], "at": at, "paid": True, "note": "x" * 500, "none": None, "n" * 90: 1}]
    )
    assert shown(brief)["skus"] == "a, b, c, …" and "none" not in shown(brief)
    assert shown(brief)["paid"] == "Yes" and shown(brief)["note"] == "x" * LONGEST + "…"
    assert max(len(one.label) for one in brief.fields) == LONGEST + 1
    assert next(one for one in brief.fields if one.label == "at").at is not None


def test_many_fields_are_counted() -> None:
    (brief,) = brief_values([{f"field_{number}": number for number in range(30)}])
    assert len(brief.fields) == MOST_FIELDS and brief.more == 30 - MOST_FIELDS
    assert brief_values([{}, {"a": {}}]) == [BriefValues(()), BriefValues(())] and brief_values([]) == []
