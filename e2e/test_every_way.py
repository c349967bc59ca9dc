"""A campaign drawn by mouse: from a segment through waits in the zone of each contact, cases, variants and a called workflow to a goal.

Its product is its own: the clock is moved, which no other story may notice.
"""

from __future__ import annotations

import collections
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.pages.builder import Builder
from e2e.pages.sign_in import sign_in
from e2e.product import Product, start
from e2e.workflows import create, edge, node

PEOPLE = {  # name: plan, zone; all but Lou pay
    "pia": ("pro", "America/New_York"),
    "paul": ("pro", "Asia/Tokyo"),
    "petra": ("pro", "Europe/Berlin"),
    "peer": ("pro", "Europe/Berlin"),
    "fay": ("free", "Asia/Tokyo"),
    "noa": (None, "Europe/Berlin"),
    "lou": ("pro", "Europe/Berlin"),
}
VARIANTS = ("Short", "Long")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product of this story alone."""
    state = Path(tempfile.mkdtemp(prefix="throughline-e2e-"))
    running = start(state)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def api(product: Product) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {product.api_key('admin')}"}
    with httpx.Client(base_url=f"{product.url}/api/v1", headers=headers, timeout=30) as client:
        yield client


def send(api: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    answer = api.request(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json().get("data")


def move_clock(product: Product, at: datetime) -> None:
    with product.connect() as database:
        database.execute(
            "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
        )
        database.execute("notify clock_moved")


def draw(builder: Builder) -> None:
    """The whole flow: steps by the plus below the step before, lines by mouse where ways come together."""
    page, form, panel = builder.page, builder.form, builder.panel
    page.locator(".start", has_text="A contact enters a segment").click()
    panel.get_by_label("Segment", exact=True).select_option(label="Trial people")
    builder.zoom_to(0.6)
    builder.add_below("Enters Trial people", "next", "wait", "Day at nine")
    form.fill("f-duration", "1")
    form.choose("f-unit", "minutes")
    panel.get_by_label("Then until").fill("09:00")
    panel.get_by_label(f"{day_of_waiting(datetime.now(UTC)):%A}").check()
    builder.add_below("Day at nine", "next", "wait for event", "Pays?")
    form.fill("f-event", "order.paid")
    builder.add_below("Pays?", "timeout", "add tag", "Too late")
    form.fill("f-tag", "late")
    builder.add_below("Pays?", "next", "switch", "Which plan?")
    form.choose("f-by", "by one value")
    panel.get_by_label("Value to compare").fill("{{ contact.plan }}")
    for case in ("Pro", "Free"):
        if case != "Pro":  # a switch begins with one
            panel.get_by_role("button", name="Case", exact=True).click()
        panel.get_by_label("Name of the case").last.fill(case)
        panel.get_by_label("Value", exact=True).filter(visible=True).last.fill(case.lower())
    builder.add_below("Which plan?", "Pro", "split", "Which text?")
    for place, variant in enumerate(VARIANTS):
        panel.get_by_label("Name of the variant").nth(place).fill(variant)
    for variant in VARIANTS:
        builder.add_below("Which text?", variant, "add tag", f"{variant} text")
        form.fill("f-tag", variant.lower())
    builder.add_below("Short text", "next", "sub", "Onboard")
    panel.get_by_label("Workflow", exact=True).select_option(label="Welcome call")
    builder.add_below("Onboard", "next", "goal", "Bought")
    form.fill("f-name", "Bought")
    builder.add_below("Which plan?", "Free", "add tag", "Free plan")
    form.fill("f-tag", "free")
    builder.add_below("Which plan?", "default", "end", "No plan")
    form.close()
    builder.press("Escape")
    page.get_by_role("button", name="Tidy up").click()
    builder.wait_saved()
    ways = [builder.position_of(title)[0] for title in ("Which text?", "Free plan", "No plan")]
    assert ways == sorted(ways), "they stand in the order of their ports"
    expect(builder.surface).not_to_have_class(re.compile("gliding"))
    builder.connect_titled("Long text", "Onboard")
    builder.connect_titled("Free plan", "Bought")


def day_of_waiting(now: datetime) -> datetime:
    """Midnight of the day until which people wait: three days before it lie ahead, and the API, which goes by the clock of the machine,
    is less than a week behind it, as older events wake nobody."""
    return datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=5)


class Standing:
    """At which step, by its name, the people of a workflow are, or have come to an end."""

    def __init__(self, api: httpx.Client, product: Product, workflow: str, names: dict[str, str]) -> None:
        self._api, self._product, self._workflow, self._names = api, product, workflow, names

    def wait_for(self, **expected: int) -> None:
        found: dict[str, int] = {}
        for _ in range(120):
            runs = send(self._api, "GET", f"/workflows/{self._workflow}/runs?limit=100")
            found = collections.Counter(self._names.get(str(run["currentNodeId"]), "trigger") for run in runs)
            if found == expected:
                return
            with self._product.connect() as database:
                database.execute("select pg_sleep(0.25)")
        raise AssertionError(f"{found} instead of {expected}")


def test_one_flow_takes_every_way(
    open_page: Callable[..., Page], product: Product, api: httpx.Client, shot: Callable[..., Path]
) -> None:
    onboarding = create(
        product,
        "Welcome call",
        triggers=[{"id": "trigger", "type": "api", "enabled": True, "data": {}, "position": {"x": 400, "y": 0}}],
        nodes=[node("tag", "add_tag", 400, 168, tag="onboarded"), node("end", "end", 400, 336, outcome="Welcomed")],
        edges=[edge("trigger", "tag"), edge("tag", "end")],
    )
    # The API goes by the clock of the machine, so what happens later is sent by a step.
    checkout = create(
        product,
        "Checkout",
        triggers=[{"id": "trigger", "type": "api", "enabled": True, "data": {}, "position": {"x": 400, "y": 0}}],
        nodes=[node("paid", "emit_event", 400, 168, name="order.paid", properties={"amount": 20})],
        edges=[edge("trigger", "paid")],
    )
    for one in (onboarding, checkout):
        send(api, "POST", f"/workflows/{one}/activate", {})
    segment = send(api, "POST", "/segments", {"name": "Trial people", "kind": "static"})["id"]
    page = open_page()
    builder = Builder(page)
    builder.create("Every way")
    draw(builder)
    builder.wait_saved()
    shot(page, "every-way-drawn")
    builder.activate()
    workflow = page.url.rpartition("/")[2]
    names = {one["id"]: slug(one["name"]) for one in builder.ready().graph()["nodes"]}
    standing = Standing(api, product, workflow, names)

    day = day_of_waiting(datetime.now(UTC))
    move_clock(product, day - timedelta(days=3))
    people: dict[str, str] = {}
    for name, (plan, zone) in PEOPLE.items():
        attributes = {"plan": plan} if plan else {}
        person = {"externalId": name, "timezone": zone, "attributes": attributes}
        people[name] = send(api, "POST", "/contacts", person)["id"]
    send(api, "POST", f"/segments/{segment}/members", {"externalIds": [*PEOPLE]})
    standing.wait_for(day_at_nine=7)
    move_clock(product, day + timedelta(minutes=1))
    standing.wait_for(day_at_nine=5, pays=2)
    move_clock(product, day + timedelta(hours=9))
    standing.wait_for(day_at_nine=1, pays=6)
    move_clock(product, day + timedelta(hours=15))
    standing.wait_for(pays=7)
    payers = [people[name] for name in PEOPLE if name != "lou"]
    send(api, "POST", f"/workflows/{checkout}/trigger", {"contactIds": payers})
    standing.wait_for(pays=1, bought=5, no_plan=1)
    move_clock(product, day + timedelta(days=4))
    standing.wait_for(bought=5, no_plan=1, too_late=1)
    tags = {one: set(send(api, "GET", f"/contacts?search={one}")[0]["tags"]) for one in PEOPLE}
    assert tags["lou"] == {"late"} and tags["fay"] == {"free"} and tags["noa"] == set()
    for one in ("pia", "paul", "petra", "peer"):
        assert tags[one] in ({"short", "onboarded"}, {"long", "onboarded"})

    page = open_page(signed_in=False)  # days have gone by, and so has the session
    sign_in(page, product)
    for name, words in {
        "pia": ["came into the segment “Trial people”", "order.paid", "The case “Pro” matched first.", "by chance: 50% of the contacts do.",
                "The called run was completed, with the outcome “Welcomed”."],
        "fay": ["The case “Free” matched first."],
        "noa": ["No case matched"],
        "lou": ["did not come in time", "Added the tag late."],
    }.items():  # fmt: skip
        page.goto(f"/workflows/{workflow}/runs")
        page.get_by_role("link", name=name).first.click()
        for said in words:
            expect(page.locator("#run")).to_contain_text(said)
        shot(page, f"every-way-run-{name}")
    builder = Builder(page).open(workflow)
    page.get_by_role("button", name="Results", exact=True).click()
    expect(builder.titled("Bought").locator(".st")).to_contain_text("5")
    shot(page, "every-way-results")


def slug(name: str) -> str:
    """A name as that of a parameter."""
    return re.sub(r"\W+", "_", name).strip("_").lower()
