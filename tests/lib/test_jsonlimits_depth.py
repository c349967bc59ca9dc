"""How deep JSON nests is counted in one way, for bodies of requests and for what is stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.jsonlimits import Unstorable, encode, storable, structure_of

VALUES = st.recursive(
    st.none() | st.text(alphabet='[]{}:"\\a') | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[{:"\\'), inner, max_size=3),
    max_leaves=15,
)


def depth_of(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth_of, children), default=0)


@given(VALUES)
def test_the_text_says_how_deep_the_value_is(value: Any) -> None:
    assert structure_of(encode(value), 64)[0] == depth_of(value)


@pytest.mark.parametrize("texts", [[], ["[[[[[[[[[[[["], ['"}{"', "{" * 40]])
def test_brackets_inside_texts_do_not_count(texts: list[str]) -> None:
    inside: Any = texts
    for _ in range(9):
        inside = {"a": inside}
    assert storable(inside)
    with pytest.raises(Unstorable, match="more than 10 levels"):
        storable([inside])
