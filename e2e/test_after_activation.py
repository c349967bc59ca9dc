"""What comes after Activate, and where the keys begin in the builder that an address with a step opens."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small


def test_once_it_is_live_an_event_can_be_sent_and_the_results_opened(page: Page, product: Product) -> None:
    workflow = create_small(product, "Next act")
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Activate").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Activate v1").click()
    expect(canvas.toasts).to_contain_text("Version 1 is live.")
    canvas.ready()
    expect(canvas.toasts.get_by_role("button", name="Open results")).to_be_visible()
    canvas.toasts.get_by_role("button", name="Send a test event").click()
    page.wait_for_url("**/workflows/*?step=trigger")
    expect(canvas.card("trigger")).to_be_focused()
    canvas.panel.get_by_role("tab", name="Test").click()
    expect(canvas.panel).to_contain_text("curl")


def test_the_step_of_an_address_has_the_focus(page: Page, product: Product) -> None:
    workflow = create_small(product, "Named step")
    page.goto(f"/workflows/{workflow}?step=bad")
    canvas = Builder(page).ready()
    expect(canvas.panel.get_by_role("textbox").first).to_be_visible()
    expect(canvas.card("bad")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(canvas.card("ask")).to_be_focused()
