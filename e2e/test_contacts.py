"""People: found, made, changed, imported from a file, and looked at, in light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

ROWS = 2_500
ON_TOP = """(element) => {
  const at = element.getBoundingClientRect();
  return document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2).tagName;
}"""


def people(mark: str) -> bytes:
    """A file with semicolons and umlauts as a spreadsheet writes it, with a row in fifty that does not fit."""
    rows = [
        f"{'broken' if n % 50 == 7 else f'{mark}.p{n}@example.com'};Jö{n};{20 + n % 60};fair,{mark}"
        for n in range(ROWS)
    ]
    return "\r\n".join(["E-Mail;First name;Age;Tags", *rows]).encode("latin-1")


def test_a_file_becomes_contacts(page: Page, expect_accessible: Callable[..., None], shot: Callable[..., Any]) -> None:
    page.goto("/contacts")
    page.get_by_role("link", name="Import").click()
    page.set_input_files("input[type=file]", {"name": "fair.csv", "mimeType": "text/csv", "buffer": people("spring")})
    page.get_by_role("button", name="Upload and review").click()
    expect(page.get_by_label("Encoding")).to_have_value("windows-1252")
    expect(page.get_by_label("Cells end at")).to_have_value("semicolons")
    expect(page.get_by_label("E-Mail goes to")).to_have_value("email")
    expect(page.get_by_label("Name of the attribute or topic for First name")).to_have_value("first_name")
    expect(page.get_by_label("Name of the attribute or topic for Tags")).not_to_be_visible()
    page.get_by_label("Age goes to").select_option("Leave out")
    expect_accessible(page)
    shot(page, "import-mapping")
    page.get_by_label("Start workflows and count goals").uncheck()
    page.get_by_role("button", name="Import 2,500 rows").click()
    expect(page.locator(".pill", has_text="Completed")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", name="Rows to look at")).to_be_visible()
    expect(page.locator(".kpi", has_text="New contacts")).to_contain_text("2,450")
    expect_accessible(page)
    shot(page, "import-done")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    text = download.value.path().read_text()
    assert text.count("not an email address") == 50
    page.goto("/contacts")
    page.get_by_placeholder("Name, email or id").fill("spring.p77@")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"search=spring\.p77"))
    page.get_by_role("link", name="Jö77").click()
    expect(page.get_by_role("heading", level=2, name="Jö77")).to_be_visible()
    expect(page.get_by_label("Profile")).not_to_contain_text("Age")


def test_a_contact_is_made_changed_and_erased(page: Page) -> None:
    page.goto("/contacts/new")
    page.get_by_label("Email", exact=True).fill("not an address")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is not an email address")).to_be_visible()
    page.get_by_label("Email", exact=True).fill("Rosa@Example.com")
    page.get_by_label("Name of attribute 1").fill("firstName")
    page.get_by_label("Value of attribute 1").fill("Rosa")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=2, name="Rosa")).to_be_visible()
    expect(page.get_by_text("Contact created")).to_be_visible()
    page.get_by_role("button", name="Send event").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("cart_viewed")
    dialog.get_by_label("Properties").fill("{broken")
    dialog.get_by_role("button", name="Send event").click()
    expect(page.get_by_role("dialog").get_by_text("Write a JSON object")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_label("Properties")).to_be_focused()
    page.get_by_role("dialog").get_by_label("Properties").fill('{"amount": 12.5}')
    page.get_by_role("dialog").get_by_role("button", name="Send event").click()
    expect(page.locator(".tline")).to_contain_text("amount 12.5")
    page.get_by_role("link", name="Edit consent").click()
    page.get_by_label("Consent for email").select_option("Unsubscribed")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".rh")).to_contain_text("No consent")
    expect(page.locator(".tline")).to_contain_text("Consent for email")
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Erase").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(page.get_by_text("The contact was erased.")).to_be_visible()
    assert page.locator("label.dd svg").first.evaluate(ON_TOP) == "SELECT", "the arrow of a filter opens it"
    page.get_by_placeholder("Name, email or id").fill("rosa@example.com")
    expect(page.get_by_text("Nobody found")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_for_everybody(
    open_page: Callable[..., Page],
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
    theme: str,
    width: int,
) -> None:
    page = open_page(theme=theme, width=width)
    for path in ("/contacts", "/contacts/new", "/contacts/import"):
        page.goto(path)
        expect_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"{path.strip('/').replace('/', '-')}-{theme}-{width}")
    page.goto("/contacts")
    page.locator("#rows a.nm").first.click()
    expect(page.locator(".rh h2")).to_be_visible()
    for path in ("", "/edit"):
        page.goto(page.url.removesuffix("/edit") + path)
        expect_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"contact{path.replace('/', '-')}-{theme}-{width}", full=True)


WITH_OPT_OUTS = (
    "sep=;\r\nE-Mail;Phone;Signup;Status;Blocked\r\n"
    "asked.a@example.com;0151 12345678;3/4/2025;subscribed;\r\n"
    'asked.b@example.com;"n/a;5/6/2025;cleaned;yes\r\n'
    "asked.c@example.com;4.91511E+12;;unsubscribed;\r\n"
)


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_an_import_asks_who_opted_out(
    open_page: Callable[..., Page],
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
    theme: str,
    width: int,
) -> None:
    page = open_page(theme=theme, width=width)
    page.goto("/contacts/import")
    file = {"name": "asked.csv", "mimeType": "text/csv", "buffer": WITH_OPT_OUTS.encode()}
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and review").click()
    expect(page.get_by_label("Status goes to")).to_have_value("consent")
    expect(page.locator(".reads")).to_contain_text("cleaned unsubscribed, and suppressed as bounced")
    expect(page.get_by_text("In 1 row at the beginning")).to_be_visible()
    expect_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    start = page.get_by_role("button", name="Import 3 rows")
    start.click()
    question = page.get_by_role("group", name="Does this column say who unsubscribed?")
    expect(question.get_by_label("Yes, do not mail them")).to_be_focused()  # nothing is sent before it is answered
    question.get_by_label("No, it means something else").check()
    page.get_by_label("Phone goes to").select_option("Leave out")
    page.get_by_label("Encoding").select_option("windows-1252")
    page.get_by_role("button", name="Read again").click()
    expect(page).to_have_url(re.compile("/format$"))  # the page that was read again has the choices that were sent
    expect(page.get_by_label("Encoding")).to_have_value("windows-1252")
    expect(page.get_by_label("Phone goes to")).to_have_value("")
    expect(question.get_by_label("No, it means something else")).to_be_checked()
    start.click()
    expect(page.get_by_text("Choose an order")).to_be_visible(timeout=30_000)
    page.get_by_label("Dates like 3/4/2025 are").select_option("dmy")
    expect_accessible(page)
    shot(page, f"import-asks-{theme}-{width}", full=True)
    start.click()
    expect(page.locator(".pill", has_text="Completed")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Imported in part")).to_be_visible()
    expect_accessible(page)
    shot(page, f"import-told-{theme}-{width}", full=True)
