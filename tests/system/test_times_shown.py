"""Every page that prints a time of day says of which zone it is: behind the time, or in the heading above it. And all by one formatter."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Workspace
from app.models.status import Role
from tests.accounts.test_every_route import Walk
from tests.fixtures.clock import Clock
from tests.fixtures.filled import fill
from tests.fixtures.people import BrowserClients

TEMPLATES = (Path("app/templates"), Path("frontend-nodes"))
UNSEEN = re.compile(r"<(script|style|template|pre|code)\b.*?</\1>|<!--.*?-->", re.S)
TIMELINE = re.compile(
    r'<div class="dayh">([^<]*)</div>\s*<ol>.*?</ol>|<li class="dayh">([^<]*)</li>.*?(?=<li class="dayh">|</ol>)', re.S
)
"""A day of a timeline: its heading names the zone, its rows are times of that day."""
CLOCK = re.compile(r"(?<!UTC[+-])\b\d{1,2}:\d{2}(?::\d{2})?\b(?! *(?:CET|CEST|UTC)\b)")
SHOWN = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})? (?:CET|CEST)\b")
TOOLTIP = re.compile(r'<time\b[^>]*title="([^"]*)"')


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", UNSEEN.sub(" ", page)))


async def test_every_time_of_day_on_a_page_has_its_zone(
    app_under_test: Litestar, db_session: AsyncSession, workspace: Workspace, browser: BrowserClients, clock: Clock
) -> None:
    workspace.timezone = "Europe/Berlin"
    walk = Walk(app_under_test, await fill(db_session, workspace))
    clock.advance(days=3)
    person, wrong, shown = await browser(Role.OWNER), list[str](), set[str]()
    for route in walk.guarded():
        if route.method != "GET" or route.of_api:
            continue
        answer: httpx.Response = await walk.ask(route, person, person)
        if answer.status_code != 200 or "text/html" not in answer.headers["content-type"]:
            continue
        page = answer.text
        for heading in map("".join, TIMELINE.findall(page)):
            if not re.search(r"· (CET|CEST|UTC)$", heading.strip()):
                wrong.append(f"{route.name}: no zone in the heading {heading!r}")
        text = text_of(TIMELINE.sub(" ", page))
        wrong += [f"{route.name}: {text[max(0, one.start() - 40) : one.end() + 10]!r}" for one in CLOCK.finditer(text)]
        wrong += [f"{route.name}: {one}" for one in TOOLTIP.findall(page) if not one.endswith(("CET", "CEST"))]
        if SHOWN.search(text):
            shown.add(route.path)
    assert not wrong, "\n".join(wrong)
    assert {"/", "/runs", "/runs/{run_id}", "/workflows"} <= shown, shown


def test_templates_write_times_by_the_one_formatter() -> None:
    """`minute` has no zone: it stands below a heading that has one, in the timeline of a contact alone."""
    files = [path for folder in TEMPLATES for path in folder.rglob("*.html")]
    assert [str(path) for path in files if "strftime" in path.read_text()] == []
    bare = [
        path.name for path in files if re.search(r"""(when\(|ui\.time\([^)]*, )["']minute["']\)""", path.read_text())
    ]
    assert bare == ["contact.html"]
