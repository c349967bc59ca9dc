"""A workflow of 500 steps, the most that an operator may allow, is pasted at once, saved, and taken back by one Ctrl+Z."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product, start
from e2e.workflows import create, edge, node

COLUMNS, MOST = 20, 500
PASTE = """(text) => { const data = new DataTransfer(); data.setData('text/plain', text);
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })) }"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """One whose operator allows 500 steps."""
    state = Path(tempfile.mkdtemp(prefix="throughline-large-"))
    running = start(state, THROUGHLINE_STEPS_A_WORKFLOW=str(MOST))
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


def workflow_of(count: int) -> str:
    """As the API answers it: steps in columns, each led to from the one above."""
    nodes = [node(f"n{i}", "add_tag", i % COLUMNS * 280, 168 * (i // COLUMNS), tag=f"tag {i}") for i in range(count)]
    edges = [edge(f"n{i - COLUMNS}", f"n{i}") for i in range(COLUMNS, count)]
    return json.dumps({"nodes": nodes, "edges": edges})


def test_500_steps_are_pasted_saved_and_taken_back_at_once(page: Page, product: Product) -> None:
    workflow = create(product, "Large paste", trigger={"type": "event", "event": "x"})
    canvas = Builder(page).open(workflow)
    canvas.surface.focus()
    page.evaluate(PASTE, workflow_of(MOST + 1))
    expect(canvas.toasts).to_contain_text("A workflow has at most 500 steps; this one has 501. Split it in two.")
    assert canvas.types() == [], "nothing of it is put in"

    page.evaluate(PASTE, workflow_of(MOST))
    expect(canvas.said).to_have_text("Pasted 500 items")
    canvas.wait_saved()
    shown = page.locator(".node:has(.h.out)").count()
    assert shown < MOST // 4, "cards out of sight come hidden, the first ones too: they have no ports"
    stored = canvas.stored(product, workflow)
    assert {one["data"]["tag"] for one in stored["nodes"]} == {f"tag {i}" for i in range(MOST)}
    assert len(stored["edges"]) == MOST - COLUMNS
    places = {(one["position"]["x"], one["position"]["y"]) for one in stored["nodes"]}
    assert len(places) == MOST, "they stand as they stood, none on another"

    page.evaluate(PASTE, workflow_of(1))
    expect(canvas.toasts).to_contain_text("at most 500 steps; this one has 501")
    assert len(canvas.types()) == MOST, "and what is there stays"

    canvas.surface.focus()
    page.keyboard.press("Control+z")
    expect(canvas.said).to_have_text("Undid: Pasted 500 items")
    canvas.wait_saved()
    assert canvas.types() == [] and canvas.stored(product, workflow)["nodes"] == []
    page.keyboard.press("Control+Shift+z")
    expect(canvas.said).to_have_text("Redid: Pasted 500 items")
    canvas.wait_saved()
    again = canvas.stored(product, workflow)
    assert len(again["nodes"]) == MOST and len(again["edges"]) == MOST - COLUMNS
