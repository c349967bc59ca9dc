"""What steps change on contacts, as it is stored: exactly what later steps of the same batch saw, in few statements for everybody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine import rows
from app.engine.changes import contact_updates
from app.engine.state import ContactState
from app.flow.effects import AddTag, ContactChange, Increment, RemoveTag, SetFields
from app.values.increments import NotCountable, added
from tests.fixtures.world import World, flow, node

numbers = (
    st.integers(-(10**18), 10**18)
    | st.floats(-1e12, 1e12, allow_nan=False, allow_subnormal=False).map(lambda value: round(value, 6))
    | st.sampled_from([0.1, 0.2, 0.3, 1e16, 1e15, 0.30000000000000004, 123456789012345678])
)


class _Run:
    """Who changed a contact."""

    def __init__(self, tenant_id: int) -> None:
        self.flow = self
        self.tenant_id = tenant_id


class _Batch:
    def __init__(self, contacts: dict[bytes, ContactState]) -> None:
        self.now, self.contacts = 0, contacts


def changed(world: World, stored: dict[str, Any] | str, lists: list[list[ContactChange]]) -> list[tuple[Any, Any]]:
    """(as steps see it, as it is stored) of contacts that hold `stored` and are changed so, in one batch."""
    text = rows.encode(stored).decode() if isinstance(stored, dict) else stored
    people = world.contacts(len(lists))
    world.db.execute("update contacts set attributes = %s::jsonb where id = any(%s)", (text, people))
    states = {}
    for person, changes in zip(people, lists, strict=True):
        state = ContactState(person.bytes, ("attributes", "tags"), (text.encode(), []))
        state.changes, state.changed_by = changes, _Run(world.tenant)  # type: ignore[assignment]
        states[person.bytes] = state
    with world.engine.connection.transaction():
        cursor = world.engine.connection.cursor(binary=True)
        for sql, arguments in contact_updates(_Batch(states)):  # type: ignore[arg-type]
            cursor.execute(sql, arguments)
    seen = []
    for person in people:
        raw = world.one("select attributes::text from contacts where id = %s", person)
        seen.append((states[person.bytes].attributes, rows.decode_exactly(raw)))
    return seen


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    start=st.none() | numbers,
    amounts=st.lists(numbers, min_size=1, max_size=5),
    put=st.none() | numbers,
    many=st.booleans(),
)
def test_a_sum_is_stored_as_steps_see_it(
    world: World, start: float | None, amounts: list[float], put: float | None, many: bool
) -> None:
    """One way of writing and the other: the same for all, and another for each of more than a handful."""
    changes: list[ContactChange] = [Increment("n", by) for by in amounts]
    if put is not None:
        changes.insert(len(changes) // 2, SetFields({"n": put}))
    total: Any = start
    for change in changes:
        try:
            total = added(total, change.by) if isinstance(change, Increment) else put
        except NotCountable:  # such a step fails before it changes anything
            return
    stored = {} if start is None else {"n": start}
    shapes: list[list[ContactChange]] = [[Increment(f"own{number}", 1), AddTag("t")] for number in range(10)]
    lists = [[*changes, *more] for more in (shapes if many else shapes[:1])]
    for seen, in_table in changed(world, stored, lists):
        assert seen == in_table and seen["n"] == total


def test_what_a_float_would_round_is_counted_to_the_last_digit(world: World) -> None:
    """Money of many digits, and a stored number that no float holds; a tenth ten times beside a large number."""
    tenths: list[ContactChange] = [Increment("n", 0.1) for _ in range(10)]
    cases = [("10000000000000000.5", "10000000000000001.5"), ("0.12345678901234567890", "1.12345678901234567890")]
    for before, after in cases:
        [(seen, in_table)] = changed(world, f'{{"n": {before}}}', [tenths])
        assert seen == in_table == {"n": Decimal(after)}


@pytest.mark.parametrize(
    "amounts",
    [[123_452_789_012_335_438, 10240.0, 3_999_999_999_812], [1.2345678901234549e17], [-(2.0**60), -0.25, 0.25]],
)
def test_a_large_whole_sum_is_read_back_as_it_was_counted(world: World, amounts: list[float]) -> None:
    [(seen, in_table)] = changed(world, {}, [[Increment("n", by) for by in amounts]])
    assert seen == in_table


def test_what_lies_too_far_apart_fails_in_words() -> None:
    with pytest.raises(NotCountable, match="more than 40 digits"):
        added(1e300, 1.5)
    assert added(1e22, 0.5) == Decimal("10000000000000000000000.5")


def test_people_who_each_get_something_else_are_written_by_one_statement(world: World) -> None:
    """Fields, tags, sums, lists and removals that differ from person to person: no statement for each."""
    nodes = [
        node("tag", "add_tag", tag="{{ event.word }}"),
        node("drop", "remove_tag", tag="old{{ event.n }}"),
        node(
            "update",
            "update_contact",
            set={"phone": "{{ event.phone }}", "source": "{{ event.word }}", "last": "{{ event.n }}"},
            increment={"spent": "{{ event.amount }}", "visits": 1},
            append={"words": "{{ event.word }}", "all": "{{ event.list }}"},
            unset=["trial", "locale"],
        ),
    ]
    world.workflow(flow("go", nodes, ("trigger", "tag"), ("tag", "drop"), ("drop", "update")))
    people = world.contacts(40, attributes={"spent": 0.1, "trial": True, "words": ["first"]}, locale="de")
    for number, person in enumerate(people):
        world.db.execute("update contacts set tags = %s where id = %s", ([f"old{number}", "kept"], person))
        event = {"word": f"w{number}", "n": number, "phone": f"+4915112345{number:03}", "amount": 0.2, "list": [1, 2]}
        world.put("go", [person], event)
    world.db.execute(
        "insert into contact_tags select tenant_id, tag, created_at, id from contacts, unnest(tags) as tag"
    )
    statements: list[str] = []
    updates = contact_updates

    def noted(batch: Any) -> Any:
        for sql, arguments in updates(batch):
            statements.append(sql)
            yield sql, arguments

    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr("app.engine.write.contact_updates", noted)
        world.engine.advance()
    assert len(statements) == 1
    for number, person in enumerate(people):
        row = world.db.execute(
            "select attributes, tags, phone, source, locale from contacts where id = %s", (person,)
        ).fetchone()
        assert row is not None
        attributes = {
            "spent": 0.3, "visits": 1, "last": number, "words": ["first", f"w{number}"], "all": [1, 2],
        }  # fmt: skip
        assert row == (attributes, ["kept", f"w{number}"], f"+4915112345{number:03}", f"w{number}", None)
    world.balanced()


def test_removed_and_added_again(world: World) -> None:
    """What one step removes another may set; tags that come and go leave no row."""
    lists: list[list[ContactChange]] = [
        [SetFields({"a": None}), SetFields({"a": number}), SetFields({"b": None}), RemoveTag("x"), AddTag(f"t{number}")]
        for number in range(12)
    ]
    for number, (seen, in_table) in enumerate(changed(world, {"a": 1, "b": 2, "c": 3}, lists)):
        assert seen == in_table == {"a": number, "c": 3}
    assert world.one("select count(*) from contact_tags") == 12
