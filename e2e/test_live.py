"""Pages that move by themselves: what happens elsewhere is shown without a reload, and whoever is busy there is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.pages.builder import Builder
from e2e.product import Product
from e2e.workflows import create, edge, node


@pytest.fixture(scope="module")
def workflow(product: Product) -> str:
    """An active workflow whose runs wait for an event."""
    made = create(
        product,
        "Lively",
        trigger={"type": "event", "event": "live.began", "position": {"x": 400, "y": 0}},
        nodes=[
            node("tag", "add_tag", 400, 168, tag="lively"),
            node("wait", "wait_for_event", 400, 336, event="live.paid", timeout={"duration": 9, "unit": "days"}),
            node("done", "add_tag", 400, 504, tag="paid"),
        ],
        edges=[edge("trigger", "tag"), edge("tag", "wait"), edge("wait", "done")],
    )
    with client_of(product) as client:
        client.post(f"/workflows/{made}/activate").raise_for_status()
    return made


def client_of(product: Product) -> httpx.Client:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    return httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30)


def happens(product: Product, name: str, who: str) -> None:
    with client_of(product) as client:
        client.post("/events", json={"name": name, "email": f"{who}@example.com"}).raise_for_status()


def run_of(product: Product, workflow: str, page: Page, who: str) -> str:
    """Begin a run, wait for it on the list of runs, and answer its address."""
    happens(product, "live.began", who)
    link = page.locator("#rows").get_by_role("link", name=who)
    expect(link).to_be_visible()
    return str(link.get_attribute("href"))


def stay(page: Page) -> None:
    """Mark the document: a page that was loaded again has lost it."""
    page.evaluate("window.stayed = true")


def stayed(page: Page) -> bool:
    return bool(page.evaluate("window.stayed === true"))


def test_the_list_of_runs_and_the_page_of_a_run_follow(
    page: Page, product: Product, workflow: str, expect_accessible: Callable[..., None], shot: Callable[..., Any]
) -> None:
    page.goto(f"/workflows/{workflow}/runs")
    stay(page)
    address = run_of(product, workflow, page, "lena")
    assert stayed(page), "the list was not loaded again"
    page.goto(address)
    stay(page)
    expect(page.locator("#run .rh")).to_contain_text("Waiting")
    page.get_by_text("Output").first.click()
    button = page.get_by_role("button", name="Cancel run").first
    button.focus()
    happens(product, "live.paid", "lena")
    expect(page.locator("#run .rh")).to_contain_text("Completed")
    expect(page.locator("#run")).not_to_have_attribute("data-follow", "run=")
    assert stayed(page)
    expect(page.locator("details[id^=out-]").first).to_have_attribute("open", "")
    expect_accessible(page)
    shot(page, "live-run-completed")


def test_whoever_selects_text_or_answers_a_dialog_is_left_alone(page: Page, product: Product, workflow: str) -> None:
    page.goto(f"/workflows/{workflow}/runs")
    page.goto(run_of(product, workflow, page, "sela"))
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#run .d'))")
    happens(product, "live.paid", "sela")
    with product.connect() as connection:
        ended = "select count(*) from ended_runs r join contacts c on c.id = r.contact_id where c.email = 'sela@example.com'"
        for _ in range(100):
            if connection.execute(ended).fetchone() == (1,):
                break
            connection.execute("select pg_sleep(0.1)")
        connection.execute("select pg_sleep(3)")
    expect(page.locator("#run .rh")).to_contain_text("Waiting")
    assert page.evaluate("String(getSelection()).length") > 5
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator("#run .rh")).to_contain_text("Completed")


def test_home_and_results_move(page: Page, product: Product, workflow: str, open_page: Callable[..., Page]) -> None:
    page.goto("/")
    stay(page)
    row = page.locator("#live")
    expect(row).to_contain_text("Lively")
    before = row.inner_text()
    canvas_page = open_page()
    Builder(canvas_page).open(workflow)
    expect(canvas_page.locator(".st")).to_have_count(0)
    canvas_page.get_by_role("button", name="Results", exact=True).click()
    bar = canvas_page.locator("#results-bar")
    expect(bar).to_contain_text("entered")
    entered = int(bar.inner_text().split(" entered")[0].replace(",", ""))
    happens(product, "live.began", "hedi")
    expect(bar).to_contain_text(f"{entered + 1} entered")
    page.bring_to_front()
    expect(row).not_to_have_text(before)
    assert stayed(page)
    canvas_page.get_by_role("button", name="Edit", exact=True).click()
    expect(canvas_page.locator(".st")).to_have_count(0)


def test_results_and_the_numbers_of_home_count_up(
    page: Page, product: Product, workflow: str, open_page: Callable[..., Page]
) -> None:
    """Who enters elsewhere is counted on both pages, and so is who ends; neither page is loaded again."""
    page.goto(f"/workflows/{workflow}/runs")
    run_of(product, workflow, page, "stan")
    page.goto(f"/workflows/{workflow}/stats")
    home = open_page()
    home.goto("/")
    numbers = page.locator("#numbers .kpi")
    cells = home.locator("#live tr").filter(has=home.get_by_role("link", name="Lively", exact=True)).locator("td")
    places: dict[str, list[Locator]] = {
        "live.began": [numbers.filter(has_text="Entered").locator(".v"), cells.nth(3)],
        "live.paid": [numbers.filter(has_text="Completed").locator(".v"), cells.nth(4)],
    }
    stay(page)
    stay(home)
    for event, counted in places.items():
        before = [int(one.inner_text().replace(",", "")) for one in counted]
        happens(product, event, "stella")
        for one, count in zip(counted, before, strict=True):
            one.page.bring_to_front()
            expect(one).to_have_text(f"{count + 1:,}")
    assert stayed(page) and stayed(home)


def test_a_lost_connection_is_said_quietly_and_made_up_for(
    page: Page, product: Product, workflow: str, page_errors: list[str]
) -> None:
    page.goto(f"/workflows/{workflow}/runs")
    expect(page.locator("#rows")).to_be_visible()
    page.context.set_offline(True)
    page.evaluate(
        "['pagehide', 'pageshow'].forEach(name => dispatchEvent(new PageTransitionEvent(name, {persisted: true})))"
    )
    expect(page.locator("#live-state")).to_have_text("Reconnecting…")
    happens(product, "live.began", "ofra")
    page.context.set_offline(False)
    expect(page.locator("#live-state")).to_have_count(0)
    expect(page.locator("#rows").get_by_role("link", name="ofra")).to_be_visible()
    page_errors.clear()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_the_log_of_a_run_is_read_by_level(
    open_page: Callable[..., Page],
    product: Product,
    workflow: str,
    expect_accessible: Callable[..., None],
    shot: Callable[..., Any],
    theme: str,
    width: int,
) -> None:
    page = open_page(theme=theme, width=width)
    page.goto(f"/workflows/{workflow}/runs")
    address = run_of(product, workflow, page, f"lou{theme}{width}")
    lines = (
        '[{"level": "debug", "message": "Looked for the price of 3 items"}, {"level": "info", "message": "Total is 84.20 EUR",'
        ' "metadata": {"items": 3, "currency": "EUR"}}, {"level": "warn", "message": "No weight for SKU-1041, took 1 kg"},'
        ' {"level": "error", "message": "The carrier has no price for this weight", "metadata": {"carrier": "dhl", "kg": 41}}]'
    )
    with product.connect() as connection:
        connection.execute(
            "insert into run_logs (tenant_id, run_id, fence, part, seq, node_id, at, lines)"
            " select tenant_id, id, 0, 0, 1, 'tag', started_at, %s::jsonb from active_runs where id = %s",
            (lines, address.rsplit("/", 1)[-1]),
        )
    page.goto(address)
    page.locator("#log-1 summary").click()
    expect(page.locator("#log-1 [data-level]:visible")).to_have_count(4)
    shot(page, f"run-log-{theme}-{width}")
    page.get_by_text("Warnings", exact=True).click()
    expect(page.locator("#log-1 [data-level]:visible")).to_have_count(2)
    page.get_by_text("Errors", exact=True).click()
    expect(page.locator("#log-1 [data-level]:visible")).to_have_count(1)
    expect_accessible(page)
    happens(product, "live.paid", f"lou{theme}{width}")
    expect(page.locator("#run .rh")).to_contain_text("Completed")
    expect(page.locator("#log-1 [data-level]:visible")).to_have_count(1), "what was chosen stays chosen"
