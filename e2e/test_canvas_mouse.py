"""Drawing with the mouse: bring in, connect, insert, move, select, delete, undo."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, create_small, edge, node


@pytest.fixture
def canvas(page: Page, product: Product) -> Builder:
    return Builder(page).open(create_small(product))


def test_a_flow_is_begun_on_an_empty_canvas(page: Page, product: Product) -> None:
    workflow = create(product, "Begun")
    canvas = Builder(page).open(workflow)
    expect(page.get_by_role("heading", name="What should start this workflow?")).to_be_visible()
    page.get_by_role("button", name="Contact created").click()
    expect(canvas.card("trigger")).to_contain_text("Contact created")
    canvas.drag_in("send_email", canvas.centre(canvas.plus("trigger")))
    mail = canvas.the("send_email")
    assert canvas.ways() == {("trigger", "next", mail)}
    canvas.entry("delay").click()
    wait = canvas.the("delay")
    assert (mail, "next", wait) in canvas.ways(), "a click adds behind the selected step"
    canvas.plus(wait).click()
    canvas.choose("cond")
    ask = canvas.the("condition")
    canvas.plus(ask, "true").click()
    canvas.choose("add tag")
    assert (wait, "next", ask) in canvas.ways() and (ask, "true", canvas.the("add_tag")) in canvas.ways()
    canvas.wait_saved()
    stored = canvas.stored(product, workflow)
    assert {way["source"] for way in stored["edges"]} == {"trigger", mail, wait, ask}
    assert stored["trigger"]["event"] == "contact.created"
    page.reload()
    expect(canvas.card(wait)).to_contain_text("Wait 1 day")


def test_a_whole_flow_to_begin_with_can_be_undone(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create(product, "Begun with a flow"))
    page.get_by_role("button", name="Welcome").click()
    assert sorted(canvas.types()) == ["add_tag", "condition", "delay", "send_email", "send_email"]
    canvas.wait_saved()
    page.get_by_role("button", name="Undo").click()
    assert canvas.types() == []
    expect(page.get_by_role("heading", name="What should start this workflow?")).to_be_visible()


@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.5])
def test_a_step_dropped_on_a_connection_is_inserted_at_any_zoom(canvas: Builder, zoom: float) -> None:
    canvas.show("wait")
    canvas.zoom_to(zoom)
    canvas.drag_in("send_email", canvas.middle_of_edge("e-wait-next"))
    mail = canvas.the("send_email")
    assert {("wait", "next", mail), (mail, "next", "ask")} <= canvas.ways()
    assert ("wait", "next", "ask") not in canvas.ways()
    assert canvas.position("ask")[1] == 504, "what comes behind makes room"
    canvas.expect_at("wait", 400, 168)  # what stands before stays


def test_the_plus_on_a_connection_inserts(canvas: Builder) -> None:
    canvas.page.mouse.move(*canvas.middle_of_edge("e-trigger-next"))
    canvas.page.locator(".ins").click()
    canvas.choose("remove")
    tag = canvas.the("remove_tag")
    assert {("trigger", "next", tag), (tag, "next", "wait")} <= canvas.ways()


def test_an_end_is_not_offered_between_two_steps(canvas: Builder) -> None:
    canvas.page.mouse.move(*canvas.middle_of_edge("e-wait-next"))
    canvas.page.locator(".ins").click()
    expect(canvas.page.get_by_role("option", name="Email", exact=True)).to_be_visible()
    expect(canvas.page.get_by_role("option", name="End", exact=True)).to_have_count(0)


def test_ports_are_connected_by_dragging_and_by_two_clicks(page: Page, product: Product) -> None:
    canvas = Builder(page).open(
        create(
            product,
            "Ports",
            trigger={"type": "event", "event": "x", "position": {"x": 0, "y": 0}},
            nodes=[node("a", "delay", 0, 200, duration=1), node("b", "add_tag", 320, 200, tag="t")],
            edges=[],
        )
    )
    canvas.connect("trigger", "next", "a")
    assert canvas.ways() == {("trigger", "next", "a")}
    canvas.port("a").click()
    expect(canvas.step("b")).to_have_class(re.compile(r"\bpossible\b"))
    canvas.card("b").click()
    assert canvas.ways() == {("trigger", "next", "a"), ("a", "next", "b")}
    canvas.connect("trigger", "next", "b")
    assert canvas.ways() == {("trigger", "next", "b"), ("a", "next", "b")}, (
        "a way out leads to one place: it was turned"
    )
    canvas.connect("b", "next", "a")
    assert ("b", "next", "a") in canvas.ways(), "a way may lead back"


def test_a_line_dropped_on_the_ground_asks_what_should_come(canvas: Builder) -> None:
    x, y = canvas.centre(canvas.port("good"))
    canvas.drag((x, y), (x - 120, y + 90))
    canvas.choose("end")
    assert ("good", "next", canvas.the("end")) in canvas.ways()


def test_escape_takes_a_gesture_back(canvas: Builder) -> None:
    page = canvas.page
    x, y = canvas.centre(canvas.card("good"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 200, y + 50, steps=5)
    page.keyboard.press("Escape")
    page.mouse.up()
    canvas.expect_at("good", 264, 504)
    canvas.port("good").click()
    page.keyboard.press("Escape")
    expect(page.locator("flow-canvas.linking")).to_have_count(0)


def test_a_step_is_moved_and_snaps(canvas: Builder) -> None:
    x, y = canvas.centre(canvas.card("bad"))
    canvas.drag((x, y), (x + 101, y + 37))
    x2, y2 = canvas.position("bad")
    assert (x2, y2) != (544, 504) and x2 % 8 == 0 and y2 % 8 == 0
    canvas.page.get_by_role("button", name="Undo").click()
    canvas.expect_at("bad", 544, 504)


def test_steps_are_selected_by_marquee_and_shift_and_moved_together(canvas: Builder) -> None:
    left, top = canvas.centre(canvas.card("good"))
    right, bottom = canvas.centre(canvas.card("bad"))
    canvas.drag((left - 160, top - 45), (right + 20, bottom + 20))
    expect(canvas.selected).to_have_count(2)
    canvas.card("wait").click(modifiers=["Shift"])
    expect(canvas.selected).to_have_count(3)
    before = canvas.position("wait")
    x, y = canvas.centre(canvas.card("good"))
    canvas.drag((x, y), (x, y + 80))
    assert canvas.position("wait")[1] > before[1] and canvas.position("bad")[1] > 504
    canvas.expect_at("ask", 400, 336)


def test_a_deleted_step_leaves_a_healed_path_and_a_branch_asks(canvas: Builder) -> None:
    page = canvas.page
    canvas.card("wait").click()
    page.keyboard.press("Delete")
    assert ("trigger", "next", "ask") in canvas.ways()
    canvas.card("ask").click()
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name="Which path should stay?")
    dialog.get_by_text("Keep “No”").click()
    dialog.get_by_role("button", name="Delete step").click()
    assert canvas.ways() == {("trigger", "next", "bad")}
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
    assert canvas.ways() == {
        ("trigger", "next", "wait"),
        ("wait", "next", "ask"),
        ("ask", "true", "good"),
        ("ask", "false", "bad"),
    }


def test_steps_are_copied_to_another_workflow(
    canvas: Builder, product: Product, open_page: Callable[..., Page]
) -> None:
    page = canvas.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    canvas.card("ask").click()
    canvas.card("good").click(modifiers=["Shift"])
    page.keyboard.press("Control+c")
    canvas.open(create(product, "Target", trigger={"type": "event", "event": "x"}))
    canvas.surface.click(position={"x": 40, "y": 500})
    page.keyboard.press("Control+v")
    assert sorted(canvas.types()) == ["add_tag", "condition"]
    [(source, port, _)] = canvas.ways()
    assert source == canvas.the("condition") and port == "true"
    page.keyboard.press("Control+d")
    assert len(canvas.types()) == 4


def test_undo_reaches_into_forms(canvas: Builder, product: Product) -> None:
    page = canvas.page
    form = canvas.open_form("wait")
    form.get_by_label("Wait").fill("3")
    expect(canvas.card("wait")).to_contain_text("Wait 3 days")
    canvas.panel.get_by_label("Name of the step").fill("Think it over")
    expect(canvas.card("wait")).to_contain_text("Think it over")
    canvas.surface.focus()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    canvas.wait_saved()
    expect(canvas.card("wait")).to_contain_text("Wait 1 day")
    expect(canvas.panel.get_by_label("Wait")).to_have_value("1")
    page.get_by_role("button", name="Redo").click()
    expect(canvas.card("wait")).to_contain_text("Wait 3 days")


def test_notes_are_written_moved_and_removed(canvas: Builder) -> None:
    page = canvas.page
    page.get_by_role("button", name="Add a note").click()
    page.keyboard.type("Rosa looks on Friday")
    canvas.surface.click(position={"x": 30, "y": 30})
    canvas.wait_saved()
    [note] = canvas.graph()["notes"]
    assert note["text"] == "Rosa looks on Friday"
    page.locator(".note").click(position={"x": 3, "y": 3})
    page.keyboard.press("Delete")
    assert canvas.graph()["notes"] == []


def test_tidying_up_is_one_change(page: Page, product: Product) -> None:
    steps = [node(f"s{i}", "add_tag", (i * 173) % 700, (i * 311) % 900, tag="t") for i in range(6)]
    ways = [edge("trigger", "s0"), *(edge(f"s{i}", f"s{i + 1}") for i in range(5))]
    canvas = Builder(page).open(
        create(product, "Untidy", trigger={"type": "event", "event": "x"}, nodes=steps, edges=ways)
    )
    page.get_by_role("button", name="Tidy up").click()
    expect(canvas.said).to_have_text("Tidied up")
    places = [canvas.position(f"s{i}") for i in range(6)]
    assert len({x for x, _ in places}) == 1 and [y for _, y in places] == sorted(y for _, y in places)
    page.get_by_role("button", name="Undo").click()
    assert canvas.position("s3") == (steps[3]["position"]["x"], steps[3]["position"]["y"])


def test_the_wheel_pans_and_zooms_where_the_pointer_is(canvas: Builder) -> None:
    page = canvas.page
    x, y = canvas.centre(canvas.card("ask"))
    page.mouse.move(x, y)
    page.mouse.wheel(0, 50)
    expect(canvas.card("ask")).to_be_visible()
    x2, y2 = canvas.centre(canvas.card("ask"))
    assert (round(x2 - x), round(y2 - y)) == (0, -50)
    page.keyboard.down("Control")
    page.mouse.move(x2, y2)
    page.mouse.wheel(0, -40)
    page.keyboard.up("Control")
    x3, y3 = canvas.centre(canvas.card("ask"))
    assert abs(x3 - x2) < 1 and abs(y3 - y2) < 1, "what is under the pointer stays there"
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Fit to view").click()
    expect(canvas.card("good")).to_be_in_viewport()


def test_a_step_can_have_a_path_for_failures(canvas: Builder) -> None:
    form = canvas.open_form("good")
    form.get_by_text("If this step fails").click()
    form.get_by_role("button", name="Add a path for failures").click()
    canvas.choose("end")
    end = canvas.the("end")
    assert ("good", "error", end) in canvas.ways()
    expect(canvas.port("good", "error")).to_be_visible()
    canvas.wait_saved()
    canvas.card(end).click()
    canvas.page.keyboard.press("Delete")
    assert ("good", "error", end) not in canvas.ways()


def test_the_trigger_changes_its_kind(canvas: Builder) -> None:
    canvas.open_form("trigger")
    canvas.panel.get_by_text("Started manually").click()
    expect(canvas.card("trigger")).to_contain_text("By a person or a program")
    expect(canvas.panel.locator("form[data-about=trigger]")).not_to_contain_text("The name your site or app sends")
    canvas.panel.get_by_text("An event occurs").click()
    expect(canvas.panel.get_by_label("Event", exact=True)).to_have_value("signed_up")


def test_the_workflow_is_renamed_in_place(canvas: Builder) -> None:
    name = canvas.page.get_by_role("textbox", name="Name of the workflow")
    name.fill("Sign-up series")
    canvas.page.keyboard.press("Enter")
    canvas.wait_saved()
    canvas.page.reload()
    expect(canvas.page.locator("h1")).to_have_text("Sign-up series")


def test_a_connection_is_selected_and_deleted(canvas: Builder) -> None:
    page = canvas.page
    x, y = canvas.middle_of_edge("e-trigger-next")
    page.mouse.click(x, y + 25)
    expect(page.locator(".e.sel")).to_have_count(1)
    page.keyboard.press("Delete")
    assert ("trigger", "next", "wait") not in canvas.ways()
    expect(canvas.said).to_have_text("Deleted the connection")


def test_a_double_click_on_the_name_renames(canvas: Builder) -> None:
    canvas.card("good").locator(".ti").dblclick()
    name = canvas.page.get_by_role("textbox", name="Name of the step").first
    expect(name).to_be_focused()
    canvas.page.keyboard.press("Control+a")
    canvas.page.keyboard.type("Mark as good")
    canvas.page.keyboard.press("Enter")
    expect(canvas.card("good")).to_contain_text("Mark as good")
    canvas.wait_saved()


def test_the_space_bar_and_the_middle_button_pan(canvas: Builder) -> None:
    page = canvas.page
    canvas.surface.click(position={"x": 30, "y": 30})
    x, y = canvas.centre(canvas.card("ask"))
    page.keyboard.down("Space")
    canvas.drag((300, 300), (340, 330))
    page.keyboard.up("Space")
    x2, y2 = canvas.centre(canvas.card("ask"))
    assert (round(x2 - x), round(y2 - y)) == (40, 30)
    page.mouse.move(300, 300)
    page.mouse.down(button="middle")
    page.mouse.move(280, 290, steps=3)
    page.mouse.up(button="middle")
    x3, y3 = canvas.centre(canvas.card("ask"))
    assert (round(x3 - x2), round(y3 - y2)) == (-20, -10)


def test_a_finger_brings_a_step_in(product: Product, open_page: Callable[..., Page]) -> None:
    """Touch has no HTML drag and drop: the palette works with pointer events."""
    page = open_page(width=1024, height=768)
    canvas = Builder(page).open(create_small(product, "Touch"))
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": 0} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def swipe(start: tuple[float, float], end: tuple[float, float]) -> None:
        touch("touchStart", start)
        for share in (0.1, 0.3, 0.6, 0.9, 1.0):
            touch("touchMove", (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share))
        touch("touchEnd")

    place = canvas.centre(canvas.plus("bad"))
    swipe(canvas.centre(page.locator(".pal footer")), place)  # beside the list: the browser would go back a page
    assert len(canvas.types()) == 4
    canvas.entry("add_tag").scroll_into_view_if_needed()
    swipe(canvas.centre(canvas.entry("add_tag")), place)
    assert len(canvas.types()) == 5
    assert any(source == "bad" for source, _, _ in canvas.ways())
