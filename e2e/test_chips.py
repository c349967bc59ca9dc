"""Variables of a text are chips: changed, removed, taken back and copied by keyboard; a name that nobody has is mended by one press."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node

RAW = "{% if contact.chip_plan %}Dear{% endif %}"


@pytest.fixture
def workflow(product: Product) -> str:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for name, attributes in (("chip-a", {"chip_plan": "pro"}), ("chip-b", {"chip_name": "Bo"})):
        body = {"email": f"{name}@chips.example", "attributes": attributes}
        httpx.post(f"{product.url}/api/v1/contacts", json=body, headers=headers, **PLAIN).raise_for_status()
    written = {"x_line": "Hi {{ contact.chip_name }}", "x_other": "{{ contact.chip_nmae }}"}
    nodes = [node("update", "update_contact", 400, 168, set=written), node("end", "end", 400, 336)]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    return create(
        product, "Chips", trigger=trigger, nodes=nodes, edges=[edge("trigger", "update"), edge("update", "end")]
    )


def test_a_chip_is_one_letter_to_the_keyboard(
    page: Page, workflow: str, expect_accessible: Callable[[Page], None]
) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("update").click()
    line = canvas.panel.locator(".pair").first
    field, chip = line.locator("[name=value]"), line.get_by_role("img")
    expect(chip).to_have_count(1)
    line.locator("chip-text").click(position={"x": 6, "y": 14})
    expect(line.locator("chip-text")).to_be_focused()
    page.keyboard.press("Control+End")
    page.keyboard.press("ArrowLeft")
    expect(canvas.said).to_contain_text("Variable chip_name")
    page.keyboard.press("Enter")
    asked = line.get_by_role("group", name="If chip_name has no value")
    asked.get_by_role("button", name="Write instead").click()
    page.keyboard.type('the "one"')
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    expect(field).to_have_value("Hi {{ contact.chip_name | default: 'the \"one\"' }}")
    page.keyboard.type(f"! {RAW} ")
    expect(chip).to_have_count(1)  # what is no simple variable stays text
    expect(line.locator(".comes-out")).to_have_text("Hi Bo!")
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+v")
    expect(chip).to_have_count(2)
    once = f"Hi {{{{ contact.chip_name | default: 'the \"one\"' }}}}! {RAW} "
    expect(field).to_have_value(once * 2)
    page.keyboard.press("Control+z")
    expect(field).to_have_value(once)
    page.keyboard.press("Control+Home")
    for _ in range(4):  # over “Hi ” and onto the chip
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Backspace")
    expect(field).to_have_value(f"Hi ! {RAW} ")
    page.keyboard.press("Control+z")
    expect(chip).to_have_count(1)
    canvas.wait_saved()
    expect_accessible(page)
    field.evaluate("field => field.disabled = true")
    line.locator("chip-text").click(position={"x": 6, "y": 14})
    for key in ("Backspace", "Control+v", "Control+z", "Delete"):
        page.keyboard.press(key)
    expect(field).to_have_value(once)  # to be read only
    expect(chip).to_have_count(1)


def test_a_name_that_nobody_has_is_marked_and_mended_beside_its_field(
    page: Page, workflow: str, product: Product, shot: Callable[[Page, str], None]
) -> None:
    canvas = Builder(page).open(workflow)
    canvas.card("update").click()
    line = canvas.panel.locator(".pair").nth(1)
    odd = line.get_by_role("img", name="nobody has it")
    expect(odd).to_be_visible()
    shot(page, "chips-odd-light-1440")
    line.get_by_role("button", name="Use “chip_name”").press("Enter")
    expect(line.locator("[name=value]")).to_have_value("{{ contact.chip_name }}")
    expect(odd).to_be_hidden()
    canvas.wait_saved()
    [stored] = [one for one in canvas.stored(product, workflow)["nodes"] if one["id"] == "update"]
    assert stored["data"]["set"]["x_other"] == "{{ contact.chip_name }}"


def test_without_the_editor_a_text_is_a_plain_field(page: Page, workflow: str, page_errors: list[str]) -> None:
    page.route("**/codemirror.js", lambda route: route.abort())
    canvas = Builder(page).open(workflow)
    canvas.card("update").click()
    field = canvas.panel.locator(".pair [name=value]").first
    field.press("End")
    field.press_sequentially("!")
    expect(field).to_have_value("Hi {{ contact.chip_name }}!")
    canvas.wait_saved()
    expect(canvas.panel.locator("chip-text")).to_have_count(0)
    page_errors.clear()
