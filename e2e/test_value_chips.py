"""Lists of values as chips in the browser: added by Enter, comma, paste and choice, taken away by Backspace and ×."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.product import PLAIN, Product


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_it_fits_every_screen(
    open_page: Callable[..., Page],
    moons: dict[str, str],
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
    theme: str,
    width: int,
) -> None:
    page = open_page(theme=theme, width=width)
    row = _condition(page)
    row.get_by_label("Value").fill(
        "io, europa, ganymede, callisto, a moon whose name is longer than any field is wide on a telephone, titan,"
    )
    row.get_by_label("Value").press("Escape")
    field, last = row.locator(".val.chips").bounding_box(), row.locator(".value-chip").last.bounding_box()
    assert field is not None and last is not None
    assert last["x"] + last["width"] <= field["x"] + field["width"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect_accessible(page)
    shot(page, f"value-chips-{theme}-{width}")


@pytest.fixture
def moons(product: Product) -> dict[str, str]:
    """Headers of an admin; contacts around three moons."""
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for number, moon in enumerate(("io", "europa", "titan", "titan", "titan", "io")):
        contact = {"email": f"moon{number}@chips.example", "attributes": {"moon": moon}}
        httpx.post(f"{product.url}/api/v1/contacts", json=contact, headers=headers, **PLAIN)
    return headers


def _condition(page: Page) -> Locator:
    """A condition on the attribute, which takes a list."""
    page.goto("/segments/new")
    page.get_by_label("Name").fill("Around moons")
    page.locator("[data-rule] .conditions > .adds").get_by_role("button", name="Condition").click()
    row = page.locator("[data-rule] .cond").first
    row.get_by_label("Field").fill("contact.attributes.moon")
    row.get_by_label("Field").press("Escape")
    row.get_by_label("Comparison").select_option("in")
    return row


def _says(row: Locator, *values: str) -> None:
    expect(row.locator(".value-chip")).to_have_text(list(values))


def test_values_become_chips_and_go_again(
    page: Page, moons: dict[str, str], expect_accessible: Callable[..., None]
) -> None:
    row = _condition(page)
    field = row.get_by_label("Value")
    field.press_sequentially("io")
    field.press("Escape")
    field.press("Enter")
    _says(row, "io")
    expect(page).to_have_url(re.compile("/segments/new$"))
    field.press_sequentially('europa,"a, b",7,"7",io,')
    _says(row, "io", "europa", "a, b", "7", '"7"')
    field.evaluate(
        """(control) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text', 'titan\\nganymede, oberon');
          control.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
        }"""
    )
    _says(row, "io", "europa", "a, b", "7", '"7"', "titan", "ganymede", "oberon")
    field.press("Backspace")
    field.press("ArrowLeft")
    expect(row.get_by_role("button", name="Remove ganymede")).to_be_focused()
    page.keyboard.press("Delete")
    expect(field).to_be_focused()
    row.get_by_role("button", name="Remove a, b").click()
    box = row.get_by_role("button", name="Remove europa").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    _says(row, "io", "europa", "7", '"7"', "titan")
    expect(page.locator("#sentence")).to_have_text("moon is one of io, europa, 7, 7, titan")
    expect(page.locator("#live .big")).to_have_text("6")
    expect_accessible(page)


def test_values_that_were_met_are_offered_until_they_are_chosen(
    page: Page, product: Product, moons: dict[str, str]
) -> None:
    row = _condition(page)
    options = page.locator("#field-picker").get_by_role("option")
    row.get_by_label("Value").click()
    expect(options).to_have_text(["titan", "io", "europa"])
    options.get_by_text("io").click()
    expect(options).to_have_text(["titan", "europa"])
    page.keyboard.type("ti")
    expect(options).to_have_text(["titan"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    _says(row, "io", "titan")
    row.get_by_label("Value").press_sequentially("rhea")
    page.get_by_role("button", name="Create segment").click()
    expect(page).to_have_url(re.compile(r"/segments/[0-9a-f-]{36}$"))
    address = f"{product.url}/api/v1/segments/{page.url.rsplit('/', 1)[1]}"
    (condition,) = httpx.get(address, headers=moons, **PLAIN).json()["data"]["rule"]["conditions"]
    assert condition["value"] == ["io", "titan", "rhea"]


def test_one_value_is_text_again(page: Page, moons: dict[str, str]) -> None:
    row = _condition(page)
    row.get_by_label("Value").fill("io, titan")
    row.get_by_label("Comparison").select_option("equals")
    _says(row)
    expect(row.get_by_label("Value")).to_have_value("io, titan")
    row.get_by_label("Comparison").select_option("not_in")
    _says(row, "io", "titan")
    row.get_by_role("button", name="Duplicate this condition").click()
    expect(page.locator("[data-rule] .cond").last.locator(".value-chip")).to_have_text(["io", "titan"])
