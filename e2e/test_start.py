"""The first minute: open the product, come in by the printed link, see no error anywhere."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.product import Product


def test_a_stranger_is_asked_to_sign_in(open_page: Callable[..., Page]) -> None:
    page = open_page(signed_in=False)
    page.goto("/")
    expect(page).to_have_url("/sign-in?next=/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_printed_link_signs_in_once(open_page: Callable[..., Page], product: Product) -> None:
    page = open_page(signed_in=False)
    page.goto(product.link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation").first).to_be_visible()
    again = open_page(signed_in=False)
    again.goto(product.link)
    expect(again.get_by_role("navigation")).to_have_count(0)
