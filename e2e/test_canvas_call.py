"""Calling a service for real within a test: what will be called stands in a dialog first, then the test goes on with the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.reach import unreached
from e2e.product import Product
from e2e.workflows import create, edge, node
from tests.fixtures.http_server import Recorder, json_reply, recording


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        recorder.answer = lambda asked: json_reply({"tier": "gold"})
        yield recorder


@pytest.fixture(scope="module")
def draft(product: Product, server: Recorder) -> str:
    gold = [{"field": "steps.ask.body.tier", "operator": "equals", "value": "gold"}]
    body = {"type": "json", "value": {"email": "{{ contact.email }}"}}
    return create(
        product,
        "Asks a service",
        trigger={"type": "event", "event": "call.began", "position": {"x": 400, "y": 0}},
        nodes=[
            node("ask", "http_request", 400, 168, method="POST", url=f"{server.url}/tier", body=body),
            node("gold", "condition", 400, 336, conditions=gold),
        ],
        edges=[edge("trigger", "ask"), edge("ask", "gold")],
    )


def test_a_call_is_asked_for_made_and_gone_on_with(
    open_page: Callable[..., Page],
    draft: str,
    server: Recorder,
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
) -> None:
    for theme, width in (("dark", 1440), ("light", 390), ("dark", 390), ("light", 1440)):
        page = open_page(theme=theme, width=width)
        page.goto(f"/workflows/{draft}?mode=test")
        page.get_by_role("button", name="Call it really…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"POST {server.url}/tier")
        shot(page, f"test-call-{theme}-{width}")
        if (theme, width) != ("light", 1440):
            page.close()
    expect_accessible(page)
    page.set_viewport_size({"width": 720, "height": 450})  # the same window at 200 %
    assert unreached(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    assert server.asked == []
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Call it really…").click()
    page.get_by_role("button", name="Call it now").click()
    expect(page.get_by_text("The service was really called in a test")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("gold")
    assert [(one.method, one.path) for one in server.asked] == [("POST", "/tier")]
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("The service was really called in a test")).to_be_visible()
    shot(page, "test-called-light-1440")
    expect_accessible(page)
    assert len(server.asked) == 1
