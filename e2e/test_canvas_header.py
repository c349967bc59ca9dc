"""The header of the builder: nothing in it moves when a part changes, and nothing is covered at 200 % zoom. Nothing floats over a card."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, create_small, edge, node

PARTS = ".top .modes, .top [data-do=undo], .top [data-do=redo], .top [data-open-workflow], .top .more-menu, #activate-button"


def places(page: Page) -> list[float]:
    """The left rims of what stands in the header."""
    rims: list[float] = page.evaluate(
        "parts => [...document.querySelectorAll(parts)].map(part => Math.round(part.getBoundingClientRect().left))",
        PARTS,
    )
    return rims


def test_nothing_in_the_header_jumps(page: Page, product: Product) -> None:
    canvas = Builder(page).open(create_small(product, "Header"))
    before = places(page)
    canvas.card("good").click()
    page.keyboard.press("Delete")
    assert places(page) == before, "while it is saved"
    canvas.wait_saved()
    page.context.set_offline(True)
    canvas.card("bad").focus()
    page.keyboard.press("Delete")
    expect(canvas.chip).to_contain_text("Offline")
    assert places(page) == before, "offline"
    page.context.set_offline(False)
    canvas.wait_saved()
    page.get_by_role("textbox", name="Name of the workflow").fill("A name that is much longer than the others " * 3)
    page.keyboard.press("Enter")
    assert places(page) == before, "with a long name"


@pytest.mark.parametrize("width", [1440, 1024, 720, 390, 320])
def test_nothing_in_the_header_is_covered(product: Product, open_page: Any, width: int) -> None:
    page = open_page(width=width, height=900)
    Builder(page).open(create_small(product, "A workflow with a name of some length"))
    covered = page.evaluate(
        """() => [...document.querySelectorAll('.top :is(h1, .pill, button, summary, .chip)')]
          .filter(part => part.offsetParent && !part.closest('.pop'))
          .filter(part => { const r = part.getBoundingClientRect();
            const at = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
            return r.width < 8 || r.right > innerWidth + 1 || r.left < 0 || !(part.contains(at) || at?.contains(part)) })
          .map(part => part.outerHTML.slice(0, 90))"""
    )
    assert covered == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_nothing_floats_over_the_card_with_the_focus(product: Product, open_page: Any) -> None:
    page = open_page(width=1280, height=720)
    steps = [node(f"s{i}", "add_tag", 280 * (i % 4), 168 * (1 + i // 4), tag="t") for i in range(16)]
    ways = [edge("trigger", "s0"), *(edge(f"s{i}", f"s{i + 4}") for i in range(12))]
    trigger = {"type": "event", "event": "x", "position": {"x": 0, "y": 0}}
    Builder(page).open(create(product, "Rims", trigger=trigger, nodes=steps, edges=ways))
    expect(page.locator(".mini")).to_be_visible()
    for name in (f"s{i}" for i in (12, 15, 3, 0, 13, 15)):
        page.evaluate("id => document.querySelector('flow-canvas').focusOn(id)", name)
        over = page.evaluate(
            """id => { const a = document.getElementById('n-' + id).getBoundingClientRect();
              return [...document.querySelectorAll('.mini, .zoom')].filter(part => { const b = part.getBoundingClientRect();
                return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top }).map(part => part.className) }""",
            name,
        )
        assert over == [], f"{over} lies over {name}"
    page.get_by_role("button", name="Fit to view").click()
    few = Builder(page).open(create_small(product, "Few"))
    expect(few.card("good")).to_be_visible()
    expect(page.locator(".mini")).to_be_hidden()


@pytest.mark.parametrize(("width", "locale"), [(1440, "de-DE"), (1280, "de-DE"), (1100, "en-GB"), (1920, "de-DE")])
def test_the_word_of_the_save_chip_is_whole_or_not_there(
    product: Product, open_page: Any, width: int, locale: str
) -> None:
    page = open_page(width=width, height=900, locale=locale)
    canvas = Builder(page).open(create_small(product, "A workflow with a name of some length"))
    shown = []
    for name in ("A", "A workflow with a name", "A workflow with a name of some length, and then some more of it"):
        page.locator(".wf-name").fill(name)
        page.keyboard.press("Enter")
        canvas.wait_saved()
        chip, word = (part.bounding_box() for part in (canvas.chip, canvas.chip.locator("span")))
        assert chip and word
        shown.append(word["y"] < chip["y"] + chip["height"])
        assert not shown[-1] or word["x"] + word["width"] <= chip["x"] + chip["width"] + 0.5
        scrolled = page.locator(".wf-name").evaluate("name => name.scrollLeft + name.parentElement.scrollLeft")
        assert scrolled == 0, "a long name is read from its beginning"
    assert shown[0] and (width < 1900 or all(shown)), "where there is room it is there"
