"""A workflow's file: dropped, pasted and refused in words, by mouse and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

FILE = {"workflow": {"name": "From a file", "nodes": [{"id": "tag", "type": "add_tag", "data": {"tag": "x"}}]}}
DROP = """(text) => {
  const data = new DataTransfer();
  data.items.add(new File([text], "flow.json", { type: "application/json" }));
  const words = document.querySelector(".filebox b");
  for (const type of ["dragover", "drop"])
    if (words.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))) throw new Error(type);
}"""


def test_a_file_is_dropped_on_the_words_and_opens_as_a_draft(page: Page) -> None:
    page.goto("/workflows/import")
    page.evaluate(DROP, json.dumps(FILE))
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("From a file is here as a draft.")).to_be_visible()


def test_text_is_pasted_and_sent_by_the_keyboard_alone(page: Page, page_errors: list[str]) -> None:
    page.goto("/workflows/import")
    page.get_by_label("Or paste it").focus()
    page.keyboard.insert_text("{")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is no JSON")).to_be_visible()
    field = page.get_by_label("Or paste it")
    expect(field).to_have_value("{")
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(json.dumps(FILE))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("From a file is here as a draft.")).to_be_visible()
    page_errors.clear()


MAIL = {"topic": "news", "templateId": "template:hello", "connectorId": "connector:post"}
FOREIGN = {
    "workflow": {
        "name": "From elsewhere",
        "nodes": [
            {"id": "mail", "type": "send_email", "name": "Greet", "data": MAIL},
            {"id": "call", "type": "sub_workflow", "data": {"workflowId": "workflow:other"}},
        ],
        "edges": [{"source": "mail", "target": "call"}],
    },
    "uses": {
        "templates": {"template:hello": {"name": "Hello", "subject": "Hi", "html": "<p>Hi</p>", "text": "", "channel": "email"}},
        "connectors": {"connector:post": {"name": "Post", "type": "ses"}},
        "workflows": {"workflow:other": {"name": "Another one"}},
    },
}  # fmt: skip
"""A file that names a connector, a workflow and a topic that the demo does not have."""


def test_what_is_not_here_is_asked_for_and_leaving_the_question_keeps_the_file(
    open_page: Callable[..., Page], expect_accessible: Callable[[Page], None], shot: Callable[[Page, str], None]
) -> None:
    for theme, width in (("dark", 1440), ("light", 390), ("dark", 390), ("light", 1440)):
        page = open_page(theme=theme, width=width)
        page.goto("/workflows/import")
        page.get_by_label("Or paste it").fill(json.dumps(FOREIGN))
        page.get_by_role("button", name="Import").click()
        expect(page.get_by_role("heading", name="Not in this workspace")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect_accessible(page)
        shot(page, f"workflow-mapping-{theme}-{width}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Or paste it")).to_have_value(json.dumps(FOREIGN))
    page.get_by_role("button", name="Import").click()
    page.get_by_label("Connector “Post”").select_option(index=1)
    page.get_by_label("Workflow “Another one”").select_option(index=1)
    expect(page.get_by_label("Topic “news”")).to_have_value("news")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("From elsewhere is here as a draft.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_is_readable_and_nothing_overflows(
    open_page: Callable[..., Page],
    theme: str,
    width: int,
    page_errors: list[str],
    expect_accessible: Callable[[Page], None],
    shot: Callable[[Page, str], None],
) -> None:
    page = open_page(theme=theme, width=width)
    page.goto("/workflows/import")
    large = {"workflow": {"name": "Large", "nodes": [{"id": f"n{number}", "type": "end"} for number in range(101)]}}
    page.get_by_label("Or paste it").fill(json.dumps(large))
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("at most 100 steps")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect_accessible(page)
    shot(page, f"workflow-import-{theme}-{width}")
    page_errors.clear()
