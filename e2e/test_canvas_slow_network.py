"""A slow network: the frame of the builder is there before its scripts are, and what is lost says so and is asked for again."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small

RIMS = "() => [...document.querySelectorAll('.rail, .top, .pal, .stage, .zoom')].map(part => JSON.stringify(part.getBoundingClientRect()))"


def test_the_frame_is_painted_before_the_canvas_is_there_and_does_not_move(page: Page, product: Product) -> None:
    held: list[Route] = []
    page.route(re.compile(r"flow-canvas\.bundle\.js"), lambda route: held.append(route), times=1)
    page.goto(f"/workflows/{create_small(product, 'Slow')}", wait_until="commit")
    expect(page.get_by_role("button", name="Activate")).to_be_visible()
    expect(page.get_by_role("button", name="Email")).to_be_visible()
    page.wait_for_function("() => performance.getEntriesByType('paint').length")
    canvas = Builder(page)
    expect(canvas.surface).not_to_have_attribute("data-ready", "")
    says = "getComputedStyle(document.querySelector('flow-canvas'), '::after').content"
    assert page.evaluate(says) == '"Loading…"'
    before = page.evaluate(RIMS)
    held[0].continue_()
    canvas.ready()
    page.wait_for_load_state("networkidle")
    assert page.evaluate(RIMS) == before
    assert page.locator("link[data-late]").count() == 0, "styles that no first look needs come afterwards"


def test_what_did_not_load_says_so_and_is_loaded_again(page: Page, product: Product, page_errors: Any) -> None:
    canvas = Builder(page).open(create_small(product, "Lost"))
    panel = re.compile(r"/nodes/good/panel")
    page.route(panel, lambda route: route.abort())
    canvas.card("good").click()
    expect(canvas.panel).to_contain_text("This could not be loaded.")
    expect(canvas.panel).not_to_have_attribute("aria-busy", "true")
    page.unroute(panel)
    canvas.panel.get_by_role("button", name="Try again").click()
    expect(canvas.panel.get_by_role("textbox").first).to_be_visible()
    results = re.compile(r"/results$")
    page.route(results, lambda route: route.abort())
    page.get_by_role("button", name="Results", exact=True).click()
    expect(page.locator("#results-bar")).to_contain_text("This could not be loaded.")
    page.unroute(results)
    page.locator("#results-bar").get_by_role("button", name="Try again").click()
    expect(page.locator("#results-bar")).not_to_contain_text("loaded")
    page_errors.clear()  # two requests that were made to fail
