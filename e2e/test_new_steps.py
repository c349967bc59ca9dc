"""What a new step lacks is to do, in neutral, until its form was worked in and left or Activate was pressed."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, create_small, edge, node


def test_a_new_step_is_to_do_until_its_form_was_worked_in_and_left(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "New steps"))
    issues = page.locator("#issues-button")
    canvas.plus("good").click()
    canvas.choose("email")
    mail = canvas.the("send_email")
    badge = canvas.step(mail).locator(".bad")
    field = canvas.panel.get_by_label("Template")
    expect(badge).to_have_text("To do")
    expect(issues).to_have_text("1 to do")
    expect(issues).to_have_accessible_name("1 to do; 1 to resolve before activating")
    expect(canvas.panel.locator(".bad-text.to-do")).to_contain_text("Choose a template")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    canvas.panel.get_by_role("button", name="Close").click()
    expect(badge).to_have_text("To do")
    canvas.open_form(mail)
    canvas.panel.get_by_label("Subject").fill("Hello")
    canvas.wait_saved()
    expect(badge).to_have_text("To do")
    page.keyboard.press("Escape")
    expect(badge).to_have_text("1 error")
    expect(issues).to_have_text("1 error")
    page.reload()
    expect(badge).to_have_text("1 error")
    canvas.open_form(mail)
    expect(field).to_have_attribute("aria-invalid", "true")


def test_activate_makes_errors_of_all_that_is_to_do(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "Activated too early"))
    canvas.plus("good").click()
    canvas.choose("email")
    mail = canvas.the("send_email")
    badge = canvas.step(mail).locator(".bad")
    expect(badge).to_have_text("To do")
    page.reload()
    expect(badge).to_have_text("To do")
    page.get_by_role("button", name="Activate v1").click()
    expect(page.get_by_role("dialog", name="Not ready yet")).to_be_visible()
    page.keyboard.press("Escape")
    expect(badge).to_have_text("1 error")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_to_do_looks_neutral(
    open_page: Callable[..., Page],
    product: Product,
    theme: str,
    width: int,
    expect_accessible: Callable[..., None],
    shot: Callable[..., object],
) -> None:
    workflow = create_small(product, f"Neutral {theme} {width}")
    page = open_page(theme=theme, width=1440)
    canvas = Builder(page).open(workflow)
    canvas.plus("good").click()
    canvas.choose("email")
    expect(canvas.step(canvas.the("send_email")).locator(".bad")).to_have_text("To do")
    canvas.wait_saved()
    shot(page, f"new-step-panel-{theme}-{width}")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": width, "height": 900})
    expect_accessible(page)
    shot(page, f"new-step-{theme}-{width}")
    page.locator("#issues-button").click()
    shot(page, f"new-step-list-{theme}-{width}")


def test_one_press_mends_what_a_warning_says(page: Page, product: Product) -> None:
    """From the list of errors, by keyboard and mouse: a misspelt name is written as data has it, a lost step goes; Undo takes both back."""
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    contact = {"externalId": "mends", "attributes": {"shoe_size": 42}}
    assert httpx.post(f"{product.url}/api/v1/contacts", json=contact, headers=headers, **PLAIN).is_success
    workflow_id = create(
        product,
        "Mended",
        trigger={"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}},
        nodes=[
            node("size", "add_tag", 400, 168, tag="size {{ contact.shoe_sise }}"),
            node("lost", "add_tag", 700, 168, tag="lost"),
        ],
        edges=[edge("trigger", "size")],
    )
    canvas = Builder(page).open(workflow_id)
    issues = page.locator("#issues-list")
    page.locator("#issues-button").click()
    issues.get_by_role("button", name="Use “shoe_size”").focus()
    page.keyboard.press("Enter")
    expect(canvas.panel.locator("[name=tag]")).to_have_value("size {{ contact.shoe_size }}")
    canvas.wait_saved()
    if not issues.is_visible():
        page.locator("#issues-button").click()
    issues.get_by_role("button", name="Remove the step").click()
    expect(canvas.step("lost")).to_have_count(0)
    canvas.wait_saved()
    expect(page.locator("#issues-button")).to_have_text("No errors")
    stored = canvas.stored(product, workflow_id)
    assert [one["data"] for one in stored["nodes"]] == [{"tag": "size {{ contact.shoe_size }}"}]
    page.keyboard.press("Escape")
    canvas.press("Control+z", "Control+z")
    expect(canvas.step("lost")).to_have_count(1)
    both = page.locator("#issues-button")
    expect(both.locator(".words")).to_have_text("1 to do")
    expect(both.locator(".words .warning")).to_have_attribute("data-count", "1")
    expect(both).to_have_accessible_name("1 to do, 1 warning")
