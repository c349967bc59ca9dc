"""Person: the list of people stays beside the canvas, the keys walk it, and it tells people apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


@pytest.fixture(scope="module")
def long(product: Product) -> str:
    """Ten steps one below the other, which two people of one name, and one who has none, went through."""
    names = [f"s{number}" for number in range(9)]
    workflow = create(
        product,
        "Long way",
        trigger={"type": "event", "event": "long.began", "position": {"x": 400, "y": 0}},
        nodes=[node(name, "add_tag", 400, 168 * (at + 1), tag=name) for at, name in enumerate(names)],
        edges=[edge("trigger", names[0]), *(edge(one, other) for one, other in pairwise(names))],
    )
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as client:
        client.post(f"/workflows/{workflow}/activate").raise_for_status()
        for email, name in (
            ("grace.one@example.com", "Grace"),
            ("grace.two@example.com", "Grace"),
            ("none@example.com", ""),
        ):
            attributes = {"first_name": name} if name else {}
            client.post("/contacts", json={"email": email, "attributes": attributes}).raise_for_status()
            client.post("/events", json={"name": "long.began", "email": email}).raise_for_status()
        for _ in range(60):
            counted = client.get(f"/workflows/{workflow}/stats").json()["data"]
            if counted["completedRuns"] == 3:
                break
            with product.connect() as connection:
                connection.execute("select pg_sleep(0.5)")
        assert counted["completedRuns"] == 3, counted
    return workflow


def covered(page: Page, card: Locator) -> bool:
    """Does anything that floats over the canvas lie over the card?"""
    page.wait_for_function("() => !document.querySelector('flow-canvas').scene.frame")
    hit: bool = card.evaluate(
        """card => { const a = card.getBoundingClientRect();
          return [...document.querySelectorAll('.mini, .zoom, .legend, .pbar')].some(part => { const b = part.getBoundingClientRect();
            return b.width && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom; }); }"""
    )
    return hit


def test_the_list_stays_and_the_arrows_light_one_way_after_the_other(
    page: Page, long: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    canvas = Builder(page).open(long)
    page.get_by_role("button", name="Person", exact=True).click()
    people = page.locator("#people-list .who")
    expect(people).to_have_count(3)
    people.first.click()
    expect(people).to_have_count(3)
    expect(people.first).to_be_focused()
    expect(people.first).to_have_attribute("aria-current", "true")
    expect(page.locator(".node.lit-step")).to_have_count(10)
    person = page.locator("#person")
    expect(person).to_contain_text("none@example.com")
    page.keyboard.press("ArrowDown")
    expect(people.nth(1)).to_be_focused()
    expect(person).to_contain_text("grace.two@example.com")
    expect(people.nth(1)).to_have_attribute("aria-current", "true")
    expect(people.first).not_to_have_attribute("aria-current", "true")
    shot(page, "builder-people-beside")
    expect_accessible(page)
    address = page.url
    page.keyboard.press("ArrowUp")
    expect(person).to_contain_text("none@example.com")
    page.go_back()
    expect(page).to_have_url(address)
    expect(person).to_contain_text("grace.two@example.com")
    page.reload()
    canvas.ready()
    expect(people).to_have_count(3)
    expect(people.nth(1)).to_have_attribute("aria-current", "true")
    expect(person).to_contain_text("grace.two@example.com")


def test_a_search_keeps_who_is_shown_and_its_first_line_is_a_key_away(page: Page, long: str) -> None:
    Builder(page).open(long)
    page.get_by_role("button", name="Person", exact=True).click()
    people, person = page.locator("#people-list .who"), page.locator("#person")
    people.first.click()
    expect(person).to_contain_text("none@example.com")
    page.get_by_role("searchbox", name="Find a person by name or email").fill("grace")
    expect(people).to_have_count(2)
    expect(person).to_contain_text("none@example.com")
    page.keyboard.press("ArrowDown")
    expect(people.first).to_be_focused()
    expect(person).to_contain_text("grace.two@example.com")
    expect(page.locator(".node.lit-step")).to_have_count(10)


def test_people_of_one_name_are_told_apart_and_every_status_can_be_chosen(page: Page, long: str) -> None:
    Builder(page).open(long)
    page.get_by_role("button", name="Person", exact=True).click()
    people = page.locator("#people-list .who")
    expect(people.nth(1)).to_contain_text("grace.two@example.com")
    expect(people.nth(2)).to_contain_text("grace.one@example.com")
    assert people.first.inner_text().count("none@example.com") == 1
    offered = page.locator(".people-bar [name=status] option").evaluate_all("all => all.map(one => one.value)")
    page.goto(f"/workflows/{long}/runs")
    shown = page.locator("nav.seg[aria-label=Status] a").evaluate_all(
        "all => all.map(one => new URL(one.href).searchParams.get('status')).filter(Boolean)"
    )
    assert {"held", "exited"} < set(offered)
    assert [one for one in offered if one] == shown


@pytest.mark.parametrize("mode", ["person", "test", "results"])
def test_nothing_lies_over_the_card_that_is_shown(page: Page, long: str, mode: str, shot: Callable[..., Any]) -> None:
    page.emulate_media(reduced_motion="reduce")
    canvas = Builder(page).open(long)
    expect(page.locator(".mini")).to_be_visible()
    page.get_by_role("button", name=mode.capitalize(), exact=True).click()
    if mode == "person":
        page.locator("#people-list .who").first.click()
    if mode == "results":
        expect(canvas.card("s8").locator(".st")).to_be_visible()
        canvas.card("s8").focus()
        canvas.surface.evaluate("canvas => canvas.show('s8')")
        shown = canvas.card("s8")
    else:
        shown = page.locator(".node.now .card")
        expect(shown).to_be_visible()
    shot(page, f"builder-{mode}-clear")
    assert not covered(page, shown)
