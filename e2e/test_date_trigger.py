"""A reminder some days before a date of each contact: drawn by mouse, with a preview beside the form, and shown on the page of its runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.product import PLAIN, Product

TODAY = datetime.now(UTC).date()
NAMES = {"Rena": 20, "Rico": 40, "Rolf": -30}
"""In how many days the plan of each is renewed; that of Rolf was."""


@pytest.fixture
def renewals(product: Product) -> dict[str, date]:
    """Three contacts with a date, and one with a text that is none."""
    days = {name: TODAY + timedelta(days=number) for name, number in NAMES.items()}
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    values = {**{name: day.isoformat() for name, day in days.items()}, "Ruth": "next spring"}
    for name, value in values.items():
        body = {"email": f"{name.lower()}@renewal.example", "attributes": {"first_name": name, "plan_renewal": value}}
        httpx.post(f"{product.url}/api/v1/contacts", json=body, headers=headers, **PLAIN).raise_for_status()
    return days


def short_day(day: date) -> str:
    return f"{day:%a, %b} {day.day}"


def test_a_reminder_before_a_date_of_the_contact(
    open_page: Callable[..., Page],
    renewals: dict[str, date],
    product: Product,
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
) -> None:
    page = open_page()
    canvas = Builder(page)
    canvas.create("Renewal reminder")
    page.locator(".start", has_text="A date of the contact").click()
    form, panel = canvas.form, canvas.panel
    preview = panel.locator("#date-preview")
    expect(preview).to_contain_text("Here you see how many contacts it concerns.")

    panel.get_by_role("combobox", name="Date of the contact").fill("contact.attributes.plan_renewal")
    panel.get_by_label("How often").select_option("Each year")
    expect(panel.get_by_text("A birthday on 29 February")).to_be_visible()
    panel.get_by_label("How often").select_option("Once")
    expect(panel.get_by_text("A birthday on 29 February")).to_be_hidden()
    expect(preview).to_contain_text("1 contact in the next 30 days.")
    expect(preview).to_contain_text("3 contacts have a date there.")
    expect(preview).to_contain_text("1 contact: the date has passed and starts nothing.")
    expect(preview).to_contain_text("1 contact: the value there is no date.")
    panel.get_by_label("Shifted by").fill("14")
    expect(preview).to_contain_text("2 contacts in the next 30 days")
    panel.locator("#f-at-time").fill("25:00")
    expect(preview.locator(".bad-text")).to_be_visible()
    form.fill("f-at-time", "09:30")
    form.choose_zone("Tokyo")
    typed, stored = panel.locator("zone-picker input"), panel.locator("#f-date-zone")
    expect(stored).to_have_value("Asia/Tokyo")
    typed.fill("Tokoy")
    typed.press("ArrowDown")
    typed.press("Enter")
    expect(stored).to_have_value("Asia/Tokyo")
    typed.fill("Honolulu")
    typed.press("Tab")
    expect(stored).to_have_value("Pacific/Honolulu")
    stored.focus()
    expect(typed).to_be_focused()
    form.choose_zone("Tokyo")
    expect(preview).to_contain_text(f"{short_day(renewals['Rena'] - timedelta(days=14))} 09:30 JST")
    expect(preview).to_contain_text(f"{short_day(renewals['Rico'] - timedelta(days=14))} 09:30 JST")
    panel.get_by_label("Whose date has come already").select_option("enter")
    expect(preview).to_contain_text(
        "1 contact: the date has come already, and a run starts as soon as the workflow goes live."
    )
    expect(preview).not_to_contain_text("has passed")
    expect(canvas.card("trigger")).to_contain_text("14 days before")
    expect(canvas.card("trigger")).to_contain_text("Once at 09:30")
    canvas.wait_saved()
    expect_accessible(page)
    shot(page, "date-trigger")

    form.close()
    canvas.add_below("14 days before plan_renewal", "next", "add tag", "Reminded")
    form.fill("f-tag", "reminded")
    form.close()
    canvas.activate()
    workflow = page.url.rpartition("/")[2]
    page.goto(f"/workflows/{workflow}/runs")
    read = page.locator("#dates")
    expect(read).to_contain_text("1 contact has something there that is no date")
    expect(read).to_contain_text("(“next spring”)")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Rolf")
    expect(rows).to_contain_text("Completed")
    expect_accessible(page)
    shot(page, "date-trigger-runs")

    narrow = open_page(theme="dark", width=390, height=844)
    narrow.goto(f"/workflows/{workflow}/runs")
    expect(narrow.locator("#dates")).to_contain_text("that is no date")
    shot(narrow, "date-trigger-runs-narrow-dark")
    Builder(narrow).open(workflow).open_form("trigger")
    expect(narrow.locator("#date-preview")).to_contain_text("2 contacts in the next 30 days")
    shot(narrow, "date-trigger-narrow-dark", full=True)
