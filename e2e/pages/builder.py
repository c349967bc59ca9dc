"""The builder as a marketer's hands see it: drop a step, pull a line, fill a form. Waiting is Playwright's, never a sleep."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

Point = tuple[float, float]


class BuilderPage:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.canvas = page.locator("flow-canvas")

    def create(self, name: str) -> None:
        """A new workflow from the list, by its dialog."""
        self.page.goto("/workflows")
        self.page.get_by_role("button", name="New workflow").first.click()
        self.page.locator("dialog[open] input[name=name]").fill(name)
        self.page.get_by_role("button", name="Create and open").click()
        expect(self.page).to_have_url(re.compile(r"/workflows/[0-9a-f-]{36}$"))
        expect(self.canvas).to_have_attribute("data-ready", "")

    def start_with_event(self, event: str) -> None:
        """Choose the event that starts it, on the empty canvas."""
        self.page.get_by_role("button", name="Something happens").click()
        self.fill("f-event", event)
        self.close_panel()

    def node(self, title: str) -> Locator:
        """The card that says `title`."""
        return self.page.locator(".node").filter(
            has=self.page.locator(".ti", has_text=re.compile(f"^{re.escape(title)}$"))
        )

    def drop(self, kind: str, at: Point, name: str) -> None:
        """Drag a step from the palette to a place on the screen, and give it a name in its panel."""
        before = self.page.locator(".node").count()
        self._drag(_centre(self.page.locator(f".pi[data-type={kind}]")), at)
        expect(self.page.locator(".node")).to_have_count(before + 1)
        added = self.page.locator(".node.sel").get_attribute("data-id")
        expect(self.page.locator(f"form[data-about='{added}']")).to_be_visible()
        self.fill("f-step-name", name)
        expect(self.node(name)).to_be_visible()

    def connect(self, source: str, target: str, port: str = "next") -> None:
        """Pull a line from a way out of one card to another card."""
        self.close_panel()
        lines = self.page.locator(".edges .lines > *").count()
        handle = self.node(source).locator(f".h.out[data-port={port}]")
        self._drag(_centre(handle), _centre(self.node(target)))
        expect(self.page.locator(".edges .lines > *")).not_to_have_count(lines)

    def open(self, title: str) -> None:
        self.node(title).locator(".card").click()
        expect(self.page.locator("#f-step-name")).to_have_value(title)

    def fill(self, field: str, text: str) -> None:
        """Fill a field of the panel as a person does, and leave it."""
        control = self.page.locator(f"#{field}")
        control.fill(text)
        control.press("Tab")

    def add_rule(self, field: str, value: str) -> None:
        """One more condition in the open panel: `field` is `value`."""
        self.page.locator("form[data-about] > fieldset [data-add=row-condition]").first.click()
        rule = self.page.locator("form[data-about] .cond").last
        rule.get_by_label("Field").fill(field)
        rule.get_by_label("Value").fill(value)
        rule.get_by_label("Value").press("Tab")

    def choose(self, field: str, text: str) -> None:
        self.page.locator(f"#{field}").select_option(label=text)

    def close_panel(self) -> None:
        close = self.page.locator(".panel [data-do=close], #panel [data-do=close]")
        if close.is_visible():
            close.click()
            expect(close).to_be_hidden()

    def saved(self) -> None:
        """All edits have reached the server."""
        expect(self.page.locator("#save-chip")).to_have_attribute("data-state", "saved")

    def activate(self) -> None:
        """Through the dialog that says who will enter."""
        self.saved()
        self.page.locator("#activate-button").click()
        dialog = self.page.locator("#activation")
        dialog.locator("button[type=submit]").click()
        expect(self.page.locator(".pill", has_text="Live v1")).to_be_visible()

    def _drag(self, start: Point, end: Point) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
        mouse.move(*end, steps=4)
        mouse.up()


def _centre(locator: Locator) -> Point:
    box = locator.bounding_box()
    assert box is not None, f"{locator} is not on the screen"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
