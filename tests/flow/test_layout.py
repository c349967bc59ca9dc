"""Places for cards that nobody has placed: the same each time, none over another, and nothing moves that has a place."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flow import layout
from app.flow.document import UNPLACED, Edge, Flow, Node, Note, Position, Trigger
from app.flow.layout import APART, ROW, placed


def flow_of(count: int, ways: list[tuple[int, int]], **places: Position) -> Flow:
    """Steps n0 … with a trigger before the first; ways lead from one to another."""
    nodes = [Node(id=f"n{number}", type="end", position=places.get(f"n{number}", UNPLACED)) for number in range(count)]
    edges = [Edge(source="trigger", target="n0")] if count else []
    edges += [
        msgspec.convert({"source": f"n{a}", "target": f"n{b}", "sourceHandle": f"p{index}"}, Edge)
        for index, (a, b) in enumerate(ways)
    ]
    trigger = Trigger(position=places.get("trigger", UNPLACED))
    return Flow(triggers=(trigger,), nodes=tuple(nodes), edges=tuple(edges)).normal()


def at(flow: Flow) -> dict[str, tuple[float, float]]:
    return {card.id: (card.position.x, card.position.y) for card in flow.cards}


def covering(flow: Flow) -> list[tuple[str, str]]:
    cards = list(at(flow).items())
    return [
        (a, b)
        for index, (a, one) in enumerate(cards)
        for b, other in cards[index + 1 :]
        if abs(one[0] - other[0]) < layout.CARD and abs(one[1] - other[1]) < layout.CARD_ROW
    ]


def test_a_line_goes_down() -> None:
    assert at(placed(flow_of(3, [(0, 1), (1, 2)]))) == {
        "trigger": (0, 0), "n0": (0, ROW), "n1": (0, 2 * ROW), "n2": (0, 3 * ROW),
    }  # fmt: skip


def test_arms_stand_side_by_side_in_the_order_of_their_ports_and_meet_in_the_middle() -> None:
    places = at(placed(flow_of(5, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])))
    assert [places[name] for name in ("n1", "n2", "n3")] == [(-APART, 2 * ROW), (0, 2 * ROW), (APART, 2 * ROW)]
    assert places["n4"] == (0, 3 * ROW) and places["n0"] == (0, ROW)


def test_yes_stands_left_of_no_however_the_document_lists_its_edges() -> None:
    nodes = (Node(id="ask", type="condition"), Node(id="yes", type="end"), Node(id="no", type="end"))
    ways = [("trigger", "ask", "next"), ("ask", "no", "false"), ("ask", "yes", "true")]
    edges = tuple(msgspec.convert({"source": a, "target": b, "sourceHandle": port}, Edge) for a, b, port in ways)
    places = at(placed(Flow(triggers=(Trigger(),), nodes=nodes, edges=edges).normal()))
    assert places["yes"][0] < places["ask"][0] < places["no"][0]


def test_what_has_a_place_keeps_it_and_the_others_stand_beside_it() -> None:
    flow = placed(flow_of(3, [(0, 1), (0, 2)], trigger=Position(x=1_000, y=40), n0=Position(x=1_000, y=208)))
    places = at(flow)
    assert (places["trigger"], places["n0"]) == ((1_000, 40), (1_000, 208))
    assert {places["n1"][1], places["n2"][1]} == {208 + ROW} and covering(flow) == []
    assert placed(flow) is flow, "nothing is left to place"


def test_the_origin_is_a_place_when_somebody_says_so() -> None:
    flow = placed(flow_of(2, [(0, 1)], n1=Position(x=0, y=0)))
    assert at(flow)["n1"] == (0, 0) and covering(flow) == []


def test_who_replaces_steps_without_places_leaves_those_that_were_there() -> None:
    before = {"n0": Position(x=80, y=800), "n1": Position(x=160, y=1_600)}
    places = at(placed(flow_of(3, [(0, 1), (1, 2)]), before))
    assert (places["n0"], places["n1"]) == ((80, 800), (160, 1_600)) and places["n2"] == (160, 1_600 + ROW)


def test_notes_without_a_place_stand_to_the_right() -> None:
    flow = flow_of(1, [])
    noted = placed(Flow(triggers=flow.triggers, nodes=flow.nodes, edges=flow.edges, notes=(Note(id="x"), Note(id="y"))))
    assert [(note.position.x, note.position.y) for note in noted.notes] == [(APART, 0), (APART, ROW)]


WAYS = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40)
SPOTS = st.dictionaries(
    st.sampled_from([f"n{number}" for number in range(15)]),
    st.builds(Position, x=st.integers(-40, 40).map(lambda n: 280 * n), y=st.integers(-20, 20).map(lambda n: 168 * n)),
    max_size=15,
)


@given(WAYS, SPOTS)
def test_any_flow_is_drawn_without_one_card_over_another(
    ways: list[tuple[int, int]], spots: dict[str, Position]
) -> None:
    flow = flow_of(15, ways, **spots)
    drawn = placed(flow)
    assert at(drawn) == at(placed(flow)), "the same each time"
    places = at(drawn)
    assert all(places[name] == (spot.x, spot.y) for name, spot in spots.items())
    assert all(x % layout.GRID == 0 and y % layout.GRID == 0 for x, y in places.values())
    of_their_own = {frozenset(pair) for pair in covering(drawn)}
    assert all(pair <= set(spots) for pair in of_their_own), of_their_own


def test_work_grows_with_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the lines that run, not by the clock: ten times the steps are some twelve times the work."""
    import sys

    def lines(size: int) -> int:
        chance = random.Random(3)
        flow = flow_of(size, [(max(0, number - chance.randint(1, 5)), number) for number in range(1, size)])
        count = 0

        def tracing(frame: Any, what: str, _: Any) -> Any:
            nonlocal count
            count += what == "line"
            return tracing if frame.f_code.co_filename == layout.__file__ else None

        sys.settrace(tracing)
        try:
            placed(flow)
        finally:
            sys.settrace(None)
        return count

    assert lines(2_000) < 13 * lines(200)
