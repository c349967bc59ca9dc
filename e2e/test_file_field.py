"""The box for a file: chosen with the keyboard, dropped, given up, refused in our words; in German, without scripts, in forced colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PAGES = ("/contacts/import", "/workflows/import")
CSV = {"name": "fair-2026.csv", "mimeType": "text/csv", "buffer": b"email\n" + b"ada@example.com\n" * 120}
DRAGGED = """(type) => {
  const data = new DataTransfer();
  for (const name of ["first.csv", "second.csv"]) data.items.add(new File(["email"], name));
  const box = document.querySelector(".filebox");
  box.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("address", PAGES)
def test_a_file_is_chosen_by_keyboard_shown_and_given_up(
    open_page: Callable[..., Page], shot: Callable[..., Any], expect_accessible: Callable[..., None], address: str
) -> None:
    for theme, width in (("light", 1440), ("dark", 390)):
        page = open_page(theme=theme, width=width)
        page.goto(address)
        field = page.get_by_label(re.compile("^Choose (a|another) file$"))
        box = page.locator(".filebox")
        shot(page, f"file-field{address.replace('/', '-')}-{theme}-{width}")
        field.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(field).to_be_focused()
        assert box.evaluate("box => getComputedStyle(box).outlineStyle") == "solid"
        with page.expect_file_chooser() as opened:
            page.keyboard.press("Space")
        opened.value.set_files(CSV)  # type: ignore[arg-type]
        expect(box.get_by_role("status")).to_have_text("fair-2026.csv 1.9 KB")
        expect(box).to_contain_text("Choose another file")
        expect_accessible(page)
        shot(page, f"file-field{address.replace('/', '-')}-chosen-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Remove the file").press("Enter")
        expect(box.get_by_role("status")).to_have_text("")
        expect(field).to_be_focused()
        assert field.evaluate("input => input.files.length") == 0


def test_what_is_dragged_over_it_lights_it_up_and_the_first_file_is_taken(page: Page, shot: Callable[..., Any]) -> None:
    page.goto("/contacts/import")
    box = page.locator(".filebox")
    page.evaluate(DRAGGED, "dragover")
    expect(box).to_contain_class("over")
    shot(page, "file-field-over")
    page.evaluate(DRAGGED, "dragleave")
    expect(box).not_to_contain_class("over")
    page.evaluate(DRAGGED, "drop")
    expect(box.get_by_role("status")).to_have_text("first.csv 5 B")
    expect(box).not_to_contain_class("over")


def test_a_form_without_its_file_says_so_below_the_box(page: Page, shot: Callable[..., Any]) -> None:
    page.goto("/contacts/import")
    page.get_by_role("button", name="Upload and review").click()
    refused = page.get_by_text("Choose a file.", exact=True)
    expect(refused).to_be_visible()
    expect(page.get_by_label(re.compile("^Choose (a|another) file$"))).to_be_focused()
    shot(page, "file-field-refused")
    page.locator("input[type=file]").set_input_files(CSV)  # type: ignore[arg-type]
    expect(refused).to_have_count(0)


def test_without_scripts_it_is_the_browsers_own(open_page: Callable[..., Page], shot: Callable[..., Any]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/contacts/import")
    field = page.locator("input[type=file]")
    field.set_input_files(CSV)  # type: ignore[arg-type]
    shot(page, "file-field-without-scripts")
    page.get_by_role("button", name="Upload and review").click()
    expect(page.get_by_role("heading", name="fair-2026.csv").first).to_be_visible()


def test_in_german_and_in_forced_colours(open_page: Callable[..., Page], shot: Callable[..., Any]) -> None:
    page = open_page(width=390, forced_colors="active", locale="de-DE")
    page.goto("/contacts/import")
    box = page.locator(".filebox")
    expect(box).to_contain_text("Datei wählen")
    page.locator("input[type=file]").set_input_files(CSV)  # type: ignore[arg-type]
    expect(box.get_by_role("status")).to_have_text("fair-2026.csv 1,9 KB")
    shot(page, "file-field-german-forced")
