"""Who enters a workflow, how fast and when: set in its panel, said in words, undone, published, and read in an old version."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node


def _shot(page: Page, name: str) -> None:
    """For whoever wants to look: pictures go where `ENTRY_RULES_SHOTS` says."""
    if folder := os.environ.get("ENTRY_RULES_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_the_rules_of_entry_are_set_and_said(page: Page, product: Product) -> None:
    workflow = create(
        product,
        "Rules",
        trigger={"type": "event", "event": "ordered", "position": {"x": 400, "y": 0}},
        nodes=[node("tag", "add_tag", 400, 168, tag="x")],
        edges=[edge("trigger", "tag")],
        settings={"activeFrom": "2027-03-01T08:00:00Z", "timezone": "Europe/Berlin"},
    )
    admin = {"Authorization": f"Bearer {product.api_key('admin')}"}
    published = httpx.post(f"{product.url}/api/v1/workflows/{workflow}/versions", json={}, headers=admin, **PLAIN)
    assert published.status_code in (200, 201), published.text
    canvas = Builder(page).open(workflow)
    page.get_by_role("button", name="Goals and rules").click()
    panel = canvas.panel
    words = panel.get_by_label("In words")
    expect(panel.get_by_label("From", exact=True)).to_have_value("2027-03-01")
    expect(panel.get_by_label("From, at what time")).to_have_value("09:00")
    expect(words).to_contain_text("Nobody enters before 1 March 2027, 09:00 CET.")

    panel.get_by_label("In a minute, at most").fill("100")
    panel.get_by_label("Inside at the same time, at most").fill("50")
    panel.get_by_label("One run for each").fill("{{ event.shop }}-{{ event.order }}")
    panel.get_by_label("Until", exact=True).fill("2027-02-01")
    panel.get_by_label("Until", exact=True).press("Tab")
    expect(words).to_contain_text("At most 100 enter in a minute, one each 0.6 seconds; others wait in line.")
    expect(words).to_contain_text("If 10,000 come at once, the last of them enters after about 2 hours.")
    expect(words.locator("code")).to_have_text("-")
    canvas.wait_saved()
    expect(panel).to_contain_text("The workflow would let nobody in")
    _shot(page, "wrong-dates")
    # Changes of one field within 0.9 s are undone as one.
    page.wait_for_function("since => performance.now() - since > 1_000", arg=page.evaluate("performance.now()"))
    panel.get_by_label("Until", exact=True).fill("2027-04-30")
    panel.get_by_label("Until", exact=True).press("Tab")
    expect(words).to_contain_text("Nobody enters from 1 May 2027, 00:00 CEST on")
    expect(panel).not_to_contain_text("The workflow would let nobody in")
    canvas.wait_saved()
    settings = canvas.stored(product, workflow)["settings"]
    assert (settings["rateLimitPerMinute"], settings["rateLimitMaxConcurrent"]) == (100, 50)
    assert (settings["activeFrom"], settings["activeUntil"]) == ("2027-03-01T09:00", "2027-04-30")
    assert settings["timezone"] == "Europe/Berlin" and settings["entryKey"] == "{{ event.shop }}-{{ event.order }}"

    page.get_by_role("button", name="Undo").click()
    expect(panel.get_by_label("Until", exact=True)).to_have_value("2027-02-01")
    page.get_by_role("button", name="Redo").click()
    expect(panel.get_by_label("Until", exact=True)).to_have_value("2027-04-30")
    canvas.wait_saved()

    page.set_viewport_size({"width": 390, "height": 844})
    field = panel.get_by_label("In all, at most")
    field.scroll_into_view_if_needed()
    field.fill("1000")
    field.press("Tab")
    expect(words).to_contain_text("It takes 1,000 entries in all.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(words).to_be_visible()
    words.scroll_into_view_if_needed()
    _shot(page, "phone")
    canvas.wait_saved()
    page.set_viewport_size({"width": 1440, "height": 900})
    _shot(page, "words")

    page.locator("[data-mode-button=results]").click()
    page.locator("#results-bar").get_by_label("Version").select_option("1")
    page.get_by_role("button", name="Goals and rules").click()
    expect(panel.get_by_role("heading")).to_have_text("Goals and rules")
    expect(panel).to_contain_text("version 1")
    expect(panel.get_by_label("In a minute, at most")).to_have_value("")
    expect(panel.get_by_label("In a minute, at most")).to_be_disabled()
    _shot(page, "version")
