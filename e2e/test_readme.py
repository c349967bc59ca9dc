"""README's "Five minutes", walked word by word: what it says to click is there, and what it says will happen happens.

The words come from the README: everything in bold or in backquotes is used in its order, so the tour fails when the README and
the product part.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import TIMEOUT_MS, Product, start

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


class Step:
    """One numbered step of the tour: its marked words, one after the other, and its block of code."""

    def __init__(self, text: str) -> None:
        self.block = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        self.text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        self._words = [bold or code for bold, code in re.findall(r"\*\*(.+?)\*\*|`([^`]+)`", self.text)]

    def word(self) -> str:
        """The next word that the README marks."""
        return self._words.pop(0)

    def way(self) -> tuple[str, str]:
        """The next marked `A → B`."""
        first, arrow, then = self.word().partition(" → ")
        assert arrow
        return first, then

    def over(self) -> None:
        assert not self._words, f"nobody walked {self._words}"


def tour() -> list[Step]:
    section = README.split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    steps = re.split(r"(?m)^\d\. ", section)[1:]
    assert len(steps) == 7
    return [Step(text) for text in steps]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product that nobody has touched, as a newcomer has it."""
    state = Path(tempfile.mkdtemp(prefix="throughline-tour-"))
    running = start(state)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def patient() -> Iterator[None]:
    """Everything is done for the first time here, so everything may take longer than in the other stories."""
    expect.set_options(timeout=40_000)
    yield
    expect.set_options(timeout=TIMEOUT_MS)


