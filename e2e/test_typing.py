"""Whoever types faster than the server answers sees what they typed last, on lists and beside the form of a step."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Error, Page, Route, expect

from e2e.pages.builder import Builder
from e2e.pages.panel import PanelForm
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node


class SlowFirst:
    """Holds the first request that goes to `address` until it is let through; those after it are as fast as ever."""

    def __init__(self, page: Page, address: str) -> None:
        self._held: Route | None = None
        page.route(re.compile(address), self._take)

    def _take(self, route: Route) -> None:
        if self._held is None:
            self._held = route
        else:
            route.continue_()

    def let_through(self) -> None:
        assert self._held, "nothing was asked for"
        try:
            self._held.continue_()
        except Error:  # the page has given it up
            assert self._held.request.failure


def test_a_list_shows_what_was_typed_last(page: Page, product: Product) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    for name in ("typed.a", "typed.ab", "typed.abc"):
        contact = {"email": f"{name}@example.com"}
        httpx.post(f"{product.url}/api/v1/contacts", json=contact, headers=headers, **PLAIN).raise_for_status()
    page.goto("/contacts")
    first = SlowFirst(page, r"/contacts\?")
    field, rows = page.get_by_placeholder("Name, email or id"), page.locator("#rows tbody tr")
    for text, times in (("typed.", 3), ("typed.ab", 2), ("typed.abc", 1)):
        with page.expect_request(re.compile(rf"search={re.escape(text)}(&|$)")):
            field.fill(text)
        if text != "typed.":
            expect(rows).to_have_count(times)
    first.let_through()
    page.wait_for_load_state("networkidle")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("typed.abc@example.com")
    expect(page).to_have_url(re.compile(r"search=typed\.abc(&|$)"))


def test_a_preview_is_of_what_was_chosen_last(
    page: Page, product: Product, expect_accessible: Callable[..., None]
) -> None:
    data = {"cron": "0 9 * * *", "timezone": "UTC", "audience": "none"}
    workflow = create(
        product,
        "Typed schedule",
        trigger={"type": "schedule", "data": data, "position": {"x": 400, "y": 0}},
        nodes=[node("end", "end", 400, 168)],
        edges=[edge("trigger", "end")],
    )
    canvas = Builder(page).open(workflow)
    form = canvas.open_form("trigger")
    times = form.locator("#schedule-times")
    expect(times).to_contain_text("09:00")
    first = SlowFirst(page, r"/schedules/preview\?.*cron=15\+")
    with page.expect_request(re.compile(r"/schedules/preview\?.*cron=15\+")):
        form.get_by_label("Schedule", exact=True).fill("15 9 * * *")
    with page.expect_request(re.compile(r"/schedules/preview\?.*timezone=Asia%2FTokyo")):
        PanelForm(page).choose_zone("japan")
    expect(times).to_contain_text("09:15 JST")
    first.let_through()
    page.wait_for_load_state("networkidle")
    expect(times).to_contain_text("09:15 JST")
    expect_accessible(page)
