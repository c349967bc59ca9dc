"""A template is made and changed in a drawer over the builder, which has it chosen afterwards; the panel shows what the step would send."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product
from e2e.workflows import create, edge, node


def test_a_template_is_made_changed_and_seen_over_the_builder(
    open_page: Callable[..., Page],
    product: Product,
    shot: Callable[[Page, str], None],
    expect_accessible: Callable[[Page], None],
    page_errors: list[str],
) -> None:
    nodes = [node("mail", "send_email", 400, 168), node("end", "end", 400, 336)]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    workflow = create(
        product, "Drawer", trigger=trigger, nodes=nodes, edges=[edge("trigger", "mail"), edge("mail", "end")]
    )
    page, name = open_page(), f"From the drawer {time.time_ns()}"
    canvas = Builder(page).open(workflow)
    canvas.card("mail").click()
    expect(canvas.panel.get_by_role("link", name="Edit this template")).to_be_hidden()
    add = canvas.panel.get_by_role("link", name="New template")
    add.press("Enter")
    drawer = page.locator("dialog.drawer")
    editor = drawer.frame_locator("iframe")
    expect(editor.get_by_label("Name", exact=True)).to_be_focused()
    expect_accessible(page)
    page.keyboard.press("Control+k")  # would lead the drawer away from the template
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(add).to_be_focused()

    add.press("Enter")
    editor.get_by_label("Name", exact=True).fill(name)
    page.keyboard.press("Escape")
    asked = page.get_by_role("dialog", name="Leave the template unsaved?")
    asked.get_by_role("button", name="Cancel").click()
    expect(editor.get_by_label("Name", exact=True)).to_have_value(name)
    editor.get_by_role("button", name="Save and close").click()
    expect(editor.get_by_text("Write a subject.").first).to_be_visible()
    editor.get_by_label("Subject").fill("For {{ contact.first_name | default: 'you' }}")
    shot(page, "template-drawer")
    editor.get_by_role("button", name="Save and close").click()
    expect(drawer).to_have_count(0)
    expect(page.locator("#f-templateId option:checked")).to_have_text(name)
    canvas.wait_saved()
    chosen = page.locator("#f-templateId").input_value()
    assert canvas.stored(product, workflow)["nodes"][0]["data"]["templateId"] == chosen
    seen = canvas.panel.locator(".seen")
    expect(seen.locator(".sj")).to_contain_text("For ")
    expect(seen.frame_locator("iframe").locator("h1")).to_contain_text("Hello")
    expect_accessible(page)
    shot(page, "message-preview")

    edit = canvas.panel.get_by_role("link", name="Edit this template")
    edit.click()
    editor.get_by_label("Subject").fill("Changed")
    page.keyboard.press("Control+s")
    expect(drawer).to_have_count(0)
    expect(seen.locator(".sj")).to_have_text("Changed")
    expect(edit).to_be_focused()

    for theme, width in (("dark", 1440), ("dark", 390), ("light", 390)):
        other = open_page(theme=theme, width=width)
        small = Builder(other).open(workflow)
        small.card("mail").click()
        expect(other.locator(".seen .sj")).to_have_text("Changed")
        shot(other, f"message-preview-{theme}-{width}")
        other.get_by_role("link", name="Edit this template").click()
        expect(other.frame_locator("dialog.drawer iframe").get_by_label("Subject")).to_have_value("Changed")
        shot(other, f"template-drawer-{theme}-{width}")
    # Saving closes the editor while the preview of the last letter may be on its way: the browser breaks that request off.
    page_errors[:] = [one for one in page_errors if "Failed to fetch" not in one]


def test_a_session_that_ends_over_the_drawer_loses_nothing(
    open_page: Callable[..., Page], product: Product, page_errors: list[str]
) -> None:
    nodes = [node("text", "send_sms", 400, 168), node("end", "end", 400, 336)]
    trigger = {"type": "event", "event": "signed_up", "position": {"x": 400, "y": 0}}
    workflow = create(
        product, "Drawer", trigger=trigger, nodes=nodes, edges=[edge("trigger", "text"), edge("text", "end")]
    )
    page, name = open_page(), f"Kept {time.time_ns()}"
    canvas = Builder(page).open(workflow)
    canvas.card("text").click()
    canvas.panel.get_by_role("link", name="New template").click()
    editor = page.frame_locator("dialog.drawer iframe")
    editor.get_by_label("Name", exact=True).fill(name)
    editor.get_by_role("textbox", name="Text", exact=True).fill("Hi {{ contact.first_name }}")
    before = page.context.cookies()
    page.context.clear_cookies(name="session")
    # Not by mouse: whatever else asks the server in this moment may say "You are signed out" first, above the button.
    editor.get_by_role("button", name="Save and close").evaluate("button => button.click()")
    away = editor.get_by_role("dialog", name="You are signed out")
    expect(away).to_be_visible()
    page.context.add_cookies([{**one, "value": product.session()} for one in before if one["name"] == "session"])  # type: ignore[typeddict-item]
    editor.locator("body").evaluate("() => new BroadcastChannel('session').postMessage('signed-in')")
    expect(page.locator("dialog.drawer")).to_have_count(0)
    expect(page.locator("#f-templateId option:checked")).to_have_text(name)
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    kept = httpx.get(f"{product.url}/api/v1/templates?search={name[:4]}", headers=headers, **PLAIN).json()["data"]
    assert [one["name"] for one in kept].count(name) == 1
    page_errors.clear()  # the frame of the preview was answered with the page to sign in, which can run nothing there
