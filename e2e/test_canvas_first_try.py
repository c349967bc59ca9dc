"""What people try first on the canvas and in its forms does what it looks like: one press, one key, no detour."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, create_small, edge, node

ASKED = [{"field": "contact.attributes.plan", "operator": "equals", "value": "pro"}]
TRIGGER = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
FOCUS = "(document.activeElement.closest('.note, .node') ?? document.activeElement).className || document.activeElement.localName"
OVERLAP = """([one, other]) => { const [a, b] = [one, other].map((it) => it.getBoundingClientRect());
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom }"""


@pytest.fixture
def canvas(page: Page, product: Product) -> Builder:
    return Builder(page).open(create_small(product))


@pytest.fixture
def asking(page: Page, product: Product) -> Builder:
    nodes = [node("ask", "condition", 400, 168, conditions=ASKED), node("end", "end", 200, 360)]
    ways = [edge("trigger", "ask"), edge("ask", "end", "true")]
    return Builder(page).open(create(product, "Asked", trigger=TRIGGER, nodes=nodes, edges=ways))


def _conditions(canvas: Builder, step: str = "ask") -> list[dict[str, object]]:
    [data] = [one["data"] for one in canvas.graph()["nodes"] if one["id"] == step]
    found: list[dict[str, object]] = data.get("conditions") or []
    return found


def _paste(canvas: Builder, text: str) -> None:
    canvas.surface.focus()
    canvas.page.evaluate(
        """text => { const data = new DataTransfer(); data.setData('text/plain', text);
          document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })) }""",
        text,
    )


def _overlap(canvas: Builder, one: Locator, other: Locator) -> bool:
    return bool(canvas.page.evaluate(OVERLAP, [one.element_handle(), other.element_handle()]))


@pytest.mark.parametrize("key", ["Enter", "Tab"])
def test_a_field_is_chosen_by_the_beginning_of_its_name(asking: Builder, key: str) -> None:
    """And nothing is saved of it while it is looked for."""
    asking.open_form("ask")
    field = asking.panel.locator(".cond").get_by_label("Field")
    field.press("Control+a")
    asking.page.keyboard.type("creat", delay=20)
    expect(asking.page.get_by_role("option", name="created at")).to_have_attribute("aria-selected", "true")
    asking.page.wait_for_timeout(600)  # longer than what is typed waits before it is saved
    assert _conditions(asking) == ASKED
    asking.press(key)
    expect(field).to_have_value("contact.created_at")
    expect(asking.panel.get_by_label("Comparison").locator("option", has_text="is before")).to_have_count(1)
    asking.wait_saved()
    assert _conditions(asking)[0]["field"] == "contact.created_at"


def test_a_whole_path_stays_as_it_is_typed(asking: Builder) -> None:
    asking.open_form("ask")
    field = asking.panel.locator(".cond").get_by_label("Field")
    for typed in ("contact.created", "event.anything"):
        field.fill(typed)
        asking.press("Tab")
        expect(field).to_have_value(typed)
    field.fill("creat")
    asking.press("Escape")
    expect(asking.page.locator(".picker:popover-open")).to_have_count(0)
    asking.press("Tab")
    expect(field).to_have_value("creat")


def test_escape_in_a_value_comes_to_the_card_at_once(asking: Builder) -> None:
    asking.open_form("ask")
    asking.panel.get_by_label("Value", exact=True).focus()
    asking.press("Escape")
    expect(asking.card("ask")).to_be_focused()
    expect(asking.panel).to_be_hidden()


def test_a_list_of_values_covers_no_other_row(page: Page, product: Product, shot: Callable[..., object]) -> None:
    second = {"field": "contact.attributes.plan", "operator": "not_equals", "value": "team"}
    steps = [node("ask", "condition", 400, 168, conditions=[*ASKED, second])]
    canvas = Builder(page).open(create(product, "Two", trigger=TRIGGER, nodes=steps, edges=[edge("trigger", "ask")]))
    canvas.open_form("ask")
    rows = canvas.panel.locator(".cond")
    rows.first.get_by_label("Value", exact=True).click()
    picker = page.locator(".picker:popover-open")
    expect(picker).to_be_visible()
    assert not _overlap(canvas, picker, rows.nth(1))
    assert not _overlap(canvas, picker, rows.first.get_by_label("Field"))
    shot(page, "values-open")
    rows.first.get_by_label("Field").click()
    expect(picker.get_by_role("option").first).to_be_visible()
    assert not _overlap(canvas, picker, rows.nth(1))
    assert not _overlap(canvas, picker, rows.first.get_by_label("Value", exact=True))
    expect(rows.first).to_have_css("margin-bottom", "0px")  # the room of its values
    shot(page, "fields-open")
    rows.nth(1).get_by_label("Value", exact=True).click()
    expect(rows.nth(1).get_by_label("Value", exact=True)).to_be_focused()
    expect(rows.first).not_to_have_css("margin-bottom", "100px")
    canvas.press("Escape")
    canvas.open_form("ask")
    rows.first.get_by_label("Value", exact=True).click()
    rows.nth(1).get_by_role("button", name="Remove this condition").click()
    expect(rows).to_have_count(1)


def test_steps_of_unknown_types_are_left_out_of_a_paste(canvas: Builder) -> None:
    before = len(canvas.graph()["nodes"])
    nodes = [{"id": one, "type": kind, "data": {}} for one, kind in (("a", "end"), ("x", "nope"))]
    _paste(canvas, json.dumps({"nodes": nodes, "edges": []}))
    expect(canvas.toasts).to_contain_text("1 step left out, as its type is not installed here: “nope”.")
    canvas.wait_saved()
    assert len(canvas.graph()["nodes"]) == before + 1
    _paste(canvas, json.dumps({"nodes": nodes[1:], "edges": []}))
    expect(canvas.toasts).to_contain_text("This cannot be pasted.")
    assert len(canvas.graph()["nodes"]) == before + 1
    expect(canvas.toasts).not_to_contain_text("Use one of")


def test_a_note_that_is_left_by_escape_keeps_the_focus(canvas: Builder) -> None:
    canvas.surface.focus()
    canvas.press("n")
    canvas.page.keyboard.type("To be asked")
    canvas.press("Escape")
    assert "note" in canvas.page.evaluate(FOCUS)
    assert [one["text"] for one in canvas.graph()["notes"]] == ["To be asked"]
    canvas.press("Delete")
    assert canvas.graph()["notes"] == []
    assert canvas.page.evaluate("document.activeElement.localName") == "flow-canvas"
    name = canvas.page.locator("[data-workflow-name][contenteditable]")
    for key in ("Escape", "Enter"):
        name.click()
        canvas.press(key)
        assert canvas.page.evaluate("document.activeElement.localName") == "flow-canvas"


def test_copies_and_notes_leave_the_plus_of_open_ways_free(asking: Builder, shot: Callable[..., object]) -> None:
    asking.card("ask").focus()
    asking.press("Control+d")
    expect(asking.page.locator(".node")).to_have_count(4)
    asking.show("ask")
    asking.press("n", "Escape")
    asking.show("ask")
    shot(asking.page, "copies-and-plus")
    for plus in asking.page.locator(".plus").all():
        for other in asking.page.locator(".card, .note").all():
            assert not _overlap(asking, plus, other)


def test_a_line_is_led_elsewhere_by_the_dot_where_it_ends(canvas: Builder) -> None:
    before, place = canvas.ways(), canvas.position("wait")
    dot = canvas.step("wait").locator(".h.in")
    canvas.drag(canvas.centre(dot), canvas.centre(canvas.card("bad")))
    assert canvas.ways() == before - {("trigger", "next", "wait")} | {("trigger", "next", "bad")}
    assert canvas.position("wait") == place
    canvas.press("Control+z")
    assert canvas.ways() == before
    canvas.page.mouse.click(*canvas.centre(dot))
    expect(canvas.panel.locator("form[data-about=wait]")).to_be_visible()


def test_what_is_not_connected_yet_is_still_to_do_until_activate(page: Page, product: Product) -> None:
    canvas = Builder(page)
    canvas.create("Nobody erred")
    canvas.start_with_event("signed_up")
    canvas.wait_saved()
    start = page.locator(".node").first
    expect(start.locator(".bad")).to_have_text("To do")
    page.locator("#activate-button").click()
    expect(start.locator(".bad")).to_have_text("1 error")


def test_a_fresh_copy_is_to_do_and_no_warning(canvas: Builder) -> None:
    canvas.card("good").focus()
    canvas.press("Control+d")
    canvas.wait_saved()
    expect(canvas.selected.locator(".bad")).to_have_text("To do")


@pytest.mark.parametrize("step", ["condition", "switch"])
def test_a_fresh_step_of_conditions_has_its_first_row(page: Page, product: Product, step: str) -> None:
    steps = [node("ask", step, 400, 168)]
    canvas = Builder(page).open(create(product, "Fresh", trigger=TRIGGER, nodes=steps, edges=[edge("trigger", "ask")]))
    canvas.open_form("ask")
    fields = canvas.panel.get_by_label("Field", exact=True)
    expect(fields).to_have_count(1)
    fields.fill("contact.email")
    canvas.press("Tab")
    canvas.wait_saved()
    assert "contact.email" in json.dumps(canvas.graph()["nodes"])


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("dark", 390)])
def test_names_that_are_known_are_offered_in_the_list_of_the_product(
    open_page: Callable[..., Page], product: Product, shot: Callable[..., object], theme: str, width: int
) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    contact = {"email": "tagged@example.com", "tags": ["vip", "video"]}
    httpx.post(f"{product.url}/api/v1/contacts", json=contact, headers=headers, **PLAIN)
    steps = [node("mark", "add_tag", 400, 168, tag="vip")]
    workflow = create(product, "Tagged", trigger=TRIGGER, nodes=steps, edges=[edge("trigger", "mark")])
    page = open_page(theme=theme, width=width)
    canvas = Builder(page).open(workflow)
    canvas.open_form("mark")
    shot(page, f"tag-{theme}-{width}")
    canvas.panel.locator("#f-tag").click()
    expect(page.locator(".picker:popover-open")).to_be_visible()
    expect(canvas.panel.locator("input[list]:focus")).to_have_count(0)
    shot(page, f"tag-open-{theme}-{width}")
