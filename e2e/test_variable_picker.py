"""Variables in the texts of a step, and how many contacts its conditions match: by keyboard, mouse and touch."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import FloatRect, Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node

VALUE = """() => JSON.parse(JSON.stringify(document.querySelector('flow-canvas').graph)).nodes
  .find((one) => one.id === 'mark').data.tag"""


@pytest.fixture
def workflow(product: Product) -> str:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for name, plan in (("ada", "pro"), ("ben", "pro"), ("cleo", "free")):
        body = {"email": f"{name}@picker.example", "attributes": {"pick_plan": plan, "pick_größe": "L"}}
        answer = httpx.post(f"{product.url}/api/v1/contacts", json=body, headers=headers, **PLAIN)
        assert answer.status_code in (200, 201), answer.text
    nodes = [
        node("keep", "set_variable", 400, 168, set={"discount": 10}),
        node(
            "ask", "condition", 400, 336, conditions=[{"field": "event.total", "operator": "greater_than", "value": 1}]
        ),
        node("mark", "add_tag", 400, 504, tag="x"),
        node("end", "end", 400, 672),
    ]
    edges = [edge("trigger", "keep"), edge("keep", "ask"), edge("ask", "mark", "true"), edge("mark", "end")]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    return create(product, "Picked", trigger=trigger, nodes=nodes, edges=edges)


def test_braces_open_the_fields_and_ask_what_stands_there_without_a_value(
    page: Page, workflow: str, shot: Callable[[Page, str], None], expect_accessible: Callable[[Page], None]
) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("mark").click()
    field = canvas.panel.locator("[name=tag]")
    field.fill("")
    field.press_sequentially("vip-{{ pick")
    tree = page.get_by_role("dialog", name="Fields")
    options = tree.get_by_role("option")
    expect(options.locator("> span:first-of-type")).to_have_text(["pick_größe", "pick_plan"])
    expect(options.locator("small")).to_have_text(["text", "text"])
    expect(options.locator(".sample")).to_have_text(["L", "free"])
    assert_beside(page, tree.bounding_box(), canvas.panel.bounding_box())
    page.keyboard.type("_pl")
    expect(options.locator("> span:first-of-type")).to_have_text(["pick_plan"])
    shot(page, "variables-light-1440")
    expect_accessible(page)
    page.keyboard.press("Enter")
    expect(tree).to_be_hidden()
    asked = canvas.panel.get_by_role("group", name="If pick_plan has no value")
    expect(asked.get_by_role("textbox")).to_be_focused()
    expect_accessible(page)
    page.keyboard.type("none")
    expect(field).to_have_value('vip-{{ contact.attributes.pick_plan | default: "none" }}')
    shot(page, "variables-fallback-light-1440")
    page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    page.keyboard.type("!")
    page.wait_for_function(f"() => ({VALUE})() === 'vip-{{{{ contact.attributes.pick_plan | default: \"none\" }}}}!'")
    expect(canvas.panel.locator(".f .comes-out")).to_have_text("vip-free!")
    canvas.wait_saved()
    expect_accessible(page)
    page.keyboard.type(" {{ disc")
    expect(options.locator("> span:first-of-type")).to_have_text(["discount"])
    page.keyboard.press("Escape")
    expect(tree).to_be_hidden()
    expect(canvas.panel.locator("form[data-about]")).to_be_visible()


def assert_beside(page: Page, tree: FloatRect | None, panel: FloatRect | None) -> None:
    """It covers nothing of the form."""
    assert tree and panel and tree["x"] + tree["width"] <= panel["x"]


def test_the_tree_is_searched_pinned_and_dragged_from(
    page: Page, workflow: str, shot: Callable[[Page, str], None], expect_accessible: Callable[[Page], None]
) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("mark").click()
    field = canvas.panel.locator("[name=tag]")
    field.fill("a-")
    field.click()
    page.get_by_role("button", name="Insert a variable").click()
    tree = page.get_by_role("dialog", name="Fields")
    tree.get_by_role("searchbox").click()
    page.keyboard.type("nothing like it")
    expect(tree.get_by_text("No field has this name.")).to_be_visible()
    tree.get_by_role("searchbox").fill("disc")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("a-{{ vars.discount }}")
    asked = canvas.panel.get_by_role("group", name="If discount has no value")
    asked.get_by_role("textbox").press("Escape")  # nothing is to stand there
    expect(asked).to_be_hidden()
    page.get_by_role("button", name="Insert a variable").click()
    tree.get_by_role("button", name="Keep open").click()
    expect(tree.get_by_role("button", name="Keep open")).to_have_attribute("aria-pressed", "true")
    canvas.card("ask").click()
    expect(tree).to_be_hidden()  # nothing here takes a variable
    canvas.card("mark").click()
    expect(tree).to_be_visible()
    expect_accessible(page)
    shot(page, "tree-pinned-light-1440")
    tree.get_by_role("option").filter(has_text="email").first.drag_to(canvas.panel.locator("chip-text"))
    expect(field).to_have_value(re.compile(r"\{\{ contact\.email \}\}"))
    tree.get_by_role("button", name="Close").click()
    expect(tree).to_be_hidden()


def test_on_a_phone_the_tree_is_a_sheet_and_a_tap_inserts(
    open_page: Callable[..., Page],
    workflow: str,
    shot: Callable[[Page, str], None],
    expect_accessible: Callable[[Page], None],
) -> None:
    page = open_page(theme="dark", width=390)
    canvas = Builder(page).open(workflow)
    canvas.card("mark").click()
    field = canvas.panel.locator("[name=tag]")
    field.fill("a-")
    field.click()
    page.get_by_role("button", name="Insert a variable").click()
    tree = page.get_by_role("dialog", name="Fields")
    expect(tree.get_by_role("button", name="Keep open")).to_be_hidden()
    box = tree.bounding_box()
    assert box and (box["x"], box["width"]) == (0, 390)
    expect_accessible(page)
    shot(page, "variables-dark-390")
    tree.get_by_role("option", name="discount").click()
    expect(tree).to_be_hidden()
    page.get_by_role("button", name="Nothing", exact=True).click()
    page.get_by_role("button", name="Done", exact=True).click()
    expect(field).to_have_value("a-{{ vars.discount }}")
    shot(page, "variables-fallback-dark-390")
    canvas.panel.locator("[data-step-name]").click()
    expect(page.get_by_role("button", name="Insert a variable")).to_have_count(0)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_conditions_say_how_many_contacts_they_match(
    open_page: Callable[..., Page], workflow: str, shot: Callable[[Page, str], None],
    expect_accessible: Callable[[Page], None], theme: str, width: int,
) -> None:  # fmt: skip
    page = open_page(theme=theme, width=width)
    canvas = Builder(page).open(workflow)
    canvas.card("ask").click()
    row = canvas.panel.locator(".cond").first
    said = canvas.panel.locator("[data-matches]")
    expect(row).to_be_visible()
    expect(said).to_have_text("")
    row.get_by_label("Field").fill("contact.attributes.pick_plan")
    row.get_by_label("Comparison").select_option("equals")
    row.get_by_label("Value").fill("pro")
    expect(said).to_contain_text("Matches 2 of ")
    row.get_by_label("Field").fill("")
    row.get_by_label("Field").press_sequentially("discount")
    option = page.locator("#field-picker").get_by_role("option", name="discount")
    expect(option).to_be_visible()
    shot(page, f"matches-picker-{theme}-{width}")
    option.click()
    expect(row.get_by_label("Field")).to_have_value("vars.discount")
    expect(said).to_have_text("")
    row.get_by_label("Field").fill("contact.attributes.pick_plan")
    expect(said).to_contain_text("Matches 2 of ")
    expect_accessible(page)
    shot(page, f"matches-{theme}-{width}")