def main_link(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()


def test_a_stranger_succeeds(
    open_page: Callable[..., Page], product: Product, shot: Callable[..., Path], patient: None
) -> None:
    run, draw, decide, activate, send, look, stop = tour()
    page = open_page(signed_in=False)
    page.set_default_timeout(60_000)
    arrive(page, product, run)
    canvas = begin(page, draw)
    add_steps(page, canvas, decide)

    canvas.wait_saved()
    page.get_by_role("button", name=re.compile(activate.word())).click()
    expect(page.get_by_role("dialog")).to_contain_text("enter")
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Activate")).click()
    expect(page.locator(".pill", has_text="Live v1")).to_be_visible()
    workflow = page.url
    activate.over()

    send_event(page, product, send)
    see(page, product, look, workflow)
    shot(page, "readme-tour")
    assert stop.word() == "Ctrl-C" and stop.word().startswith("kill")
    stop.over()


def arrive(page: Page, product: Product, step: Step) -> None:
    """Step 1: the printed link, and what the workspace holds."""
    assert step.word() == "./dev run"
    page.goto(product.link)
    sign_in = page.get_by_role("button")
    if sign_in.count() and not page.get_by_role("navigation", name="Main").count():
        sign_in.first.click()
    main_link(page, step.word())
    numbers = {"three": 3, "six": 6, "200": 200}
    said = re.search(r"with (\w+) workflows, (\w+) templates and (\w+)\s+contacts", step.text)
    assert said is not None
    with product.connect() as database:
        there = database.execute(
            "select (select count(*) from workflows), (select count(*) from templates), (select count(*) from contacts)"
        ).fetchone()
    assert there == tuple(numbers[word] for word in said.groups())
    step.over()


def begin(page: Page, step: Step) -> Builder:
    """Step 2: a new workflow that starts with the event and sends an email."""
    place, button = step.way()
    main_link(page, place)
    page.get_by_role("button", name=button).first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("Tour")
    page.get_by_role("button", name=step.word()).click()
    canvas = Builder(page)
    expect(page.locator("flow-canvas[data-ready]")).to_be_attached()
    page.locator(".start", has_text=step.word()).click()
    page.get_by_label("Event", exact=True).fill(step.word())
    page.get_by_label("Event", exact=True).press("Tab")
    page.get_by_role("button", name="Close").first.click()
    email = page.locator(".pi", has_text=step.word())
    assert step.word() == "+" == step.word()
    canvas.drag(canvas.centre(email), canvas.centre(canvas.plus("trigger")))
    expect(page.locator(".node.sel")).to_be_visible()
    canvas.panel.get_by_label(step.word(), exact=True).select_option(label=step.word())
    step.over()
    return canvas


def add_steps(page: Page, canvas: Builder, step: Step) -> None:
    """Step 3: wait, decide by the event's property, tag those of the plan."""
    assert step.word() == "+"
    canvas.plus(canvas.the("send_email")).click()
    label = step.word()
    canvas.choose(label)
    canvas.panel.get_by_label(label, exact=True).fill(step.word())
    canvas.panel.get_by_label("Unit").select_option(label=step.word())
    assert step.word() == "+"
    canvas.plus(canvas.the("delay")).click()
    canvas.choose(step.word())
    canvas.panel.get_by_role("button", name=step.word(), exact=True).first.click()
    rule = canvas.panel.get_by_role("group", name="Condition", exact=True).last
    rule.get_by_label("Field").fill(step.word())
    rule.get_by_label("Value", exact=True).fill(step.word())
    rule.get_by_label("Value", exact=True).press("Tab")
    ask = canvas.the("condition")
    yes = canvas.port(ask, "true")
    expect(canvas.step(ask)).to_contain_text(step.word())
    start_at = canvas.centre(yes)
    canvas.drag(start_at, (start_at[0] - 120, start_at[1] + 130))
    canvas.choose(step.word())
    canvas.panel.get_by_label("Tag", exact=True).fill(step.word())
    canvas.panel.get_by_label("Tag", exact=True).press("Tab")
    assert (ask, "true", canvas.the("add_tag")) in canvas.ways()
    assert step.word() == "Ctrl+Z"
    step.over()


def send_event(page: Page, product: Product, step: Step) -> None:
    """Step 5: a key by the page, and the command as it stands in the README but for the port."""
    place, tab = step.way()
    main_link(page, place)
    page.get_by_role("link", name=tab, exact=True).click()
    button = step.word()
    page.get_by_role("button", name=button).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Tour")
    dialog.get_by_role("button", name=button).click()
    shown = page.get_by_text(re.compile(r"^tl_[\w-]+$")).first
    expect(shown).to_be_visible()
    assert ADDRESS in step.block and "$KEY" in step.block
    answer = subprocess.run(
        ["bash", "-c", step.block.replace(ADDRESS, product.url)],
        env={**os.environ, "KEY": shown.inner_text().strip()},
        capture_output=True,
        text=True,
    )
    assert '"success":true' in answer.stdout.replace(" ", ""), answer.stdout + answer.stderr
    step.over()


def see(page: Page, product: Product, step: Step, workflow: str) -> None:
    """Step 6: the mail, the run with its way, the tag, and the counts on the canvas."""
    place, tab = step.way()
    main_link(page, place)
    page.get_by_role("link", name=tab, exact=True).click()
    expect(page.get_by_text("ada@example.com").first).to_be_visible()
    main_link(page, step.word())
    ada = page.locator("tbody tr", has_text="ada@example.com")
    expect(ada.locator(".pill", has_text="Completed")).to_be_visible(timeout=30_000)
    ada.locator("a").first.click()
    expect(page.get_by_text(re.compile(rf"\b{step.word()}\b")).first).to_be_visible()
    with product.connect() as database:
        tags = database.execute("select tags from contacts where email = 'ada@example.com'").fetchone()
    assert tags is not None and "trial-pro" in tags[0]
    page.get_by_role("button", name=step.word(), exact=True).click()
    page.get_by_role("button", name=step.word(), exact=True).click()
    page.goto(workflow)
    page.get_by_role("button", name=step.word(), exact=True).first.click()
    expect(page.locator(f"#n-{Builder(page).the('add_tag')}")).to_contain_text("1")
    step.over()
