"""A slow network: the frame of a page is there before its styles, that of the builder before its scripts; what is lost is loaded again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small

RIMS = "() => [...document.querySelectorAll('.rail, .top, .pal, .stage, .zoom')].map(part => JSON.stringify(part.getBoundingClientRect()))"

RIM = """name => (({ x, y, width, height }) => ({ x, y, width, height: Math.min(height, innerHeight - y) }))(
  document.querySelector(name).getBoundingClientRect())"""
FRAME = {".fl-rail": ".rail", ".fl-top": ".top", ".fl-palette": ".pal"}
"""Parts of the first look, and what stands there afterwards."""


def hold(page: Page, pattern: str) -> Callable[[], None]:
    """Answers to these addresses stay away until the function is called."""
    held: list[Route] = []
    over: list[bool] = []
    page.route(re.compile(pattern), lambda route: route.continue_() if over else held.append(route))

    def release() -> None:
        over.append(True)
        for route in held:
            route.continue_()

    return release


@pytest.mark.parametrize("width", [1440, 1100, 900, 700, 390, 340])
def test_a_page_has_its_frame_before_its_styles(page: Page, product: Product, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    # A worker that is late would move what is compared.
    page.route(re.compile(r"/banner$"), lambda route: route.fulfill(status=204))
    for path in (f"/workflows/{create_small(product, f'Plain {width}')}", "/contacts"):
        release = hold(page, r"\.css$")
        page.goto(path, wait_until="commit")
        page.wait_for_function("() => performance.getEntriesByName('first-paint').length")
        assert page.locator(".shell").count() == 0, "nothing without styles"
        parts = {name: page.evaluate(RIM, name) for name in FRAME if page.locator(name).is_visible()}
        assert len(parts) == (3 if path != "/contacts" and width > 640 else 2)
        release()
        expect(page.locator(".shell")).to_be_visible()
        expect(page.locator(".first-look")).to_be_hidden()
        page.wait_for_load_state("networkidle")
        assert {name: page.evaluate(RIM, FRAME[name]) for name in parts} == parts


def test_a_page_whose_styles_are_lost_is_there_without_them(page: Page, product: Product, page_errors: Any) -> None:
    page.route(re.compile(r"\.css$"), lambda route: route.abort())
    page.goto("/contacts")
    cover = page.locator(".first-look")
    expect(cover).to_be_visible()
    cover.evaluate("cover => cover.getAnimations().forEach(one => one.finish())")  # its 20 s
    expect(cover).to_be_hidden()
    page.get_by_role("link", name="New contact").click()
    expect(page).to_have_url(re.compile("/contacts/new"))
    page_errors.clear()  # styles that were made to fail


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
