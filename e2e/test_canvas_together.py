"""Two people in one workflow: what one draws appears at the other's, with nothing asked for and nothing reloaded."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create_small


def test_the_other_page_shows_what_was_drawn(page: Page, product: Product, open_page: Callable[..., Page]) -> None:
    workflow = create_small(product, "Together")
    ada, rosa = Builder(page).open(workflow), Builder(open_page()).open(workflow)
    rosa.open_form("good")
    ada.plus("bad").click()
    ada.choose("end")
    ada.wait_saved()
    expect(rosa.step(ada.the("end"))).to_be_visible()
    ada.open_form("good")
    ada.form.fill("f-tag", "better")
    ada.wait_saved()
    expect(rosa.panel.get_by_label("Tag", exact=True)).to_have_value("better")
    expect(rosa.card("good")).to_contain_text("better")
    rosa.form.fill("f-tag", "best")
    rosa.wait_saved()
    expect(ada.card("good")).to_contain_text("best")


def test_what_is_typed_while_a_form_comes_anew_goes_on_in_it(
    page: Page, product: Product, open_page: Callable[..., Page]
) -> None:
    workflow = create_small(product, "Typing together")
    ada, rosa = Builder(page).open(workflow), Builder(open_page()).open(workflow)
    rosa.open_form("good")
    field = rosa.panel.get_by_label("Tag", exact=True)
    field.focus()
    rosa.page.evaluate(
        """() => document.addEventListener('htmx:before:request', ({ detail: { ctx } }) => {
          if (!ctx.request.action.endsWith('/nodes/good/panel')) return;
          const field = document.getElementById('f-tag');
          field.value = 'typed';
          field.setSelectionRange(2, 2);
          field.dispatchEvent(new Event('input', { bubbles: true }));
        })"""
    )
    ada.open_form("good")
    ada.panel.locator("[data-step-name]").fill("Better")
    ada.wait_saved()
    expect(rosa.panel.locator("[data-step-name]")).to_have_value("Better")
    expect(field).to_have_value("typed")
    expect(field).to_be_focused()
    assert field.evaluate("field => field.selectionStart") == 2
    rosa.wait_saved()
    expect(ada.card("good")).to_contain_text("typed")
    [stored] = [node for node in ada.stored(product, workflow)["nodes"] if node["id"] == "good"]
    assert (stored["name"], stored["data"]["tag"]) == ("Better", "typed")


def test_a_card_that_is_dragged_stays_under_the_pointer_when_something_is_saved(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "Dragging on"))
    before = canvas.position("good")
    x, y = canvas.centre(canvas.card("good"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 80, steps=4)
    page.evaluate("() => document.querySelector('flow-canvas').scene.render()")
    page.mouse.up()
    after = canvas.position("good")
    assert after[0] - before[0] > 20 and after[1] - before[1] > 20
    canvas.wait_saved()
    page.mouse.move(*canvas.centre(canvas.card("good")))
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    page.keyboard.press("Escape")
    page.mouse.up()
    assert canvas.position("good") == after


def test_each_sees_who_else_is_there_and_where(page: Page, product: Product, open_page: Callable[..., Page]) -> None:
    workflow = create_small(product, "Who is here")
    ada = Builder(page).open(workflow)
    expect(page.locator("#here")).to_have_count(0)
    rosa = Builder(open_page()).open(workflow)
    faces = page.locator("#here summary")
    expect(faces).to_be_visible()
    expect(page.locator("#canvas-live")).to_contain_text("another tab")  # both are signed in as the same person
    rosa.card("good").click()
    expect(ada.step("good")).to_have_class(re.compile(r"\bhere\b"))
    expect(ada.step("good").locator(".here-name")).to_have_text("You, in another tab")
    faces.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#here .mi")).to_contain_text("another tab")
    page.locator("#here .mi").click()
    expect(ada.step("good")).to_have_class(re.compile(r"\bsel\b"))
    rosa.page.keyboard.press("Escape")
    rosa.page.close()
    expect(page.locator("#here")).to_be_hidden(timeout=15_000)
    expect(ada.step("good").locator(".here-name")).to_have_count(0)
