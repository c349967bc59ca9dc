"""A mail from the first word to the inbox: write a template, see it as somebody, send a test, read it, look at the ledger."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect


def test_write_preview_send_and_read(page: Page) -> None:
    name = f"Story {time.time_ns()}"
    page.goto("/templates")
    page.get_by_role("link", name="New template").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Subject").fill("For {{ contact.first_name }}")
    expect(page.locator(".sj")).to_have_text("For Ada")
    mail = page.frame_locator("iframe[name=mail]")
    expect(mail.locator("h1")).to_have_text("Hello Ada")

    source, posted = page.get_by_role("textbox", name="HTML"), page.locator("textarea[name=html]")
    expect(page.locator(".source-host")).to_have_count(2)
    source.press("Control+End")
    source.press_sequentially("{% if x %}")
    expect(page.get_by_role("alert")).to_contain_text("expected “{% endif %}”")
    expect(page.locator(".cm-lintRange-error")).to_be_visible()
    source.press("Control+z")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_text("Insert", exact=True).click()
    page.get_by_role("button", name="Unsubscribe link").click()
    expect(posted).to_have_value(re.compile(r"\{\{ unsubscribe_url \}\}$"))
    source.press_sequentially("{{ contact.fir")
    offer = page.get_by_role("option").first
    expect(offer).to_contain_text("First name")
    offer.click()
    expect(posted).to_have_value(re.compile(r"\{\{ contact.first_name \| default: 'there' \}\}$"))
    source.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Phone").click()
    expect(mail.locator("h1")).to_have_text("Hello Ada")

    page.get_by_role("button", name="Send a test").click()
    page.get_by_role("dialog").get_by_label("To").fill("reader@example.com")
    page.get_by_role("button", name="Send it").click()
    expect(page.locator(".toast")).to_contain_text("Sent to reader@example.com")
    source.press("Control+s")
    expect(page.locator(".toast")).to_contain_text("Template saved")
    expect(posted).to_have_value(re.compile(r"default: 'there' \}\}\?$"))

    page.goto("/mailbox")
    page.get_by_role("searchbox").fill("reader@example")
    newest = page.locator("#mails li").first
    expect(newest).to_contain_text("[Test] For Ada")
    newest.get_by_role("link").click()
    expect(page.frame_locator(".mread iframe").locator("h1")).to_have_text("Hello Ada")
    page.get_by_role("link", name="Plain text").click()
    expect(page.locator(".plain-mail")).to_contain_text("Hello Ada")
    page.get_by_role("link", name="Headers").click()
    expect(page.locator(".hdrs")).to_contain_text("Message-ID")


def test_a_connector_says_what_its_server_says(page: Page) -> None:
    page.goto("/connectors")
    page.get_by_role("link", name="Mailbox on this machine").click()
    page.get_by_label("To", exact=True).fill("reject@fail.test")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#tested")).to_contain_text("550 5.1.1")
    page.get_by_label("To", exact=True).fill("reader@example.com")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#tested")).to_contain_text("The server took it")


PATHS = ("/templates", "/templates/new", "/messages", "/mailbox", "/connectors", "/connectors/new")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_for_everybody(
    open_page: Callable[..., Page],
    expect_accessible: Callable[..., None],
    shot: Callable[..., None],
    theme: str,
    width: int,
) -> None:
    page = open_page(theme=theme, width=width)
    for path in PATHS:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        expect_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        shot(page, f"messaging{path.replace('/', '-')}-{theme}-{width}")
