"""People and programs: invited, signed in, given keys, and shut out again. In light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.product import Product
from e2e.workflows import create_small

PASSWORD = "four unrelated words"
SETTINGS = ("profile", "sessions", "workspace", "users", "keys")


def follow(page: Page, link: str) -> None:
    """Open a link whose token stands in the fragment, as a click on it does."""
    parts = urlsplit(link)
    page.goto(f"{parts.path}#{parts.fragment}")


def test_a_colleague_comes_and_goes(
    open_page: Callable[..., Page], product: Product, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    owner = open_page()
    owner.goto("/settings/users")
    link = invite(owner, "robin@example.com", "Marketer", name="Robin Vale")
    shot(owner, "settings-link")
    owner.get_by_role("link", name="Done").click()
    expect(owner.get_by_role("row", name=re.compile("Robin Vale"))).to_contain_text(
        re.compile("by (Admin|Olivia Owner)")
    )

    robin = open_page(signed_in=False)
    follow(robin, link)
    expect(robin.get_by_role("heading", name="Join Main")).to_be_visible()
    assert urlsplit(link).fragment not in robin.url
    expect_accessible(robin)
    shot(robin, "invitation")
    robin.get_by_label("Choose a password").fill(PASSWORD)
    robin.get_by_role("button", name="Join Main").click()
    expect(robin.locator("#toasts")).to_contain_text("Welcome to Main", timeout=20_000)
    robin.goto(f"/workflows/{create_small(product, 'Of Robin')}")
    robin.locator('[data-id="good"]').click()
    robin.keyboard.press("Delete")
    expect(robin.get_by_role("button", name="Undo")).to_be_enabled()
    robin.goto("/settings/keys")
    expect(robin.get_by_text("Your role may not do this")).to_be_visible()
    in_tab = "Object.keys(sessionStorage).filter((key) => key.startsWith('undo:')).length"
    assert robin.evaluate(in_tab) == 1, "a way to another page and back leaves what can be undone"
    robin.locator("summary", has_text="Your account").click()
    robin.get_by_role("button", name="Sign out").click()
    expect(robin).to_have_url(re.compile("/sign-in$"))
    assert robin.evaluate(in_tab) == 0, "nothing of it is for who signs in next"

    robin.goto("/settings/users")
    robin.get_by_label("Email").fill("robin@example.com")
    robin.get_by_label("Password", exact=True).fill("something else")
    robin.get_by_role("button", name="Sign in").click()
    expect(robin.get_by_text("Email or password is wrong.")).to_be_visible()
    shot(robin, "sign-in-wrong")
    robin.get_by_label("Password", exact=True).fill(PASSWORD)
    robin.get_by_role("button", name="Show password").click()
    expect(robin.get_by_label("Password", exact=True)).to_have_value(PASSWORD)
    robin.get_by_role("button", name="Sign in").click()
    expect(robin).to_have_url(re.compile("/settings/users$"))
    expect(robin.get_by_role("button", name="Invite")).to_have_count(0)

    owner.goto("/settings/users")
    owner.get_by_label("Role of Robin Vale").select_option("Viewer")
    expect(owner.locator("#toasts")).to_contain_text("Robin Vale is viewer now.")
    owner.get_by_label("Actions for Robin Vale").click()
    owner.get_by_role("button", name="Remove").click()
    owner.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(owner.locator("#toasts")).to_contain_text("was removed")
    robin.goto("/settings/profile")
    expect(robin).to_have_url(re.compile("/sign-in"))


def invite(owner: Page, email: str, role: str, name: str = "") -> str:
    """Fill in the dialog of the users page; the link that is shown, because the product's own mailbox carries none."""
    owner.get_by_role("button", name="Invite").click()
    dialog = owner.get_by_role("dialog")
    dialog.get_by_label("Email").fill(email)
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Role").select_option(role)
    dialog.get_by_role("button", name="Invite").click()
    return owner.locator("#link").inner_text()


def test_somebody_known_elsewhere_joins_and_switches(open_page: Callable[..., Page], product: Product) -> None:
    """Dana has an account in another workspace. The link of this one lets her in, her password there does not."""
    owner, dana = open_page(), open_page(signed_in=False)
    owner.goto("/settings/workspace")
    owner.get_by_label("New workspace").fill("North")
    with owner.expect_navigation():
        owner.get_by_role("button", name="Create workspace").click()
    owner.goto("/settings/users")
    follow(dana, invite(owner, "dana@example.com", "Viewer"))
    dana.get_by_label("Choose a password").fill(PASSWORD)
    dana.get_by_role("button", name="Join North").click()
    expect(dana.locator("#toasts")).to_contain_text("Welcome to North", timeout=20_000)

    owner.goto("/settings/workspace")
    with owner.expect_navigation():
        owner.locator("#yours li", has_text="Main").get_by_role("button", name="Open").click()
    owner.goto("/settings/users")
    link = invite(owner, "dana@example.com", "Marketer")
    dana.goto("/settings/workspace")
    expect(dana.locator("#yours li")).to_have_count(1)

    other = open_page()
    follow(other, link)
    expect(other.get_by_text("You are signed in as")).to_contain_text("for dana@example.com")
    expect(other.get_by_label("Choose a password")).to_have_count(0)

    follow(dana, link)
    dana.get_by_role("button", name="Join Main").first.click()
    expect(dana.locator("#toasts")).to_contain_text("Welcome to Main", timeout=20_000)
    dana.goto("/settings/workspace")
    expect(dana.locator("#yours li")).to_have_count(2)
    follow(other, link)
    expect(other.get_by_text("used already")).to_be_visible()

    owner.goto("/settings/users")
    owner.get_by_label("Actions for dana@example.com").click()
    expect(owner.get_by_role("button", name="New sign-in link")).to_have_count(0)
    owner.get_by_role("link", name="Sessions").last.click()
    owner.get_by_role("button", name="Sign out everywhere").click()
    expect(owner.locator("#toasts")).to_contain_text("was signed out in 1 place")
    dana.goto("/")
    expect(dana).to_have_url(re.compile("/sign-in"))


def test_a_key_is_shown_once_works_and_ends(page: Page, product: Product) -> None:
    page.goto("/settings/keys")
    page.get_by_role("button", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Shop backend")
    dialog.get_by_label("Expires").select_option("In 30 days")
    dialog.get_by_role("button", name="Create key").click()
    key = page.locator("#key").inner_text()

    def status() -> int:
        return httpx.get(f"{product.url}/api/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code

    assert status() == 200
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text(key)).to_have_count(0)
    page.get_by_label("Actions for Shop backend").click()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("#toasts")).to_contain_text("Shop backend was revoked")
    assert status() == 401


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_settings_are_accessible(
    open_page: Callable[..., Page],
    expect_accessible: Callable[..., None],
    shot: Callable[..., Path],
    theme: str,
    width: int,
) -> None:
    door = open_page(theme=theme, width=width, signed_in=False)
    for path in ("/invitation", "/sign-in", "/sign-in/help"):
        door.goto(path)
        expect_accessible(door)
    shot(door, f"sign-in-{theme}-{width}")
    page = open_page(theme=theme, width=width)
    for tab in SETTINGS:
        page.goto(f"/settings/{tab}")
        expect(page.locator("dialog:visible")).to_have_count(0)
        expect_accessible(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{tab} is {wide} px wider than the screen"
        shot(page, f"settings-{tab}-{theme}-{width}")
    page.goto("/settings/users")
    page.get_by_role("button", name="Invite").click()
    expect_accessible(page)
