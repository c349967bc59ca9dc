"""The merge rule on arbitrary data: what it says changed is exactly what differs."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.contacts.fields import ContactPatch
from app.contacts.merging import ContactFields, merge
from app.lib.ids import uuid7
from app.values.contact_diff import same_value
from app.values.contact_fields import TEXTS

calmly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.sampled_from(["a", "b", "c", "plan"])
TAGS = st.lists(st.sampled_from(["x", "y", "z"]), unique=True).map(tuple)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text(max_size=2)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
TEXT = st.none() | st.sampled_from(["one", "two"])
STATES = st.builds(
    ContactFields,
    id=st.just(uuid7()),
    **dict.fromkeys(TEXTS, TEXT),
    attributes=st.dictionaries(KEYS, VALUES),
    tags=TAGS,
    consent=st.dictionaries(KEYS, st.booleans()),
)
CHANGES = st.builds(
    ContactPatch,
    texts=st.dictionaries(st.sampled_from(TEXTS), TEXT),
    attributes=st.dictionaries(KEYS, st.none() | VALUES),
    consent=st.dictionaries(KEYS, st.none() | st.booleans()),
    replace_tags=st.none() | TAGS,
    add_tags=TAGS,
    remove_tags=TAGS,
)


@calmly
@given(STATES, CHANGES)
def test_a_second_merge_changes_nothing(state: ContactFields, change: ContactPatch) -> None:
    once = merge(state, change)
    again = merge(once.state, change)
    assert again.changed == () and again.current == again.previous == {}


@calmly
@given(STATES, CHANGES)
def test_changed_is_exactly_what_differs(state: ContactFields, change: ContactPatch) -> None:
    merged = merge(state, change)
    differs = {
        group
        for group in ("attributes", "consent")
        if not same_value(dict(getattr(state, group)), dict(getattr(merged.state, group)))
    }
    assert {path.partition(".")[0] for path in merged.changed if "." in path} == differs
    assert ("tags" in merged.changed) == (set(state.tags) != set(merged.state.tags))
    rebuilt: dict[str, Any] = {**state.attributes, **merged.current.get("attributes", {})}
    assert same_value({k: v for k, v in rebuilt.items() if v is not None}, dict(merged.state.attributes))


@calmly
@given(STATES, CHANGES)
def test_what_is_not_named_stays(state: ContactFields, change: ContactPatch) -> None:
    merged = merge(state, change).state
    for name in TEXTS:
        assert getattr(merged, name) == change.texts.get(name, getattr(state, name))
    for key, value in state.attributes.items():
        if key not in change.attributes:
            assert same_value(merged.attributes[key], value)
    assert not set(merged.tags) & set(change.remove_tags)
    assert set(change.add_tags) - set(change.remove_tags) <= set(merged.tags)
    assert None not in merged.attributes.values() and None not in merged.consent.values()


@calmly
@given(VALUES, VALUES)
def test_same_is_symmetric_and_reflexive(one: Any, other: Any) -> None:
    assert same_value(one, one) and same_value(one, other) == same_value(other, one)


def test_one_is_not_true() -> None:
    assert same_value(1, 1.0) and not same_value(1, True) and not same_value([0], [False])
    assert same_value({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}) and not same_value({"a": 1}, {"a": 1, "b": 2})
