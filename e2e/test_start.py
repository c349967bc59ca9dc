"""The first minute: open the product, come in by the printed link, see no error anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page, expect

from e2e.product import Product


def test_a_stranger_is_asked_to_sign_in(open_page: Callable[..., Page], product: Product) -> None:
    page = open_page(signed_in=False)
    page.goto("/settings/profile")
    expect(page).to_have_url(f"{product.url}/sign-in?next=%2Fsettings%2Fprofile")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_printed_link_signs_in_once(open_page: Callable[..., Page], product: Product) -> None:
    page = open_page(signed_in=False)
    page.goto(product.link)
    expect(page).not_to_have_url(re.compile("sign-in"))
    page.goto("/settings/profile")
    expect(page).to_have_url(f"{product.url}/settings/profile")
    again = open_page(signed_in=False)
    again.goto(product.link)
    again.goto("/settings/profile")
    expect(again).to_have_url(f"{product.url}/sign-in?next=%2Fsettings%2Fprofile")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_door_is_for_everybody(
    open_page: Callable[..., Page], expect_accessible: Callable[..., None], theme: str, width: int
) -> None:
    page = open_page(theme=theme, width=width, signed_in=False)
    page.goto("/sign-in")
    expect_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("url", ["http://example.com/", "https://192.0.2.1/"])
def test_what_a_page_asks_for_outside_is_not_sent_and_noticed(page: Page, page_errors: list[str], url: str) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto(url)
    assert page_errors == [f"asked for something outside: {url}"]
    page_errors.clear()
