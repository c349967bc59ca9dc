"""What kind of value a field holds, judged by what was met."""

from __future__ import annotations

from typing import Any

import pytest

from app.flow.operators import KINDS
from app.values.field_kinds import CONTACT_KINDS, kind_of


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None, False], "boolean"), ([1, 2.5, ""], "number"), ([["a"], []], "list"), (["2026-01-01", "2026-01-01T09:00Z"], "date"),
        (["pro", "free"], "text"), (["pro", 1], ""), (["10115", "80331"], ""), ([1764000000], ""), (["yes", "no"], ""), ([{"a": 1}], ""),
        ([], ""), (["pro", "10115"], ""), (["May 5"], "text"),
        (["--05-17", "--0517"], "date"), (["05-17"], ""), (["--02-30"], "text"), (["--05-17", "1990-05-17"], "date"),
    ],
)  # fmt: skip
def test_a_kind_is_named_when_all_values_agree(values: list[Any], kind: str) -> None:
    assert kind_of(values) == kind
    assert set(CONTACT_KINDS.values()) <= KINDS
