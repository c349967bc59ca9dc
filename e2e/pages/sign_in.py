"""Signing in, as people do."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from e2e.product import Product


def sign_in(page: Page, product: Product) -> None:
    """By address and password, as people do."""
    page.goto("/sign-in")
    page.get_by_label("Email").fill(product.email)
    page.locator("input[type=password]").fill(product.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{product.url}/")
