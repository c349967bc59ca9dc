"""A trigger that asks a service for orders: set up by mouse, tried on the newest ones, and each new one starts a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from tests.fixtures.http_server import Recorder, json_reply, recording

ORDERS = [{"id": number, "email": f"o{number}@orders.example", "total": number * 10} for number in (1, 2)]


@pytest.fixture
def shop() -> Iterator[Recorder]:
    with recording() as recorder:
        recorder.answer = lambda asked: json_reply({"orders": ORDERS})
        yield recorder


def test_orders_are_asked_for(
    open_page: Callable[..., Page], shop: Recorder, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    page = open_page()
    canvas = Builder(page)
    canvas.create("Orders of the shop")
    page.locator(".start", has_text="New rows are found").click()
    panel = canvas.panel
    kind = panel.get_by_label("Rows come from")
    kind.select_option("query")
    expect(panel.get_by_label("Database", exact=True)).to_be_visible()
    expect(panel.get_by_label("Web service", exact=True)).to_be_hidden()
    shot(page, "poll-query")
    kind.select_option("url")
    expect(panel.get_by_label("Database", exact=True)).to_be_hidden()
    expect(panel.get_by_label("Web service", exact=True)).to_be_visible()
    panel.get_by_label("URL", exact=True).fill(f"{shop.url}/orders")
    panel.get_by_label("List", exact=True).fill("$.orders")
    panel.get_by_label("The first time").select_option("existing")
    panel.get_by_label("Email", exact=False).first.fill("$.email")
    canvas.wait_saved()
    panel.get_by_role("button", name="Show the newest rows").click()
    expect(panel.get_by_text("Starts a run for o2@orders.example.")).to_be_visible()
    expect(panel).to_contain_text("2 rows there now, 2 shown.")
    expect_accessible(page)
    shot(page, "poll-trigger")
    page.emulate_media(color_scheme="dark")
    panel.get_by_role("button", name="Show the newest rows").scroll_into_view_if_needed()
    shot(page, "poll-tried")
    canvas.form.close()
    canvas.add_below("New rows are found", "next", "add tag", "Ordered")
    canvas.form.fill("f-tag", "ordered")
    canvas.form.close()
    canvas.wait_saved()
    page.locator("#activate-button").click()
    expect(page.locator("#activation")).to_contain_text("2 rows are there now")
    expect_accessible(page)
    shot(page, "poll-activation")
    page.locator("#activation button[type=submit]").click()
    expect(page.locator(".pill", has_text="Live v1")).to_be_visible()
    workflow = page.url.rpartition("/")[2]
    page.goto(f"/workflows/{workflow}/runs")
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    page.locator("#rows tbody tr a").first.click()
    expect(page.locator("main")).to_contain_text("A web service was asked, and had a new row.")
    shot(page, "poll-run")
