"""Variables in the texts of a step, and how many contacts its conditions match: by keyboard, mouse and touch."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

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


def test_braces_offer_variables_and_ask_what_stands_there_without_a_value(
    page: Page, workflow: str, shot: Callable[[Page, str], None], expect_accessible: Callable[[Page], None]
) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("mark").click()
    field = canvas.panel.locator("[name=tag]")
    field.fill("")
    field.press_sequentially("vip-{{ pick")
    picker = page.locator("#variable-picker")
    expect(picker.get_by_role("option")).to_have_text(["pick_größetext", "pick_plantext"])
    field.press_sequentially("_pl")
    expect(picker.get_by_role("option")).to_have_text(["pick_plantext"])
    shot(page, "variables-light-1440")
    expect_accessible(page)
    field.press("Enter")
    expect(picker).to_contain_text("If there is no value")
    field.press("ArrowDown")
    field.press("Enter")
    expect(picker).to_be_hidden()
    expect(field).to_have_value('vip-{{ contact.attributes.pick_plan | default: "" }}')
    field.press_sequentially("none")
    expect(field).to_have_value('vip-{{ contact.attributes.pick_plan | default: "none" }}')
    page.wait_for_function(f"() => ({VALUE})() === 'vip-{{{{ contact.attributes.pick_plan | default: \"none\" }}}}'")
    expect(canvas.panel.locator("#texts")).to_contain_text("vip-")
    field.fill("")
    field.press_sequentially("{{ pick_grö")
    expect(picker.get_by_role("option")).to_have_text(["pick_größetext"])
    for _ in range(2):
        field.press("Enter")
    expect(field).to_have_value("{{ contact.attributes.pick_größe }}")
    field.fill("")
    field.press_sequentially("{{ disc")
    expect(picker.get_by_role("option")).to_have_text(["discount"])
    field.press("Escape")
    expect(picker).to_be_hidden()
    expect(canvas.panel.locator("form[data-about]")).to_be_visible()


def test_the_button_in_a_text_offers_them_to_the_mouse_and_to_touch(
    open_page: Callable[..., Page], workflow: str, shot: Callable[[Page, str], None]
) -> None:
    page = open_page(theme="dark", width=390)
    canvas = Builder(page).open(workflow)
    canvas.card("mark").click()
    field = canvas.panel.locator("[name=tag]")
    field.fill("a-")
    field.click()
    page.get_by_role("button", name="Insert a variable").click()
    picker = page.locator("#variable-picker")
    shot(page, "variables-dark-390")
    picker.get_by_role("option", name="discount").click()
    picker.get_by_role("option", name="Leave it empty").click()
    expect(field).to_have_value("a-{{ vars.discount }}")
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
