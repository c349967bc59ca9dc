"""A step of code: allowed by an admin, written with completion, tried on sample data; by mouse, keyboard and phone."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node


def _switch(product: Product, *, allowed: bool) -> None:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    answer = httpx.put(f"{product.url}/api/v1/code-steps", json={"allowed": allowed}, headers=headers, **PLAIN)
    assert answer.status_code == 200, answer.text


def _workflow(product: Product, code: str, language: str = "javascript") -> str:
    return create(
        product,
        "With code",
        trigger={"type": "event", "event": "order.placed", "position": {"x": 400, "y": 0}},
        nodes=[
            node("code", "custom_code", 400, 168, language=language, code=code),
            node("end", "end", 400, 336),
        ],
        edges=[edge("trigger", "code"), edge("code", "end")],
    )


def test_code_is_allowed_written_tried_and_published(
    open_page: Callable[..., Page],
    product: Product,
    shot: Callable[[Page, str], None],
    expect_accessible: Callable[[Page], None],
) -> None:
    _switch(product, allowed=False)
    workflow = _workflow(product, "return {big: input.total > 100};\n")
    page = open_page()
    canvas = Builder(page).open(workflow)
    canvas.card("code").click()
    panel = canvas.panel
    expect(panel.locator(".cm-content")).to_contain_text("input.total")
    panel.get_by_role("button", name="Run", exact=True).click()
    expect(panel.locator("[data-failed]")).to_be_visible()
    expect(panel.locator("[data-code-result]")).to_contain_text("switched off in this workspace")
    expect_accessible(page)

    page.goto(f"{product.url}/settings/code")
    page.get_by_role("button", name="Allow code").click()
    expect(page.get_by_text("Steps may run code.")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Who decided")
    expect_accessible(page)
    shot(page, "settings-code")

    canvas = Builder(page).open(workflow)
    canvas.card("code").click()
    panel = canvas.panel
    data = panel.locator("#code-data")
    expect(data).not_to_have_value("{}")
    data.fill(
        '{"input": {"total": 120, "items": [{"sku": "a"}]}, "contact": {"first_name": "Ada"}, "steps": {}, "vars": {}}'
    )
    panel.get_by_role("button", name="Run", exact=True).click()
    expect(panel.locator(".code-value")).to_contain_text('"big": true')
    content = panel.locator(".cm-content")
    content.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("console.log('hello');\nreturn input.")
    expect(page.locator(".cm-tooltip-autocomplete")).to_contain_text("total")
    page.keyboard.type("to")
    expect(page.locator(".cm-tooltip-autocomplete [aria-selected]")).to_contain_text("total")
    # By mouse: the editor takes no Enter for a choice that it has shown for less than 75 ms.
    page.locator(".cm-tooltip-autocomplete [aria-selected]").click()
    expect(content).to_contain_text("return input.total")
    page.keyboard.press("Control+Enter")
    expect(panel.locator(".code-value")).to_have_text("120")
    expect(panel.locator(".code-lines")).to_contain_text("hello")
    shot(page, "code-step")
    page.keyboard.type(" +")
    expect(panel.locator(".cm-lintRange-error").first).to_be_visible()
    for _ in range(2):
        page.keyboard.press("Backspace")
    expect(panel.locator(".cm-lintRange-error")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(content).not_to_be_focused()
    expect(panel).to_be_visible()
    page.wait_for_function(
        """() => JSON.parse(JSON.stringify(document.querySelector('flow-canvas').graph)).nodes
          .find((one) => one.id === 'code').data.code.includes('return input.total')"""
    )
    panel.get_by_role("button", name="Write in a large window").click()
    expect(page.locator("dialog[data-code-dialog]")).to_be_visible()
    expect(page.locator("dialog .cm-content")).to_be_focused()
    expect_accessible(page)
    shot(page, "code-step-large")
    page.get_by_role("button", name="Done").click()
    expect(panel.locator(".cm-content")).to_contain_text("input.total")
    page.locator("#f-language").select_option("python")
    expect(panel.locator(".cm-lintRange-error").first).to_be_visible()


def test_by_phone_the_code_is_read_and_run(
    open_page: Callable[..., Page],
    product: Product,
    shot: Callable[[Page, str], None],
    expect_accessible: Callable[[Page], None],
) -> None:
    _switch(product, allowed=True)
    workflow = _workflow(product, "print('hi')\nreturn {'name': contact.get('first_name') or 'friend'}\n", "python")
    page = open_page(width=390, height=844)
    canvas = Builder(page).open(workflow)
    canvas.card("code").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("[data-returned]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect_accessible(page)
    shot(page, "code-step-390")
