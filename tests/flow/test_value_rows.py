"""Values of events, steps and calls as rows: names of the product in words, names of data as they are, and everything bounded."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow.field_names import steps_called
from app.flow.references import called_rows
from app.flow.value_rows import DEEPEST, LONGEST, MOST_ITEMS, MOST_ROWS, ValueRow, value_rows
from app.lib.translation import using


def flat(row: ValueRow, before: str = "") -> dict[str, str]:
    """Label → what stands beside it, rows within rows behind a slash."""
    shown: dict[str, str] = {}
    for one in row.rows:
        label = f"{before}{one.label}"
        if one.kind == "rows":
            shown |= flat(one, f"{label}/")
        else:
            shown[label] = ", ".join(one.parts) or one.text or "–"
    return shown


def test_the_input_of_a_step_is_said_in_words() -> None:
    value = {
        "config": {"subject": "Hi", "templateId": "t", "maxVisits": 3},
        "previous": {"event": {"plan": "pro", "paid": True, "status": "open", "since": "2026-11-28T09:00:00Z"}},
        "vars": {},
    }
    row = value_rows(value, "send_email")
    assert flat(row) == {
        "Settings/Subject": "Hi",
        "Settings/Template": "t",
        "Settings/Max visits": "3",
        "Before › Event/plan": "pro",
        "Before › Event/paid": "Yes",
        "Before › Event/status": "open",
        "Before › Event/since": "2026-11-28T09:00:00Z",
        "Variables": "–",
    }
    since = row.rows[1].rows[3]
    assert since.kind == "moment" and since.at is not None and since.at.isoformat() == "2026-11-28T09:00:00+00:00"
    assert row.rows[1].name == "previous.event" and row.rows[1].rows[0].name == ""


def test_steps_have_their_titles_and_the_reader_their_language() -> None:
    value = {"previous": {"nodeId": "ask", "output": {"status": "sent", "hasOpened": False, "body": {"status": 7}}}}
    with steps_called({"ask": "Ask the shop"}), using("de"):
        shown = flat(value_rows(value))
    assert shown == {
        "Vorher/Schritt": "Ask the shop",
        "Vorher/Ausgabe/Status": "sent",
        "Vorher/Ausgabe/Geöffnet": "Nein",
        "Vorher/Ausgabe/Inhalt/status": "7",
    }
    assert flat(value_rows({"nodeId": "ask"}, data=True)) == {"nodeId": "ask"}


@pytest.mark.parametrize(
    "text",
    ["2026-11-28", "2026-11-28T09:00:00", "2026-13-28T09:00:00Z", "09:00Z", "20261128", "2026-11-28T09:00:00Z and on"],
)
def test_what_is_no_moment_stays_text(text: str) -> None:
    [row] = value_rows({"x": text}).rows
    assert (row.kind, row.text, row.at) == ("text", text, None)


def test_long_things_are_cut_and_say_how_much_is_left_out() -> None:
    value = {
        "tags": [f"t{n}" for n in range(30)],
        "lines": [{"sku": n} for n in range(14)],
        "text": "x" * 1000,
        "many": {f"k{n}": n for n in range(100)},
        "deep": json.loads('{"a":{"b":1,"c":2},"z":0}'),
    }
    tags, lines, text, many, deep = value_rows(value).rows
    assert (len(tags.parts), tags.more) == (MOST_ITEMS, 18)
    assert [one.label for one in lines.rows][:2] == ["1", "2"] and (len(lines.rows), lines.more) == (MOST_ITEMS, 2)
    assert len(text.text) == LONGEST + 1 and text.text.endswith("…")
    assert (len(many.rows), many.more) == (MOST_ROWS, 60)
    assert flat(deep) == {"a/b": "1", "a/c": "2", "z": "0"}


def depth(row: ValueRow) -> int:
    return 1 + max(map(depth, row.rows), default=0)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=30,
)


@given(JSON, st.booleans())
def test_any_value_becomes_rows(value: Any, data: bool) -> None:
    row = value_rows(value, "send_email", data=data)
    assert depth(row) <= DEEPEST + 1
    assert row.kind == "rows" or not row.rows


def test_rows_of_the_workspace_are_called_by_their_names() -> None:
    template, gone, other = (str(UUID(int=number)) for number in (1, 2, 3))
    called = called_rows(
        {"template": [UUID(template)], "segment": [UUID(gone)]}, {"template": {UUID(template): "Hello"}}
    )
    value = {
        "config": {
            "templateId": template,
            "connectorId": other,
            "audience": {"segmentId": gone, "all": [template, "x"]},
        },
        "previous": {"output": {"segmentId": gone}},
    }
    row = value_rows(value, "send_email", called=called)
    assert flat(row) == {
        "Settings/Template": "Hello",
        "Settings/Connector": other,
        "Settings/Audience/segmentId": "a segment that is gone",
        "Settings/Audience/all": "Hello, x",
        "Before › Output/segmentId": "a segment that is gone",
    }
    settings = row.rows[0]
    assert [one.id for one in settings.rows] == ["", "", ""] and settings.rows[2].rows[0].id == gone
    assert flat(value_rows({"templateId": template})) == {"templateId": template}, "nobody knows what it is called"
