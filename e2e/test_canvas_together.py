"""Two people in one workflow: what one draws appears at the other's, with nothing asked for and nothing reloaded."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small


def test_the_other_page_shows_what_was_drawn(page: Page, product: Product, open_page: Callable[..., Page]) -> None:
    workflow = create_small(product, "Together")
    ada, rosa = Builder(page).open(workflow), Builder(open_page()).open(workflow)
    rosa.open_form("good")
    ada.plus("bad").click()
    ada.choose("end")
    ada.wait_saved()
    expect(rosa.step(ada.the("end"))).to_be_visible()
    ada.open_form("good")
    ada.form.fill("f-tag", "better")
    ada.wait_saved()
    expect(rosa.panel.get_by_label("Tag", exact=True)).to_have_value("better")
    expect(rosa.card("good")).to_contain_text("better")
    rosa.form.fill("f-tag", "best")
    rosa.wait_saved()
    expect(ada.card("good")).to_contain_text("best")
